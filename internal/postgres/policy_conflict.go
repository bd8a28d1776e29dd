package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// RecordPolicyConflicts makes these the conflicts of the policies in force at an epoch, and tells subscribers of those that are new: of
// one between the same versions they hear once for as long as it lasts, whoever finds it. Conflict when the epoch is another by now.
func (s *Store) RecordPolicyConflicts(ctx context.Context, epoch int64, conflicts []placement.PolicyEvent) (told int, err error) {
	const forgetSQL = `DELETE FROM policy_conflict WHERE NOT (id = ANY($1))`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		told = 0
		if err := lockEpoch(ctx, tx); err != nil {
			return err
		}
		now, err := readEpoch(ctx, tx)
		if err != nil {
			return err
		}
		if now != epoch {
			return placement.Errorf(placement.Conflict, "what is in force changed: the epoch is %d, not %d", now, epoch)
		}
		ids := make([]string, 0, len(conflicts))
		for i := range conflicts {
			ids = append(ids, conflictID(&conflicts[i]))
		}
		if _, err := tx.Exec(ctx, forgetSQL, ids); err != nil {
			return err
		}
		for i := range conflicts {
			fresh, err := noteConflict(ctx, tx, &conflicts[i])
			if err != nil {
				return err
			}
			if !fresh {
				continue
			}
			told++
			if err := tell(ctx, tx, conflicts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return told, err
}

// noteConflict records a conflict that subscribers are told of, and tells whether it was not recorded before.
func noteConflict(ctx context.Context, tx pgx.Tx, e *placement.PolicyEvent) (fresh bool, err error) {
	const noteSQL = `INSERT INTO policy_conflict (id) VALUES ($1) ON CONFLICT DO NOTHING`
	tag, err := tx.Exec(ctx, noteSQL, conflictID(e))
	return err == nil && tag.RowsAffected() > 0, err
}

// conflictID names a conflict by the versions between which it is.
func conflictID(e *placement.PolicyEvent) string {
	var parts []string
	for i, id := range e.PolicyIDs {
		parts = append(parts, id+" "+e.Versions[i])
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
