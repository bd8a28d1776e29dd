package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// queueResidue records what is left on a locked host, in a batch. Residues of the same source are one, as old as the
// latest. What has no id or time gets a new id and the database's time. The host's revision must grow with it.
func queueResidue(b *pgx.Batch, key placement.HostKey, residues ...placement.Residue) {
	const residueSQL = `
		INSERT INTO residue AS r (nfvi_pop_id, host_id, id, trust_domain_id, nf_instance, since, below_vm, device)
		VALUES ($1, $2, $3, $4, $5, coalesce($6, statement_timestamp()), $7, $8)
		ON CONFLICT (nfvi_pop_id, host_id, trust_domain_id, nf_instance, below_vm, device)
		DO UPDATE SET since = greatest(r.since, excluded.since)`
	for i := range residues {
		r := &residues[i]
		id := r.ID
		if id == "" {
			id = uuid.NewString()
		}
		b.Queue(residueSQL, key.NFVIPoPID, key.HostID, id, r.TrustDomainID, r.NFInstance, zeroToNull(r.Since), r.BelowVM, r.Device)
	}
}

// dropClearedResidue removes what no rule can hold against the host any more: since it was left, the host was imaged
// anew, cut-through devices were reset where one was handed back, and the host was attested after that.
func dropClearedResidue(ctx context.Context, tx pgx.Tx, key placement.HostKey) error {
	const dropSQL = `
		DELETE FROM residue r
		WHERE r.nfvi_pop_id = $1 AND r.host_id = $2
		  AND EXISTS (SELECT FROM scrub_record s, host h
		              WHERE s.nfvi_pop_id = $1 AND s.host_id = $2 AND s.level = 'REIMAGE' AND s.at >= r.since
		                AND h.nfvi_pop_id = $1 AND h.id = $2 AND h.attestation_state = 'TRUSTED' AND h.attested_at >= s.at)
		  AND (NOT r.device OR EXISTS (SELECT FROM scrub_record s
		                               WHERE s.nfvi_pop_id = $1 AND s.host_id = $2 AND s.device_reset AND s.at >= r.since))`
	_, err := tx.Exec(ctx, dropSQL, key.NFVIPoPID, key.HostID)
	return err
}

// changeHost ends a change of a locked host's record: its revision and generation grow, and its after-image, with
// residue, scrub records, attestation and dedication, goes into the feed.
func changeHost(ctx context.Context, tx pgx.Tx, key placement.HostKey) error {
	const changeSQL = `
		UPDATE host SET revision = revision + 1, gen = gen + 1, changed_txid = pg_current_xact_id()
		WHERE nfvi_pop_id = $1 AND id = $2`
	if _, err := tx.Exec(ctx, changeSQL, key.NFVIPoPID, key.HostID); err != nil {
		return err
	}
	return feedHost(ctx, tx, key)
}

// feedHost appends the record of a changed host to the feed as the database has it: residues are merged there.
func feedHost(ctx context.Context, tx pgx.Tx, key placement.HostKey) error {
	hosts, err := readHosts(ctx, tx, key.NFVIPoPID, []string{key.HostID})
	if err != nil || len(hosts) == 0 {
		return err
	}
	return appendChanges(ctx, tx, hostChange(&hosts[0]))
}

// checkPast refuses evidence from the future, by the database's clock: it would count for longer than it should.
func checkPast(ctx context.Context, tx pgx.Tx, what string, at time.Time) (time.Time, error) {
	const clockSQL = `SELECT coalesce($1, statement_timestamp()), coalesce($1 > statement_timestamp() + $2::interval, false)`
	var effective time.Time
	var future bool
	if err := tx.QueryRow(ctx, clockSQL, zeroToNull(at), clockTolerance).Scan(&effective, &future); err != nil {
		return time.Time{}, err
	}
	if future {
		return time.Time{}, placement.Errorf(placement.Invalid, "the time of the %s, %s, is in the future: check the clock that it was taken from",
			what, at.UTC().Format(time.RFC3339))
	}
	return effective.UTC(), nil
}

// clockTolerance is how far a reporter's clock may be ahead of the database's.
const clockTolerance = 2 * time.Second
