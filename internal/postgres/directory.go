package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// The kinds of object that the directory knows.
const (
	directoryHost     = "HOST"
	directoryGrant    = "GRANT"
	directoryDecision = "DECISION"
)

// popOf returns the NFVI-PoP of what a URI names by its id alone. The error is pgx.ErrNoRows when there is no such object.
func popOf(ctx context.Context, q queryer, kind, id string) (nfviPoPID string, err error) {
	const popSQL = `SELECT nfvi_pop_id FROM directory WHERE kind = $1 AND id = $2`
	err = q.QueryRow(ctx, popSQL, kind, id).Scan(&nfviPoPID)
	return nfviPoPID, err
}

// queueDirectory adds an object to the directory, in a batch. An id that is in use violates directory_pk.
func queueDirectory(b *pgx.Batch, kind, id, nfviPoPID string) {
	const insertSQL = `INSERT INTO directory (kind, id, nfvi_pop_id) VALUES ($1, $2, $3)`
	b.Queue(insertSQL, kind, id, nfviPoPID)
}

// hostKey completes a host's id with its NFVI-PoP.
func hostKey(ctx context.Context, q queryer, hostID string) (placement.HostKey, error) {
	pop, err := popOf(ctx, q, directoryHost, hostID)
	if errors.Is(err, pgx.ErrNoRows) {
		return placement.HostKey{}, notFound("host", hostID)
	}
	return placement.HostKey{NFVIPoPID: pop, HostID: hostID}, translate(err)
}

// hostKeys completes the ids of hosts; those that do not exist are missing in the result.
func hostKeys(ctx context.Context, q queryer, ids []string) (map[string]placement.HostKey, error) {
	const keysSQL = `SELECT id, nfvi_pop_id FROM directory WHERE kind = 'HOST' AND id = ANY($1)`
	rows, err := q.Query(ctx, keysSQL, ids)
	if err != nil {
		return nil, err
	}
	keys := make(map[string]placement.HostKey, len(ids))
	var k placement.HostKey
	_, err = pgx.ForEachRow(rows, []any{&k.HostID, &k.NFVIPoPID}, func() error {
		keys[k.HostID] = k
		return nil
	})
	return keys, err
}
