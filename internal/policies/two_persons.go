package policies

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Settings are what the operator decides about the life cycle.
type Settings struct {
	ReadInventory InventoryReader  // reads the worlds of the policies' own tests
	OnePerson     bool             // whoever transferred a version may put it in force: there is only one principal
	BreakGlassFor time.Duration    // for how long one person alone may have put a version in force
	Now           func() time.Time // the database's time
	// NotifyConflicts lets policies that contradict each other be in force together, and tells subscribers of it. Else what
	// would bring that about is refused.
	NotifyConflicts   bool
	HostMappingMaxAge time.Duration // as decisions have it
}

// approved is what a modification makes of a policy once it is clear who asks for it: what is put in force was transferred
// by somebody else, or the glass is broken, with a reason and for a limited time. Both records were read under the policy's
// lock. Taking a policy out of force needs no second person.
func (s *Service) approved(actor string, m *Modification, before, after placement.PolicyRecord) (placement.PolicyRecord, error) {
	author := after.Author(after.SelectedVersion)
	switch {
	case !after.Activated, s.settings.OnePerson:
		after.BreakGlass = nil
	case !putsInForce(&before, &after):
		if m.SelectedVersion != "" && before.BreakGlass != nil && actor != author && actor != before.BreakGlass.By {
			after.BreakGlass = nil // selecting what is in force already confirms it
		}
	case actor != author:
		after.BreakGlass = nil
	case m.BreakGlass == "":
		return after, placement.Errorf(placement.Forbidden,
			"version %s of policy %s was transferred by %s, who cannot put it in force as well: that takes another client with the role APPROVER; "+
				"in an emergency, the header Ringfence-Break-Glass with a reason does it for %s, recorded in the audit trail",
			after.SelectedVersion, after.ID, author, s.settings.BreakGlassFor)
	default:
		now := s.settings.Now()
		after.BreakGlass = &placement.BreakGlass{By: actor, Reason: m.BreakGlass, At: now, Until: now.Add(s.settings.BreakGlassFor)}
	}
	return after, nil
}

// putsInForce tells whether a change puts something in force that was not before.
func putsInForce(before, after *placement.PolicyRecord) bool {
	return after.Activated && (!before.Activated || before.SelectedVersion != after.SelectedVersion || !slices.Equal(before.Associations, after.Associations))
}

// warnOfBreakGlass tells the log when one person alone has put a version in force just now.
func (s *Service) warnOfBreakGlass(ctx context.Context, actor string, p *placement.PolicyRecord) {
	if g := p.BreakGlass; g != nil && g.By == actor {
		s.log.WarnContext(ctx, "one person alone put a policy version in force", slog.String("policyId", p.ID), slog.String("version", p.SelectedVersion),
			slog.String("by", g.By), slog.String("reason", g.Reason), slog.Time("confirmUntil", g.Until))
	}
}

// overrides are what a version overrides in an emergency, in words. An emergency does not last longer than the operator allows: it is
// refused to put in force what would.
func (s *Service) overrides(p *placement.PolicyRecord, compiled *policy.Policy, now time.Time) ([]string, error) {
	var out []string
	latest := now.Add(s.settings.BreakGlassFor)
	for _, r := range compiled.Rules {
		for i := range r.Exceptions {
			e := &r.Exceptions[i]
			switch {
			case e.BreakGlass == "" || !now.Before(e.ExpiresAt):
			case e.ExpiresAt.After(latest):
				return nil, placement.Errorf(placement.Conflict,
					"version %s of policy %s overrides rule %s until %s (%s), and an emergency may last no longer than %s from now: "+
						"transfer a version whose exception ends earlier. Nothing was changed",
					p.SelectedVersion, p.ID, r.ID, e.ExpiresAt.Format(time.RFC3339), e.Ticket, s.settings.BreakGlassFor)
			default:
				out = append(out, fmt.Sprintf("rule %s on %s until %s, approved by %s (%s): %s",
					r.ID, strings.Join(e.Hosts, ", "), e.ExpiresAt.Format(time.RFC3339), e.ApprovedBy, e.Ticket, e.BreakGlass))
			}
		}
	}
	return out, nil
}
