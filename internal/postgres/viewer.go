package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"ringfence/internal/placement"
)

// What callers read runs as the role ringfence_caller, which may only read, and of which row level security shows what
// is theirs to know: the predicates of the statements are the first wall, these are the second. What the service reads
// for itself, decisions above all, does not pass here.

// becomeSQL makes a transaction a caller's. It must not be a session's, which a pooler would give to another caller.
const becomeSQL = `
	SELECT set_config('ringfence.client_id', $1, true), set_config('ringfence.reads_all', $2, true), set_config('ringfence.li', $3, true),
	       set_config('role', 'ringfence_caller', true)`

func becomeArgs(v placement.Viewer) []any {
	return []any{v.ClientID, onOff(v.ReadsAll), onOff(v.LI)}
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// reads is where the statements of a caller's reads go: the pool itself where nobody but the service reads.
func (s *Store) reads(ctx context.Context) queryer {
	if v, ok := placement.ViewerFrom(ctx); ok {
		return viewedReads{pool: s.pool, viewer: v}
	}
	return s.pool
}

// viewedReads runs each statement in a transaction of its own as a caller, in one round trip.
type viewedReads struct {
	pool   *pgxpool.Pool
	viewer placement.Viewer
}

// Query implements queryer.
func (v viewedReads) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := v.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	var b pgx.Batch
	b.Queue(`BEGIN READ ONLY`)
	b.Queue(becomeSQL, becomeArgs(v.viewer)...)
	b.Queue(sql, args...)
	b.Queue(`COMMIT`)
	results := conn.SendBatch(ctx, &b)
	for range 2 {
		if _, err = results.Exec(); err != nil {
			break
		}
	}
	var rows pgx.Rows
	if err == nil {
		rows, err = results.Query()
	}
	if err != nil {
		err = errors.Join(err, results.Close())
		conn.Release()
		return nil, err
	}
	return &viewedRows{Rows: rows, results: results, conn: conn}, nil
}

// QueryRow implements queryer.
func (v viewedReads) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := v.Query(ctx, sql, args...)
	return viewedRow{rows: rows, err: err}
}

// viewedRows ends the transaction with the rows. A connection in a failed transaction is not used again: the pool closes it.
type viewedRows struct {
	pgx.Rows
	results pgx.BatchResults
	conn    *pgxpool.Conn
	closed  bool
}

// Close ends the rows, their transaction, and the use of the connection.
func (r *viewedRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.Rows.Close()
	_ = r.results.Close() // what went wrong with the rows is their Err; a COMMIT of reads has nothing to lose
	r.conn.Release()
}

type viewedRow struct {
	rows pgx.Rows
	err  error
}

// Scan implements pgx.Row.
func (r viewedRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		r.rows.Close()
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// become makes a read-only transaction the caller's, where a caller reads.
func become(ctx context.Context, tx pgx.Tx) error {
	v, ok := placement.ViewerFrom(ctx)
	if !ok {
		return nil
	}
	_, err := tx.Exec(ctx, becomeSQL, becomeArgs(v)...)
	return err
}

// knownTo runs reads within a writer's transaction so that they show what the client that writes may know, and refuses
// documents that write what it may not: what belongs to lawful interception is for those who are cleared for it, and to
// refer to it is for others to refer to nothing.
func knownTo(ctx context.Context, q queryer, doc *placement.Inventory, read func() error) error {
	v, ok := placement.ViewerFrom(ctx)
	if !ok || v.LI {
		return read()
	}
	for i := range doc.TrustDomains {
		if doc.TrustDomains[i].Category == placement.CategoryLI {
			return placement.Errorf(placement.Forbidden, "trust domain %q is of category LI: that takes the role LI_ADMIN as well", doc.TrustDomains[i].ID)
		}
	}
	var taken bool
	const takenSQL = `SELECT EXISTS (SELECT FROM unnest($1::text[]) AS i (id) WHERE to_json(i.id)::text = ANY (hidden_names()))`
	if err := q.QueryRow(ctx, takenSQL, written(doc)).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return placement.Errorf(placement.Conflict, "one of the ids cannot be used: choose others")
	}
	var role string
	args := becomeArgs(placement.Viewer{ClientID: v.ClientID, ReadsAll: true})
	if err := q.QueryRow(ctx, becomeSQL, args...).Scan(nil, nil, nil, &role); err != nil {
		return err
	}
	if err := read(); err != nil {
		return err // the transaction ends with it
	}
	return q.QueryRow(ctx, `SELECT set_config('role', 'none', true)`).Scan(&role)
}

// knownHostKey is the key of a host that a caller writes about, by its id. One for lawful interception is not there for who is not cleared.
func knownHostKey(ctx context.Context, q queryer, hostID string) (placement.HostKey, error) {
	if v, ok := placement.ViewerFrom(ctx); ok && !v.LI {
		var hidden bool
		if err := q.QueryRow(ctx, `SELECT $1 IN (SELECT hidden_hosts())`, hostID).Scan(&hidden); err != nil {
			return placement.HostKey{}, translate(err)
		}
		if hidden {
			return placement.HostKey{}, notFound("host", hostID)
		}
	}
	return hostKey(ctx, q, hostID)
}

// written lists the ids of what a document writes and lawful interception may have.
func written(doc *placement.Inventory) (ids []string) {
	for i := range doc.TrustDomains {
		ids = append(ids, doc.TrustDomains[i].ID)
	}
	for i := range doc.HostPools {
		ids = append(ids, doc.HostPools[i].ID)
	}
	for i := range doc.Hosts {
		ids = append(ids, doc.Hosts[i].ID)
	}
	for i := range doc.VNFProfiles {
		ids = append(ids, doc.VNFProfiles[i].VNFDID)
	}
	return ids
}
