package policies

import (
	"context"
	"fmt"
	"slices"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// errOthersChanged says that what a modification was judged beside is no longer what is in force.
var errOthersChanged = placement.Errorf(placement.Conflict, "other policies were put in force at the same time, again and again; nothing was changed, try again")

// agreement is what a policy comes to beside the other policies in force. It is found before anything is locked, since analysing
// takes long, and holds for these others alone.
type agreement struct {
	policyID string
	others   []placement.ActivePolicy
	events   []placement.PolicyEvent
	evicted  int // residencies that rules evict with it

	overrides []string // what it overrides in an emergency, in words
}

// overridden is what is overridden in an emergency, in words. A nil agreement is that of a policy that is not in force.
func (ag *agreement) overridden() []string {
	if ag == nil {
		return nil
	}
	return ag.overrides
}

// evictions is how many residencies rules evict. A nil agreement is that of a policy that is not in force.
func (ag *agreement) evictions() int {
	if ag == nil {
		return 0
	}
	return ag.evicted
}

// agree makes sure that what is selected means something to this program, with what it is associated with, and where it is in force
// does not contradict another policy, unless the setting is to put it in force nevertheless and to tell.
func (s *Service) agree(ctx context.Context, p *placement.PolicyRecord) (*agreement, error) {
	v, err := s.store.GetPolicyVersion(ctx, p.ID, p.SelectedVersion)
	if err != nil {
		return nil, err
	}
	ag := &agreement{policyID: p.ID}
	around, others, err := s.surroundings(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	ag.others = others
	compiled, findings := policy.Examine(v.Content, placement.PolicyRef{ID: p.ID, Version: v.Version, SHA256: v.SHA256}, p.Associations, around)
	if compiled == nil {
		return nil, &placement.Error{
			Kind: placement.Invalid, Findings: findings,
			Message: "the policy document is refused; its findings say where and why",
		}
	}
	if p.Activated {
		if ag.overrides, err = s.overrides(p, compiled, around.Now); err != nil {
			return nil, err
		}
		if _, failed := RunTests(v.Content, s.settings.ReadInventory); len(failed) > 0 {
			return nil, &placement.Error{
				Kind: placement.Conflict, Findings: failed,
				Message: fmt.Sprintf("tests of version %s of policy %s fail with this version of ringfence; its findings say which. Nothing was changed", v.Version, p.ID),
			}
		}
		set, err := policy.CompileSet(append(slices.Clone(others), placement.ActivePolicy{
			Ref: placement.PolicyRef{ID: p.ID, Version: v.Version, SHA256: v.SHA256}, Content: v.Content, Associations: p.Associations,
		}))
		if err != nil {
			return nil, err
		}
		ag.evicted = solver.Evictions(s.fleet.View().With(set), s.settings.Now(), s.settings.HostMappingMaxAge)
	}
	against := slices.DeleteFunc(findings, func(f placement.Finding) bool { return f.Code != policy.CodePolicyConflict })
	if len(against) == 0 || !p.Activated {
		return ag, nil
	}
	if !s.settings.NotifyConflicts {
		for i := range against {
			against[i].Severity = policy.SeverityError
		}
		return nil, &placement.Error{
			Kind: placement.Conflict, Findings: against,
			Message: fmt.Sprintf("policy %s contradicts another policy in force; its findings say where. Nothing was changed: deactivate the other one, "+
				"or let policies that contradict each other be in force with the setting on-policy-conflict", p.ID),
		}
	}
	ag.events = conflicts(append(slices.Clone(others), placement.ActivePolicy{Ref: compiled.Ref}), against)
	return ag, nil
}

// conflicts are the events of policies in force that contradict each other: one for all contradictions between the same policies.
func conflicts(inForce []placement.ActivePolicy, findings []placement.Finding) []placement.PolicyEvent {
	versions := map[string]string{}
	for i := range inForce {
		versions[inForce[i].Ref.ID] = inForce[i].Ref.Version
	}
	var out []placement.PolicyEvent
	for i := range findings {
		var ids []string // first the policy that the finding is at
		for _, r := range findings[i].Rules {
			if !slices.Contains(ids, r.PolicyID) {
				ids = append(ids, r.PolicyID)
			}
		}
		if len(ids) < 2 {
			continue
		}
		k := slices.IndexFunc(out, func(e placement.PolicyEvent) bool { return slices.Equal(unique(e.PolicyIDs), unique(ids)) })
		if k >= 0 {
			out[k].Description += "; " + findings[i].Message
			continue
		}
		e := placement.PolicyEvent{Type: placement.NotifyPolicyConflict, PolicyIDs: ids, Description: findings[i].Message}
		for _, id := range ids {
			e.Versions = append(e.Versions, versions[id])
		}
		out = append(out, e)
	}
	return out
}

// with tells what subscribers are to hear when the policies are in force. It is called under lock. A nil agreement is that of a
// policy that is not in force.
func (ag *agreement) with(inForce []placement.ActivePolicy) ([]placement.PolicyEvent, error) {
	if ag == nil {
		return nil, nil
	}
	others := slices.DeleteFunc(slices.Clone(inForce), func(p placement.ActivePolicy) bool { return p.Ref.ID == ag.policyID })
	same := func(a, b placement.ActivePolicy) bool {
		return a.Ref == b.Ref && slices.Equal(a.Associations, b.Associations)
	}
	if !slices.EqualFunc(others, ag.others, same) {
		return nil, errOthersChanged
	}
	return ag.events, nil
}

// examine compiles and analyses a document, with everything that there is to say of it.
func (s *Service) examine(ctx context.Context, content []byte, ref placement.PolicyRef, associations []string) (*policy.Policy, []placement.Finding, error) {
	around, _, err := s.surroundings(ctx, ref.ID)
	if err != nil {
		return nil, nil, err
	}
	compiled, findings := policy.Examine(content, ref, associations, around)
	return compiled, findings, nil
}

// surroundings are what a policy is analysed against: the inventory, and the other policies in force.
func (s *Service) surroundings(ctx context.Context, policyID string) (policy.Surroundings, []placement.ActivePolicy, error) {
	if err := s.fleet.CatchUp(ctx); err != nil {
		return policy.Surroundings{}, nil, err
	}
	others, err := s.others(ctx, policyID)
	if err != nil {
		return policy.Surroundings{}, nil, err
	}
	set, err := policy.CompileSet(others)
	if err != nil {
		return policy.Surroundings{}, nil, err
	}
	return around(s.fleet.View(), set, s.settings.Now()), others, nil
}
