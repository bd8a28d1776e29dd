package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

// misses names the rows that a statement was meant to change and did not find as expected.
type misses []string

// expectOne notes a miss unless the statement changed exactly one row.
func (m *misses) expectOne(q *pgx.QueuedQuery, name string) {
	q.Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			*m = append(*m, name)
		}
		return nil
	})
}

// hostGuard is what must hold of a host, by the database's clock, for placements to be written to it. The zero value
// demands nothing: who leaves a host may always leave.
type hostGuard struct {
	places  bool          // something is placed there: it must be in service and have room
	trusted bool          // its attestation must be TRUSTED
	limit   time.Duration // how old its attestation may be; 0: any age
	margin  time.Duration // that the attestation must still have
	until   time.Time     // when the emergency ends in which its age does not count; zero: it is none
}

// queueHostUpdate writes what the transaction makes of a locked host's own row. Use may stay above the capacity where
// inventory says so, but nothing that is placed may take it there.
func queueHostUpdate(b *pgx.Batch, h *lockedHost, g hostGuard, missed *misses) {
	const updateSQL = `
		UPDATE host SET
			cpu_millis_used = cpu_millis_used + $3, memory_mib_used = memory_mib_used + $4,
			ephemeral_storage_mib_used = ephemeral_storage_mib_used + $5, hugepages_2mi_used = hugepages_2mi_used + $6,
			hugepages_1gi_used = hugepages_1gi_used + $7, sriov_vfs_used = sriov_vfs_used + $8,
			gpus_used = gpus_used + $9, tee_guests_used = tee_guests_used + $10,
			directive_seq = $11, dedicated_identity = $12, dedicated_id = $13, revision = revision + $14,
			gen = gen + 1, changed_txid = pg_current_xact_id()
		WHERE nfvi_pop_id = $1 AND id = $2
		  AND (NOT $15::boolean OR lifecycle = 'IN_SERVICE'
			AND ($3::bigint <= 0 OR cpu_millis_used + $3 <= cpu_millis_total)
			AND ($4::bigint <= 0 OR memory_mib_used + $4 <= memory_mib_total)
			AND ($5::bigint <= 0 OR ephemeral_storage_mib_used + $5 <= ephemeral_storage_mib_total)
			AND ($6::bigint <= 0 OR hugepages_2mi_used + $6 <= hugepages_2mi_total)
			AND ($7::bigint <= 0 OR hugepages_1gi_used + $7 <= hugepages_1gi_total)
			AND ($8::bigint <= 0 OR sriov_vfs_used + $8 <= sriov_vfs_total)
			AND ($9::bigint <= 0 OR gpus_used + $9 <= gpus_total)
			AND ($10::bigint <= 0 OR tee_guests_used + $10 <= tee_guests_total)
			AND (NOT $16::boolean OR attestation_state = 'TRUSTED')
			AND ($17::interval IS NULL
			     OR attested_at > statement_timestamp() - $17::interval + $18::interval
			        AND (attestation_valid_until IS NULL OR attestation_valid_until > statement_timestamp() + $18::interval))
			AND ($19::timestamptz IS NULL OR $19 > statement_timestamp()))`
	const extSQL = `
		UPDATE host_ext_capacity SET used = used + $4
		WHERE nfvi_pop_id = $1 AND host_id = $2 AND dimension = $3 AND (NOT $5::boolean OR $4::bigint <= 0 OR used + $4 <= total)`
	args := []any{h.key.NFVIPoPID, h.key.HostID}
	for _, dimension := range placement.Dimensions() {
		args = append(args, h.delta[dimension])
	}
	var identity, id *string
	if to := h.host.DedicatedTo; to != nil {
		name := string(to.Identity)
		identity, id = &name, &to.ID
	}
	revisions := 0
	if h.changed {
		revisions = 1
	}
	var limit *time.Duration
	if g.limit > 0 {
		limit = &g.limit
	}
	var until *time.Time
	if !g.until.IsZero() {
		until = &g.until
	}
	args = append(args, h.directiveSeq+int64(len(h.directives)), identity, id, revisions, g.places, g.trusted, limit, g.margin, until)
	missed.expectOne(b.Queue(updateSQL, args...), h.key.HostID)
	for _, dimension := range extDimensions(h.delta) {
		missed.expectOne(b.Queue(extSQL, h.key.NFVIPoPID, h.key.HostID, dimension, h.delta[dimension], g.places), h.key.HostID)
	}
}

// after is the host's record as the transaction leaves it.
func (h *lockedHost) after() *placement.Host {
	next := h.host
	if h.changed {
		next.Revision++
	}
	return &next
}
