package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// lockHosts locks hosts until the end of the transaction, ascending, and returns those that do not exist. What is on
// them is read in a later statement. A host that a later transaction has changed makes this one start again
// (errOvertaken).
func lockHosts(ctx context.Context, tx pgx.Tx, keys []placement.HostKey) (missing []placement.HostKey, err error) {
	for _, p := range byPoP(keys) {
		locked, err := lockPoPHosts(ctx, tx, p.id, p.hostIDs)
		if err != nil {
			return nil, err
		}
		for _, id := range p.hostIDs {
			if !locked[id] {
				missing = append(missing, placement.HostKey{NFVIPoPID: p.id, HostID: id})
			}
		}
	}
	return missing, nil
}

// lockHost locks one host, which must exist.
func lockHost(ctx context.Context, tx pgx.Tx, key placement.HostKey) error {
	missing, err := lockHosts(ctx, tx, []placement.HostKey{key})
	if err == nil && len(missing) > 0 {
		return notFound("host", key.HostID)
	}
	return err
}

// lockHostsSQL locks hosts of one NFVI-PoP: $1, ids: $2. A row whose column overtaken is true makes the transaction
// return errOvertaken.
const lockHostsSQL = `
	SELECT id, changed_txid > pg_current_xact_id() AS overtaken
	FROM host
	WHERE nfvi_pop_id = $1 AND id = ANY($2)
	ORDER BY id
	FOR NO KEY UPDATE`

func lockPoPHosts(ctx context.Context, tx pgx.Tx, nfviPoPID string, ids []string) (locked map[string]bool, err error) {
	rows, err := tx.Query(ctx, lockHostsSQL, nfviPoPID, ids)
	if err != nil {
		return nil, err
	}
	locked = make(map[string]bool, len(ids))
	var id string
	var overtaken, late bool
	_, err = pgx.ForEachRow(rows, []any{&id, &overtaken}, func() error {
		locked[id] = true
		late = late || overtaken
		return nil
	})
	if err == nil && late {
		err = errOvertaken
	}
	return locked, err
}

// popHosts are hosts of one NFVI-PoP, ascending.
type popHosts struct {
	id      string
	hostIDs []string
}

// byPoP sorts hosts in lock order and groups them: a statement locks the hosts of one NFVI-PoP.
func byPoP(keys []placement.HostKey) []popHosts {
	var out []popHosts
	for _, k := range placement.SortHostKeys(slices.Clone(keys)) {
		if len(out) == 0 || out[len(out)-1].id != k.NFVIPoPID {
			out = append(out, popHosts{id: k.NFVIPoPID})
		}
		p := &out[len(out)-1]
		p.hostIDs = append(p.hostIDs, k.HostID)
	}
	return out
}

// extDimensions lists the dimensions outside the known ones whose amount is not 0, sorted.
func extDimensions(r placement.Resources) []string {
	var out []string
	for _, dimension := range slices.Sorted(maps.Keys(r)) {
		if strings.HasPrefix(dimension, placement.ExtPrefix) && r[dimension] != 0 {
			out = append(out, dimension)
		}
	}
	return out
}

// lockExisting locks hosts that were seen to exist; one that was deleted meanwhile is a conflict.
func lockExisting(ctx context.Context, tx pgx.Tx, keys []placement.HostKey) error {
	missing, err := lockHosts(ctx, tx, keys)
	if err == nil && len(missing) > 0 {
		return placement.Errorf(placement.Conflict, "the host %q was deleted meanwhile", missing[0].HostID)
	}
	return err
}

// touchHosts marks locked hosts as changed by this transaction.
func touchHosts(ctx context.Context, tx pgx.Tx, keys []placement.HostKey) error {
	const touchSQL = `UPDATE host SET gen = gen + 1, changed_txid = pg_current_xact_id() WHERE nfvi_pop_id = $1 AND id = ANY($2)`
	var b pgx.Batch
	for _, p := range byPoP(keys) {
		b.Queue(touchSQL, p.id, p.hostIDs)
	}
	return tx.SendBatch(ctx, &b).Close()
}
