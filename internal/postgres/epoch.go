package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// The keys of the advisory locks. They are taken as the first statements of a transaction, before it has an id: the
// ids of transactions that exclude each other by such a lock are then in the order of the lock, and so is the feed.
const (
	inventoryLock = 0x72696e67_0001 // serialises the inventory's writers, who choose ids and move things between hosts
	epochLock     = 0x72696e67_0002 // shared: decides by the present epoch; exclusive: changes what decides
)

// lockInventory excludes other writers of the inventory until the end of the transaction.
func lockInventory(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(inventoryLock))
	return err
}

// lockEpoch holds the epoch until the end of the transaction: nothing that decides changes. The epoch is read in the
// next statement (readEpoch).
func lockEpoch(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared($1)`, int64(epochLock))
	return err
}

// lockEpochExclusive lets the transaction change what decides: it waits for all running decisions, and keeps new ones
// waiting until its end.
func lockEpochExclusive(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(epochLock))
	return err
}

// readEpoch reads the epoch.
func readEpoch(ctx context.Context, tx pgx.Tx) (int64, error) {
	var epoch int64
	err := tx.QueryRow(ctx, `SELECT epoch FROM policy_epoch`).Scan(&epoch)
	return epoch, err
}

// bumpEpoch increments the epoch, which the transaction holds exclusively, and appends it to the feed.
func bumpEpoch(ctx context.Context, tx pgx.Tx) error {
	const bumpSQL = `UPDATE policy_epoch SET epoch = epoch + 1 RETURNING epoch`
	var epoch int64
	if err := tx.QueryRow(ctx, bumpSQL).Scan(&epoch); err != nil {
		return err
	}
	return appendChanges(ctx, tx, placement.Change{Kind: placement.ChangePolicyEpoch, ID: epochID, Epoch: epoch})
}

// Epoch returns the present policy epoch.
func (s *Store) Epoch(ctx context.Context) (int64, error) {
	var epoch int64
	err := s.pool.QueryRow(ctx, `SELECT epoch FROM policy_epoch`).Scan(&epoch)
	return epoch, translate(err)
}
