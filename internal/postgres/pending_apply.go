package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// systemActor is who acts in the audit trail when no client does.
const systemActor = "ringfence"

// ApprovePendingChange applies a change that waits: all of it or nothing, if its objects are as they were when it was proposed.
// Else it is stale for good (Conflict). The epoch is held exclusively: when the function has returned, every decision that commits
// later has used the change. For one that its proposer applied alone, it records who confirms that.
//
// Approve says what is recorded of the decision; its error undoes everything.
func (s *Store) ApprovePendingChange(ctx context.Context, id string, a placement.PendingApproval) (approved placement.PendingChange, err error) {
	var stale []string
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		stale = nil
		if err := planForBulk(ctx, tx); err != nil {
			return err
		}
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		if err := lockEpochExclusive(ctx, tx); err != nil {
			return err
		}
		before, err := readPendingChange(ctx, tx, id, "FOR UPDATE")
		if err != nil {
			return err
		}
		unconfirmed := before.State == placement.PendingApplied && before.Decision.BreakGlass != nil && before.Decision.ConfirmedBy == ""
		if before.State != placement.PendingOpen && !unconfirmed {
			return placement.Errorf(placement.Conflict, "the change is %s already", before.State)
		}
		decision, err := a.Approve(before)
		if err != nil {
			return err
		}
		if unconfirmed {
			return s.confirm(ctx, tx, before, a.Actor, decision, &approved)
		}
		now, err := objectStates(ctx, tx, before.Changes)
		if err != nil {
			return err
		}
		if stale = moved(before.Base, now); len(stale) > 0 {
			decision.BreakGlass = nil
			return s.decided(ctx, tx, before, placement.PendingStale, a.Actor, decision, "STALE_CHANGE", map[string]string{"moved": named(stale)}, &approved)
		}
		if err := applyPending(ctx, tx, before, &a); err != nil {
			return err
		}
		return s.decided(ctx, tx, before, placement.PendingApplied, a.Actor, decision, "APPROVE_CHANGE",
			map[string]string{"proposedBy": before.ProposedBy, "objects": objectsText(before.Differences)}, &approved)
	})
	if err == nil && len(stale) > 0 {
		err = placement.Errorf(placement.Conflict, "what the change was made for has changed since it was proposed (%s), so it was not applied and is STALE: ask for it again", named(stale))
	}
	return approved, err
}

// named lists objects, as many as somebody reads.
func named(objects []string) string {
	rest := ""
	if len(objects) > namedReferrers {
		objects, rest = objects[:namedReferrers], " and others"
	}
	return strings.Join(objects, ", ") + rest
}

// applyPending writes what a change stores.
func applyPending(ctx context.Context, tx pgx.Tx, p *placement.PendingChange, a *placement.PendingApproval) error {
	doc := placement.Inventory{}
	t := importTx{tx: tx, counts: map[string]placement.ImportCount{}}
	for i := range p.Changes {
		if !doc.Add(&p.Changes[i]) { // to be deleted
			changes, err := catalogueOf(p.Changes[i].Kind).drop(ctx, tx, p.Changes[i].ID)
			if err != nil {
				return err
			}
			t.changes = append(t.changes, changes...)
		}
	}
	if err := checkReferences(ctx, tx, &doc); err != nil {
		return err
	}
	if err := t.apply(ctx, &doc, a.Facts, a.End); err != nil {
		return err
	}
	return recordCatalogue(ctx, tx, a.Actor, t.changes)
}

// confirm records that another client stands by what one client applied alone.
func (s *Store) confirm(ctx context.Context, tx pgx.Tx, before *placement.PendingChange, actor string, d placement.PendingDecision, after *placement.PendingChange) error {
	const confirmSQL = `UPDATE pending_change SET confirmed_by = $2, revision = revision + 1 WHERE id = $1`
	if _, err := tx.Exec(ctx, confirmSQL, before.ID, d.ConfirmedBy); err != nil {
		return err
	}
	return s.recordDecision(ctx, tx, before.ID, actor, "CONFIRM_BREAK_GLASS", map[string]string{"by": before.Decision.By}, after)
}

// decided writes what became of a change that waited, and in the audit trail apart from that when one person alone applied it.
func (s *Store) decided(ctx context.Context, tx pgx.Tx, before *placement.PendingChange, state placement.PendingState, actor string, d placement.PendingDecision,
	action string, detail map[string]string, after *placement.PendingChange,
) error {
	const decideSQL = `
		UPDATE pending_change SET
			state = $2, decided_by = $3, decided_at = statement_timestamp(), decision_reason = $4, break_glass_reason = $5, break_glass_until = $6,
			revision = revision + 1
		WHERE id = $1`
	var reason *string
	var until *time.Time
	if g := d.BreakGlass; g != nil {
		reason, until = &g.Reason, &g.Until
		glass := map[string]string{"reason": g.Reason, "until": g.Until.Format(time.RFC3339), "objects": objectsText(before.Differences)}
		if err := audit(ctx, tx, noPoP, actor, "BREAK_GLASS", before.ID, glass); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, decideSQL, before.ID, state, actor, d.Reason, reason, until); err != nil {
		return err
	}
	return s.recordDecision(ctx, tx, before.ID, actor, action, detail, after)
}

func (s *Store) recordDecision(ctx context.Context, tx pgx.Tx, id, actor, action string, detail map[string]string, after *placement.PendingChange) error {
	if err := audit(ctx, tx, noPoP, actor, action, id, detail); err != nil {
		return err
	}
	p, err := readPendingChange(ctx, tx, id, "")
	if err == nil {
		*after = *p
	}
	return err
}

// RejectPendingChange ends a change that waits; nothing is applied.
func (s *Store) RejectPendingChange(ctx context.Context, id, actor, reason string) (rejected placement.PendingChange, err error) {
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		before, err := readPendingChange(ctx, tx, id, "FOR UPDATE")
		if err != nil {
			return err
		}
		if before.State != placement.PendingOpen {
			return placement.Errorf(placement.Conflict, "the change is %s already", before.State)
		}
		return s.decided(ctx, tx, before, placement.PendingRejected, actor, placement.PendingDecision{Reason: reason}, "REJECT_CHANGE",
			map[string]string{"proposedBy": before.ProposedBy, "reason": reason}, &rejected)
	})
	return rejected, err
}
