package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// appendChanges appends rows to the change feed, in the transaction that makes the changes.
func appendChanges(ctx context.Context, tx pgx.Tx, changes ...placement.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if len(changes) > copiedFrom {
		return copyChanges(ctx, tx, changes)
	}
	var b pgx.Batch
	if err := queueChanges(&b, changes...); err != nil {
		return err
	}
	return tx.SendBatch(ctx, &b).Close()
}

// copiedFrom is the number of changes from which COPY is faster than a statement.
const copiedFrom = 1000

// copyChanges appends many changes.
func copyChanges(ctx context.Context, tx pgx.Tx, changes []placement.Change) error {
	columns := []string{"nfvi_pop_id", "kind", "object_id", "after"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"change_feed"}, columns, pgx.CopyFromSlice(len(changes), func(i int) ([]any, error) {
		c := &changes[i]
		after, err := afterImage(c)
		if err != nil || after == nil {
			return []any{cmp.Or(c.NFVIPoPID, noPoP), string(c.Kind), c.ID, nil}, err
		}
		return []any{cmp.Or(c.NFVIPoPID, noPoP), string(c.Kind), c.ID, after}, nil
	}))
	return err
}

// queueChanges adds the statement of appendChanges to a batch. Their order in the feed is that of the arguments.
func queueChanges(b *pgx.Batch, changes ...placement.Change) error {
	const appendSQL = `
		INSERT INTO change_feed (nfvi_pop_id, kind, object_id, after)
		SELECT c.nfvi_pop_id, c.kind, c.object_id, c.after::jsonb
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS c (nfvi_pop_id, kind, object_id, after, n)
		ORDER BY c.n`
	n := len(changes)
	pops, kinds, ids, afters := make([]string, n), make([]string, n), make([]string, n), make([]*string, n)
	for i := range changes {
		c := &changes[i]
		after, err := afterImage(c)
		if err != nil {
			return fmt.Errorf("after-image of %s %q: %w", c.Kind, c.ID, err)
		}
		if after != nil {
			text := string(after)
			afters[i] = &text
		}
		pops[i], kinds[i], ids[i] = cmp.Or(c.NFVIPoPID, noPoP), string(c.Kind), c.ID
	}
	b.Queue(appendSQL, pops, kinds, ids, afters)
	return nil
}

// hostChange is the change of a host to its present state.
func hostChange(h *placement.Host) placement.Change {
	return placement.Change{Kind: placement.ChangeHost, NFVIPoPID: h.NFVIPoPID, ID: h.ID, Host: h}
}

// residencyChange is the change of a residency to its present state.
func residencyChange(r *placement.Residency) placement.Change {
	return placement.Change{Kind: placement.ChangeResidency, NFVIPoPID: r.NFVIPoPID, ID: r.ID, Residency: r}
}

// residencyGone is the end of a residency.
func residencyGone(nfviPoPID, id string) placement.Change {
	return placement.Change{Kind: placement.ChangeResidency, NFVIPoPID: nfviPoPID, ID: id}
}

// feedRow is a row of change_feed.
type feedRow struct {
	TxID      uint64
	ID        int64
	NFVIPoPID string
	Kind      string
	ObjectID  string
	After     []byte
}

func (r *feedRow) change() (placement.Change, error) {
	c := placement.Change{
		Position: placement.FeedPosition{TxID: r.TxID, Row: r.ID}, Kind: placement.ChangeKind(r.Kind), NFVIPoPID: r.NFVIPoPID, ID: r.ObjectID,
	}
	if c.NFVIPoPID == noPoP {
		c.NFVIPoPID = ""
	}
	return c, readAfterImage(&c, r.After)
}

// ReadFeed returns up to limit changes after a position, in the feed's order over all NFVI-PoPs. It returns only rows
// of transactions below which none is still running, so that nothing can appear later before what was returned: the
// state after applying a result is that of a prefix of the feed.
func (s *Store) ReadFeed(ctx context.Context, after placement.FeedPosition, limit int) ([]placement.Change, error) {
	const readSQL = `
		SELECT txid, id, nfvi_pop_id, kind, object_id, after::text
		FROM change_feed
		WHERE (txid, id) > ($1, $2) AND txid < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY txid, id
		LIMIT $3`
	var changes []placement.Change
	err := s.eachChange(ctx, func(c placement.Change) error {
		changes = append(changes, c)
		return nil
	}, readSQL, after.TxID, after.Row, limit)
	return changes, translate(err)
}

// ReplayFeed calls fn with every change after from up to and including to, in the feed's order, to rebuild the state
// of a position. The zero position is the beginning of the retained feed.
func (s *Store) ReplayFeed(ctx context.Context, from, to placement.FeedPosition, fn func(placement.Change) error) error {
	const replaySQL = `
		SELECT txid, id, nfvi_pop_id, kind, object_id, after::text
		FROM change_feed
		WHERE (txid, id) > ($1, $2) AND (txid, id) <= ($3, $4) AND txid < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY txid, id`
	return translate(s.eachChange(ctx, fn, replaySQL, from.TxID, from.Row, to.TxID, to.Row))
}

// eachChange runs a query for feed rows. An error of fn is returned as it is.
func (s *Store) eachChange(ctx context.Context, fn func(placement.Change) error, sql string, args ...any) error {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r feedRow
	for rows.Next() {
		r.After = nil
		if err := rows.Scan(&r.TxID, &r.ID, &r.NFVIPoPID, &r.Kind, &r.ObjectID, &r.After); err != nil {
			return err
		}
		c, err := r.change()
		if err != nil {
			return err
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	return rows.Err()
}

// FeedHead returns the position of the newest change that ReadFeed returns, and whether committed changes exist that
// it does not return yet, because an older transaction is still running.
func (s *Store) FeedHead(ctx context.Context) (head placement.FeedPosition, pending bool, err error) {
	return feedHead(ctx, s.pool)
}

// FeedNewest returns the position of the newest committed change, whether ReadFeed returns it yet or not. A view that has
// reached it includes everything that was committed before the call.
func (s *Store) FeedNewest(ctx context.Context) (newest placement.FeedPosition, err error) {
	const newestSQL = `SELECT txid, id FROM change_feed ORDER BY txid DESC, id DESC LIMIT 1`
	err = s.pool.QueryRow(ctx, newestSQL).Scan(&newest.TxID, &newest.Row)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return newest, translate(err)
}

// queryer is what a pool and a transaction have in common.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func feedHead(ctx context.Context, q queryer) (head placement.FeedPosition, pending bool, err error) {
	const headSQL = `
		WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin),
		     newest AS (SELECT f.txid, f.id FROM change_feed f WHERE f.txid < (SELECT xmin FROM horizon) ORDER BY f.txid DESC, f.id DESC LIMIT 1)
		SELECT coalesce((SELECT txid FROM newest), '0'::xid8), coalesce((SELECT id FROM newest), 0),
		       EXISTS (SELECT FROM change_feed f WHERE f.txid >= (SELECT xmin FROM horizon))`
	err = q.QueryRow(ctx, headSQL).Scan(&head.TxID, &head.Row, &pending)
	return head, pending, translate(err)
}

// endOf is the position behind every row of the transactions below a transaction id.
func endOf(txid uint64) placement.FeedPosition {
	return placement.FeedPosition{TxID: txid - 1, Row: math.MaxInt64}
}
