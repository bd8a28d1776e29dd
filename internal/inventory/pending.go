package inventory

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

type pendingStore interface {
	GetPendingChange(ctx context.Context, id string) (placement.PendingChange, error)
	// ListPendingChanges returns changes, with what they store when whole.
	ListPendingChanges(ctx context.Context, page placement.Page, whole bool) ([]placement.PendingChange, error)
	// ApprovePendingChange applies a change as a whole, or not at all. A Conflict says that it cannot be applied any more.
	ApprovePendingChange(ctx context.Context, id string, a placement.PendingApproval) (placement.PendingChange, error)
	RejectPendingChange(ctx context.Context, id, actor, reason string) (placement.PendingChange, error)
	ExpirePendingChanges(ctx context.Context, limit int) (int, error)
}

// PendingChanges returns a page of the changes that wait for a second person, or did. What they store comes with them when they are
// wanted whole.
func (s *Service) PendingChanges(ctx context.Context, page placement.Page, whole bool) ([]placement.PendingChange, error) {
	return s.store.ListPendingChanges(ctx, page, whole)
}

// PendingChange returns one.
func (s *Service) PendingChange(ctx context.Context, id string) (placement.PendingChange, error) {
	return s.store.GetPendingChange(ctx, id)
}

// Approve applies a change that waits. Who asked for it cannot, unless the glass is broken with a reason: then another client has
// to approve it once more, in time, which confirms it. Kinds of errors: NotFound, Forbidden (the same person), Conflict (decided
// already, expired, or its objects have changed since), Invalid, Unavailable.
func (s *Service) Approve(ctx context.Context, actor, id, breakGlass string) (placement.PendingChange, error) {
	breakGlass = strings.TrimSpace(breakGlass)
	p, err := s.store.GetPendingChange(ctx, id)
	if err != nil {
		return p, err
	}
	if p.State == placement.PendingOpen {
		if err := s.recheck(ctx, &p); err != nil {
			return p, err
		}
	}
	approved, err := s.store.ApprovePendingChange(ctx, id, placement.PendingApproval{
		Actor: actor, Facts: s.allowFacts, End: s.endRules(),
		Approve: func(before *placement.PendingChange) (placement.PendingDecision, error) {
			return s.approved(before, actor, breakGlass)
		},
	})
	if g := approved.Decision.BreakGlass; err == nil && g != nil && approved.Decision.ConfirmedBy == "" {
		s.log.WarnContext(ctx, "one person alone changed security-relevant inventory", slog.String("pendingChangeId", id), slog.String("by", g.By),
			slog.String("reason", g.Reason), slog.Time("confirmUntil", g.Until))
	}
	return approved, err
}

// recheck holds what is to be applied against what an import is held against, since that may depend on what else has changed.
func (s *Service) recheck(ctx context.Context, p *placement.PendingChange) error {
	var doc placement.Inventory
	for i := range p.Changes {
		doc.Add(&p.Changes[i])
	}
	var f faults
	if err := s.checkDocument(ctx, &doc, &f); err != nil {
		return err
	}
	return f.refusal()
}

// approved says what is recorded of an approval, if it is one: of another person than the one who asked, or of that one in an
// emergency.
func (s *Service) approved(before *placement.PendingChange, actor, breakGlass string) (placement.PendingDecision, error) {
	d := before.Decision
	switch {
	case before.State == placement.PendingApplied && actor == d.By:
		return d, placement.Errorf(placement.Forbidden, "%s applied the change alone, so another client with the role APPROVER confirms it", d.By)
	case before.State == placement.PendingApplied:
		d.ConfirmedBy = actor
	case actor != before.ProposedBy:
		d.By = actor
	case breakGlass == "":
		return d, placement.Errorf(placement.Forbidden,
			"the change was asked for by %s, who cannot approve it as well: that takes another client with the role APPROVER; "+
				"in an emergency, the header Ringfence-Break-Glass with a reason does it for %s, recorded in the audit trail", before.ProposedBy, s.breakGlassFor)
	default:
		now := s.Now()
		d.By, d.BreakGlass = actor, &placement.BreakGlass{By: actor, Reason: breakGlass, At: now, Until: now.Add(s.breakGlassFor)}
	}
	return d, nil
}

// Reject ends a change that waits; nothing is applied. Who asked for it may take it back this way.
func (s *Service) Reject(ctx context.Context, actor, id, reason string) (placement.PendingChange, error) {
	if _, err := s.store.GetPendingChange(ctx, id); err != nil { // as the caller may know it
		return placement.PendingChange{}, err
	}
	return s.store.RejectPendingChange(ctx, id, actor, strings.TrimSpace(reason))
}

// Expire records of changes that nobody decided in time that they have expired, at most limit of them, and returns how many.
func (s *Service) Expire(ctx context.Context, limit int) (int, error) {
	return s.store.ExpirePendingChanges(ctx, limit)
}

// How much of a preview is listed. Everything is counted.
const (
	maxComponents = 500
	maxViolations = 200
)

// Preview says what would become of the inventory as it is now if a change that waits were applied, with the policies in force.
func (s *Service) Preview(ctx context.Context, id string) (placement.ChangePreview, error) {
	p, err := s.store.GetPendingChange(ctx, id)
	if err != nil {
		return placement.ChangePreview{}, err
	}
	if p.State != placement.PendingOpen {
		return placement.ChangePreview{}, placement.Errorf(placement.Conflict, "the change is %s already, so there is nothing to look ahead to", p.State)
	}
	// What is proposed may rest on what another replica has written just now.
	if err := s.fleet.CatchUp(ctx); err != nil {
		return placement.ChangePreview{}, err
	}
	select { // one at a time: a preview takes what processors there are
	case s.previewing <- struct{}{}:
		defer func() { <-s.previewing }()
	case <-ctx.Done():
		return placement.ChangePreview{}, ctx.Err()
	}
	view, err := s.fleet.View().For(placement.ViewerFrom(ctx))
	if err != nil {
		return placement.ChangePreview{}, err
	}
	return PreviewChange(view, &p, s.Now(), s.mappingMaxAge)
}

// PreviewChange compares a view of a fleet with what it would be with a change. What it answers depends on its arguments alone.
func PreviewChange(v *fleet.View, p *placement.PendingChange, now time.Time, mappingMaxAge time.Duration) (placement.ChangePreview, error) {
	changes := make([]placement.Change, len(p.Changes))
	for i := range p.Changes {
		changes[i] = asStored(v, p.Changes[i])
	}
	after, err := v.After(changes...)
	if err != nil {
		return placement.ChangePreview{}, err
	}
	return placement.ChangePreview{
		PendingChangeID: p.ID, At: now, Epoch: v.Epoch, Position: v.Position,
		Impact: solver.ImpactOfChange(v, after, solver.ImpactOptions{Now: now, HostMappingMaxAge: mappingMaxAge, MaxComponents: maxComponents, MaxViolations: maxViolations}),
	}, nil
}

// asStored completes an object by what others than its writer say about it.
func asStored(v *fleet.View, c placement.Change) placement.Change {
	slot, known := v.Slot(c.ID)
	switch {
	case c.Host != nil && known:
		old, next := v.Host(slot), *c.Host
		next.Attestation, next.AttestedCapabilities = old.Attestation, old.AttestedCapabilities&next.Capabilities
		next.DedicatedTo, next.Residue, next.Scrubs = old.DedicatedTo, old.Residue, old.Scrubs
		c.Host = &next
	case c.Residency != nil:
		if old := v.Residency(c.ID); old != nil && old.GrantID != "" {
			c.Residency = old
		}
	}
	return c
}
