package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// UpdatePolicy changes the record of a policy by a function of what is stored; with ifRevision only that revision of it.
// Where that changes what is in force, it holds the epoch exclusively, increments it, and gives the feed the whole set
// of active policies: when the function has returned, every decision that commits later has used it. Versions,
// revision and id stay. inForce, which may be nil, then sees that whole set: its error undoes the change, and what it returns
// is told to subscribers with it.
func (s *Store) UpdatePolicy(ctx context.Context, id string, ifRevision *int64, actor string,
	change func(placement.PolicyRecord) (placement.PolicyRecord, error), inForce func([]placement.ActivePolicy) ([]placement.PolicyEvent, error),
) (updated placement.PolicyRecord, err error) {
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		// Whether the change decides is known only when the policy is locked, and the epoch's lock comes before.
		if err := lockEpochExclusive(ctx, tx); err != nil {
			return err
		}
		before, err := lockPolicy(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkRevision("policy", id, ifRevision, before.Revision); err != nil {
			return err
		}
		after, err := change(before)
		if err != nil {
			return err
		}
		if samePolicy(&before, &after) && sameBreakGlass(before.BreakGlass, after.BreakGlass) {
			updated = before
			return nil
		}
		if err := writePolicy(ctx, tx, id, &after); err != nil {
			return err
		}
		var events []placement.PolicyEvent
		if changesForce(&before, &after) {
			if events, err = recordActivation(ctx, tx, inForce); err != nil {
				return err
			}
		}
		if updated, err = getPolicy(ctx, tx, id); err != nil {
			return err
		}
		if !samePolicy(&before, &after) { // of who confirmed what, the standard knows nothing
			events = append([]placement.PolicyEvent{modified(&before, &updated)}, events...)
		}
		for _, e := range events {
			if e.Type == placement.NotifyPolicyConflict { // who watches what is in force is not to tell of it again
				if _, err := noteConflict(ctx, tx, &e); err != nil {
					return err
				}
			}
			if err := tell(ctx, tx, e); err != nil {
				return err
			}
		}
		if len(after.Overrides) > 0 && changesForce(&before, &after) {
			detail := map[string]string{"selectedVersion": after.SelectedVersion, "overrides": strings.Join(after.Overrides, "; ")}
			if err := audit(ctx, tx, noPoP, actor, "OVERRIDE", id, detail); err != nil {
				return err
			}
		}
		return auditPolicyUpdate(ctx, tx, actor, &before, &updated)
	})
	return updated, err
}

// auditPolicyUpdate records what was changed, and apart from that when one person alone put it in force, or another confirmed it.
func auditPolicyUpdate(ctx context.Context, tx pgx.Tx, actor string, before, after *placement.PolicyRecord) error {
	detail := map[string]string{"selectedVersion": after.SelectedVersion, "activated": strconv.FormatBool(after.Activated)}
	if sameBreakGlass(before.BreakGlass, after.BreakGlass) {
		return audit(ctx, tx, noPoP, actor, policyAction(before, after), after.ID, detail)
	}
	if changesForce(before, after) {
		if err := audit(ctx, tx, noPoP, actor, policyAction(before, after), after.ID, detail); err != nil {
			return err
		}
	}
	if g := after.BreakGlass; g != nil {
		return audit(ctx, tx, noPoP, actor, "BREAK_GLASS", after.ID, map[string]string{
			"selectedVersion": after.SelectedVersion, "reason": g.Reason, "until": g.Until.Format(time.RFC3339),
		})
	}
	if changesForce(before, after) { // what the glass was broken for is no longer in force
		return nil
	}
	return audit(ctx, tx, noPoP, actor, "CONFIRM_BREAK_GLASS", after.ID, map[string]string{"selectedVersion": after.SelectedVersion, "by": before.BreakGlass.By})
}

func samePolicy(a, b *placement.PolicyRecord) bool {
	return a.Designer == b.Designer && a.Name == b.Name && a.PFID == b.PFID && a.SelectedVersion == b.SelectedVersion &&
		a.Activated == b.Activated && slices.Equal(a.Associations, b.Associations)
}

func sameBreakGlass(a, b *placement.BreakGlass) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// changesForce tells whether a change of a policy changes what is in force.
func changesForce(before, after *placement.PolicyRecord) bool {
	if !before.Activated && !after.Activated {
		return false
	}
	return before.Activated != after.Activated || before.SelectedVersion != after.SelectedVersion || !slices.Equal(before.Associations, after.Associations)
}

func policyAction(before, after *placement.PolicyRecord) string {
	switch {
	case !before.Activated && after.Activated:
		return "ACTIVATE"
	case before.Activated && !after.Activated:
		return "DEACTIVATE"
	case before.SelectedVersion != after.SelectedVersion:
		return "SELECT"
	}
	return "UPDATE_POLICY"
}

func writePolicy(ctx context.Context, tx pgx.Tx, id string, p *placement.PolicyRecord) error {
	const updateSQL = `
		UPDATE policy SET
			designer = $2, name = $3, pf_id = $4, selected_version = $5, activated = $6, associations = $7, revision = revision + 1,
			break_glass_by = $8, break_glass_reason = $9, break_glass_at = $10, break_glass_until = $11
		WHERE id = $1`
	var by, reason *string
	var at, until *time.Time
	if g := p.BreakGlass; g != nil {
		by, reason, at, until = &g.By, &g.Reason, &g.At, &g.Until
	}
	_, err := tx.Exec(ctx, updateSQL, id, p.Designer, p.Name, p.PFID, emptyToNull(p.SelectedVersion), p.Activated, notNil(p.Associations),
		by, reason, at, until)
	return err
}

// recordActivation gives the feed the policies that are in force now, and the next epoch.
func recordActivation(ctx context.Context, tx pgx.Tx, inForce func([]placement.ActivePolicy) ([]placement.PolicyEvent, error)) (
	events []placement.PolicyEvent, err error,
) {
	policies, err := activePolicies(ctx, tx)
	if err != nil {
		return nil, err
	}
	if inForce != nil {
		if events, err = inForce(policies); err != nil {
			return nil, err
		}
	}
	if len(policies) > 0 {
		const firstSQL = `UPDATE policy_epoch SET first_activated_at = statement_timestamp() WHERE first_activated_at IS NULL`
		if _, err := tx.Exec(ctx, firstSQL); err != nil {
			return nil, err
		}
	}
	if err := appendChanges(ctx, tx, policiesChange(policies)); err != nil {
		return nil, err
	}
	return events, bumpEpoch(ctx, tx)
}

func policiesChange(policies []placement.ActivePolicy) placement.Change {
	return placement.Change{Kind: placement.ChangePolicies, ID: policiesID, Policies: policies}
}

type activePolicyRow struct {
	ID           string   `db:"id"`
	Version      string   `db:"version"`
	SHA256       string   `db:"sha256"`
	Content      []byte   `db:"content"`
	Associations []string `db:"associations"`
}

// activePolicies returns the policy versions in force, ascending by policy id.
func activePolicies(ctx context.Context, q queryer) ([]placement.ActivePolicy, error) {
	const activeSQL = `
		SELECT p.id, v.version, v.sha256, v.content, p.associations
		FROM policy p
		JOIN policy_version v ON v.policy_id = p.id AND v.version = p.selected_version
		WHERE p.activated
		ORDER BY p.id`
	return collect(ctx, q, func(r *activePolicyRow) (placement.ActivePolicy, error) {
		return placement.ActivePolicy{
			Ref:     placement.PolicyRef{ID: r.ID, Version: r.Version, SHA256: r.SHA256},
			Content: r.Content, Associations: nilIfEmpty(r.Associations),
		}, nil
	}, activeSQL)
}
