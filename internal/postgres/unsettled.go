package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// The bounds of what is recorded at a time of directives that are not carried out. The oldest of a host say what is the matter.
const (
	unsettledPerHost = 10
	unsettledInAll   = 5000
)

// heardEvery is how exact the time is at which a host was heard last: a report that says nothing new writes no more often than that.
const heardEvery = 2 * time.Minute

// queueFollower notes that directives of a host are answered, and whether those are that concern the host itself.
func queueFollower(b *pgx.Batch, key placement.HostKey, kind placement.DirectiveKind) {
	const followerSQL = `
		INSERT INTO directive_follower AS f (nfvi_pop_id, host_id, whole_host, heard_at) VALUES ($1, $2, $3, statement_timestamp())
		ON CONFLICT (nfvi_pop_id, host_id) DO UPDATE SET whole_host = f.whole_host OR excluded.whole_host, heard_at = excluded.heard_at
		WHERE excluded.whole_host AND NOT f.whole_host OR f.heard_at < excluded.heard_at - $4::interval`
	b.Queue(followerSQL, key.NFVIPoPID, key.HostID, kind != placement.DirectivePlace && kind != placement.DirectiveRelease, heardEvery)
}

// RecordUnsettled makes the record of directives that are not carried out what the table of directives says: those that were answered
// FAILED, and those that are not answered and older than a duration, by the database's clock, on hosts that answer otherwise. It
// writes nothing (Conflict) for a process that another one has replaced.
func (s *Store) RecordUnsettled(ctx context.Context, checker string, overdueAfter time.Duration, policyEpoch int64) (out placement.UnsettledRecord, err error) {
	const openSQL = `
		SELECT nfvi_pop_id, id, host_id, residency_id, policy_id, rule_id, against_id, enforcement, evict, eviction, object
		FROM violation
		WHERE until IS NULL AND source = 'DIRECTIVES'`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockViolations(ctx, tx, checker); err != nil {
			return err
		}
		found, err := unsettled(ctx, tx, overdueAfter)
		if err != nil {
			return err
		}
		for i := range found {
			found[i].PolicyEpoch = policyEpoch
		}
		open, err := collect(ctx, tx, func(r *openViolationRow) (openViolationRow, error) { return *r, nil }, openSQL)
		if err != nil {
			return err
		}
		d := compareViolations(open, found)
		out = placement.UnsettledRecord{Ended: len(d.gone)}
		for _, v := range d.fresh {
			out.Opened = append(out.Opened, *v)
		}
		if err := openViolations(ctx, tx, placement.SourceDirectives, d.fresh); err != nil {
			return err
		}
		return endViolations(ctx, tx, d.gone)
	})
	return out, err
}

// unsettled finds directives that were not carried out. A directive counts no more once its residency has ended, or a later one
// orders the same. A PLACE is a right: whoever starts the workload decides when, and the reservation's expiry watches over it. What was
// only recorded, because the VIM connection was observed, is to be carried out once that is enforced.
func unsettled(ctx context.Context, q queryer, overdueAfter time.Duration) ([]placement.Violation, error) {
	const unsettledSQL = `
		WITH open AS (
			SELECT d.*
			FROM directive d
			WHERE d.ack_outcome = 'FAILED' OR d.ack_outcome IS NULL AND d.kind <> 'PLACE'
			UNION ALL
			SELECT d.*
			FROM directive d LEFT JOIN enforcement_mode m ON m.subject = 'VIM_CONNECTION' AND m.subject_id = d.vim_connection_id
			WHERE d.ack_outcome = 'RECORDED' AND coalesce(m.mode, 'ENFORCE') = 'ENFORCE' AND $1::interval > '0'
			  AND greatest(d.acked_at, m.since) < statement_timestamp() - $1::interval
		), d AS (
			SELECT d.*, row_number() OVER (PARTITION BY d.nfvi_pop_id, d.host_id ORDER BY d.seq) AS nth
			FROM open d
			JOIN host h ON h.nfvi_pop_id = d.nfvi_pop_id AND h.id = d.host_id AND h.lifecycle <> 'RETIRED'
			LEFT JOIN directive_follower f ON f.nfvi_pop_id = d.nfvi_pop_id AND f.host_id = d.host_id
			WHERE (d.ack_outcome IS NOT NULL
			       OR (d.kind = 'RELEASE' OR f.whole_host) AND $1::interval > '0' AND d.issued_at < statement_timestamp() - $1::interval)
			  AND (f.host_id IS NOT NULL OR EXISTS (SELECT FROM observed_state o WHERE o.nfvi_pop_id = d.nfvi_pop_id AND o.host_id = d.host_id))
			  AND (d.residency_id = '' OR EXISTS (SELECT FROM residency r WHERE r.nfvi_pop_id = d.nfvi_pop_id AND r.id = d.residency_id))
			  AND NOT EXISTS (
				SELECT FROM directive l
				WHERE l.nfvi_pop_id = d.nfvi_pop_id AND l.host_id = d.host_id AND l.seq > d.seq AND l.kind = d.kind AND l.residency_id = d.residency_id
				  AND CASE d.kind WHEN 'CACHE' THEN l.body->>'digest' = d.body->>'digest' WHEN 'PURGE' THEN l.body::text = d.body::text ELSE true END))
		SELECT d.nfvi_pop_id, d.host_id, d.seq, d.kind, d.residency_id, d.issued_at, coalesce(d.ack_detail, '') AS detail,
		       coalesce(d.ack_outcome = 'FAILED', false) AS failed, coalesce(r.vnf_instance_id, '') AS vnf_instance_id, coalesce(r.trust_domain_id, '') AS trust_domain_id
		FROM d
		LEFT JOIN residency r ON d.residency_id <> '' AND r.nfvi_pop_id = d.nfvi_pop_id AND r.id = d.residency_id
		WHERE d.nth <= $2
		ORDER BY d.nfvi_pop_id, d.host_id, d.seq
		LIMIT $3`
	return collect(ctx, q, violationOfUnsettled, unsettledSQL, overdueAfter, unsettledPerHost, unsettledInAll)
}

type unsettledRow struct {
	NFVIPoPID     string    `db:"nfvi_pop_id"`
	HostID        string    `db:"host_id"`
	Seq           int64     `db:"seq"`
	Kind          string    `db:"kind"`
	ResidencyID   string    `db:"residency_id"`
	IssuedAt      time.Time `db:"issued_at"`
	Detail        string    `db:"detail"`
	Failed        bool      `db:"failed"`
	VNFInstanceID string    `db:"vnf_instance_id"`
	TrustDomainID string    `db:"trust_domain_id"`
}

func violationOfUnsettled(r *unsettledRow) (placement.Violation, error) {
	seq := strconv.FormatInt(r.Seq, 10)
	v := placement.Violation{
		NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, ResidencyID: r.ResidencyID, VNFInstanceID: r.VNFInstanceID, TrustDomainID: r.TrustDomainID,
		Object: "seq " + seq, Enforcement: placement.Enforced, Eviction: placement.EvictionNone,
		Reason: placement.Reason{RuleID: placement.RuleDirectiveOverdue, Params: map[string]string{
			"host": r.HostID, "seq": seq, "kind": r.Kind, "issuedAt": r.IssuedAt.UTC().Format(time.RFC3339),
		}},
	}
	if r.Failed {
		v.Reason.RuleID = placement.RuleDirectiveFailed
		if r.Detail != "" {
			v.Reason.Params["detail"] = r.Detail
		}
	}
	v.Reason.Check = v.Reason.RuleID
	return v, nil
}
