package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// queueDirectives writes the directives that were issued to a locked host. Their order in the aggregated feed is that of their
// numbers.
func queueDirectives(b *pgx.Batch, h *lockedHost) error {
	const directiveSQL = `
		INSERT INTO directive (nfvi_pop_id, host_id, seq, kind, decision_id, grant_id, residency_id, vim_connection_id, issued_at, body, enforcement)
		SELECT $1, $2, d.seq, d.kind, d.decision_id, d.grant_id, d.residency_id, $3, $4, d.body::json, $11
		FROM unnest($5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
		     AS d (seq, kind, decision_id, grant_id, residency_id, body)
		ORDER BY d.seq`
	n := len(h.directives)
	if n == 0 {
		return nil
	}
	seqs, kinds, decisions := make([]int64, n), make([]string, n), make([]string, n)
	grants, residencies, bodies := make([]string, n), make([]string, n), make([]string, n)
	for i := range h.directives {
		d := &h.directives[i]
		body, residencyID, err := directiveBody(d)
		if err != nil {
			return err
		}
		seqs[i], kinds[i], decisions[i], grants[i], residencies[i], bodies[i] = d.Seq, string(d.Kind), d.DecisionID, d.GrantID, residencyID, string(body)
	}
	b.Queue(directiveSQL, h.key.NFVIPoPID, h.key.HostID, h.host.VIMConnectionID, h.directives[0].IssuedAt,
		seqs, kinds, decisions, grants, residencies, bodies, string(h.enforcement()))
	queueCacheOrders(b, h)
	return nil
}

type directiveRow struct {
	NFVIPoPID  string     `db:"nfvi_pop_id"`
	HostID     string     `db:"host_id"`
	Seq        int64      `db:"seq"`
	Kind       string     `db:"kind"`
	DecisionID string     `db:"decision_id"`
	GrantID    string     `db:"grant_id"`
	IssuedAt   time.Time  `db:"issued_at"`
	Body       []byte     `db:"body"`
	Enforced   string     `db:"enforcement"`
	AckOutcome *string    `db:"ack_outcome"`
	AckDetail  *string    `db:"ack_detail"`
	AckedAt    *time.Time `db:"acked_at"`
}

const directiveColumns = `
	nfvi_pop_id, host_id, seq, kind, decision_id, grant_id, issued_at, body, enforcement, ack_outcome, ack_detail, acked_at`

func directiveFromRow(r *directiveRow) (placement.Directive, error) {
	d := placement.Directive{
		NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, Seq: r.Seq, DecisionID: r.DecisionID, GrantID: r.GrantID, IssuedAt: r.IssuedAt.UTC(),
		Kind: placement.DirectiveKind(r.Kind), Enforcement: placement.DirectiveEnforcement(r.Enforced),
	}
	if r.AckOutcome != nil {
		d.Ack = &placement.Ack{
			HostID: r.HostID, Seq: r.Seq, Outcome: placement.AckOutcome(*r.AckOutcome), Detail: nullToEmpty(r.AckDetail), At: nullToZero(r.AckedAt),
		}
	}
	return d, setDirectiveBody(&d, r.Body)
}

// HostDirectives returns directives of a host after a sequence number, ascending. They are durable.
func (s *Store) HostDirectives(ctx context.Context, hostID string, after int64, limit int) ([]placement.Directive, error) {
	const listSQL = `
		SELECT ` + directiveColumns + `
		FROM directive
		WHERE nfvi_pop_id = $1 AND host_id = $2 AND seq > $3
		ORDER BY seq
		LIMIT $4`
	key, err := hostKey(ctx, s.pool, hostID)
	if err != nil {
		return nil, err
	}
	list, err := collect(ctx, s.pool, directiveFromRow, listSQL, key.NFVIPoPID, key.HostID, after, limit)
	if err != nil || len(list) == 0 {
		return nil, translate(err)
	}
	return list, s.barrier(ctx)
}

// LatestDirectiveSeq returns the number of the last directive to a host; 0: none.
func (s *Store) LatestDirectiveSeq(ctx context.Context, hostID string) (int64, error) {
	const latestSQL = `SELECT coalesce(max(seq), 0) FROM directive WHERE nfvi_pop_id = $1 AND host_id = $2`
	key, err := hostKey(ctx, s.pool, hostID)
	if err != nil {
		return 0, err
	}
	var seq int64
	err = s.pool.QueryRow(ctx, latestSQL, key.NFVIPoPID, key.HostID).Scan(&seq)
	return seq, translate(err)
}

// feedDirectiveRow is a directive with its place in the aggregated feed.
type feedDirectiveRow struct {
	directiveRow

	TxID   uint64 `db:"txid"`
	FeedID int64  `db:"feed_id"`
}

// Directives returns directives to the hosts of a VIM connection (empty: to all hosts) after a marker, which is opaque
// (empty: from the first), and the marker to go on with. withoutLI leaves hosts of lawful interception out. Nothing is lost to slow transactions, because only those are
// read below which none is running; per host the order is that of the sequence numbers. They are durable.
func (s *Store) Directives(ctx context.Context, vimConnectionID, marker string, withoutLI bool, limit int) ([]placement.Directive, string, error) {
	const listSQL = `
		SELECT ` + directiveColumns + `, txid, feed_id
		FROM directive
		WHERE ($1 = '' OR vim_connection_id = $1) AND (txid, feed_id) > ($2, $3) AND txid < pg_snapshot_xmin(pg_current_snapshot())
		  AND (NOT $4 OR host_id NOT IN (SELECT hidden_hosts()))
		ORDER BY txid, feed_id
		LIMIT $5`
	var after placement.FeedPosition
	if marker != "" {
		var err error
		if after, err = placement.ParseFeedPosition(marker); err != nil {
			return nil, "", placement.Wrap(placement.Invalid, err, "the marker %q was not given by this feed: leave it out to start from the first directive", marker)
		}
	}
	next := marker
	list, err := collect(ctx, s.pool, func(r *feedDirectiveRow) (placement.Directive, error) {
		next = placement.FeedPosition{TxID: r.TxID, Row: r.FeedID}.String()
		return directiveFromRow(&r.directiveRow)
	}, listSQL, vimConnectionID, after.TxID, after.Row, withoutLI, limit)
	if err != nil || len(list) == 0 {
		return nil, marker, translate(err)
	}
	return list, next, s.barrier(ctx)
}
