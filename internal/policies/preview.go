package policies

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// How much of a preview is listed. Everything is counted.
const (
	maxComponents = 500
	maxViolations = 200
)

// Schema is the JSON Schema of policy documents.
func Schema() []byte { return policy.Schema() }

// Analyse says what there is to say of a stored version: what the analysis finds, what would become of the inventory as it is
// now if the version were in force, and what became of its rules since another version. Where no other version is named, that
// is the selected one, if it is not the version itself.
func (s *Service) Analyse(ctx context.Context, policyID, version, compareTo string) (placement.PolicyAnalysis, error) {
	p, err := s.store.GetPolicy(ctx, policyID)
	if err != nil {
		return placement.PolicyAnalysis{}, err
	}
	if compareTo == "" && p.SelectedVersion != version {
		compareTo = p.SelectedVersion
	}
	p.SelectedVersion = version
	candidate, err := s.active(ctx, &p)
	if err != nil {
		return placement.PolicyAnalysis{}, err
	}
	var old *placement.ActivePolicy
	if compareTo != "" {
		p.SelectedVersion = compareTo
		compared, err := s.active(ctx, &p)
		if err != nil {
			return placement.PolicyAnalysis{}, err
		}
		old = &compared
	}
	_, others, err := s.surroundings(ctx, policyID)
	if err != nil {
		return placement.PolicyAnalysis{}, err
	}
	select { // one at a time: a preview takes what processors there are
	case s.previewing <- struct{}{}:
		defer func() { <-s.previewing }()
	case <-ctx.Done():
		return placement.PolicyAnalysis{}, ctx.Err()
	}
	view, err := s.fleet.View().For(placement.ViewerFrom(ctx))
	if err != nil {
		return placement.PolicyAnalysis{}, err
	}
	return Preview(view, s.settings.Now(), s.settings.HostMappingMaxAge, candidate, others, old)
}

// Preview analyses a version of a policy on a view of a fleet, beside the other policies in force, and compares it with an older
// version where there is one. What it answers depends on its arguments alone.
func Preview(v *fleet.View, now time.Time, mappingMaxAge time.Duration, candidate placement.ActivePolicy, others []placement.ActivePolicy,
	old *placement.ActivePolicy,
) (placement.PolicyAnalysis, error) {
	set, err := policy.CompileSet(others)
	if err != nil {
		return placement.PolicyAnalysis{}, err
	}
	out := placement.PolicyAnalysis{PolicyID: candidate.Ref.ID, Version: candidate.Ref.Version, At: now, Epoch: v.Epoch, Position: v.Position}
	compiled, findings := policy.Examine(candidate.Content, candidate.Ref, candidate.Associations, around(v, set, now))
	out.Findings = findings
	if compiled == nil {
		return out, nil
	}
	after, err := policy.CompileSet(append(slices.Clone(others), candidate))
	if err != nil {
		return placement.PolicyAnalysis{}, err
	}
	impact := solver.Impact(v, after, solver.ImpactOptions{
		Now: now, HostMappingMaxAge: mappingMaxAge, MaxComponents: maxComponents, MaxViolations: maxViolations,
	})
	out.Impact = &impact
	out.Findings = append(out.Findings, homeless(&impact)...)
	if n := impact.Residencies.Evicted; n > 0 {
		out.Findings = append(out.Findings, placement.Finding{Severity: policy.SeverityWarning, Code: policy.CodeEvicts, Message: evicts(n)})
	}
	if old != nil {
		before, faults := policy.Load(old.Content, old.Ref, old.Associations)
		if before == nil {
			return out, &placement.Error{
				Kind: placement.Conflict, Findings: faults,
				Message: "version " + old.Ref.Version + " means nothing to this program any more, so that nothing can be compared with it",
			}
		}
		out.ComparedTo, out.Changes = old.Ref.Version, policy.Diff(v.Catalogue, before, compiled)
	}
	return out, nil
}

func around(v *fleet.View, others *policy.Set, now time.Time) policy.Surroundings {
	return policy.Surroundings{
		Catalogue: v.Catalogue, Others: others, Now: now,
		HasHost: func(id string) bool { _, known := v.Slot(id); return known },
	}
}

// evicts says how many residencies go.
func evicts(n int) string {
	if n == 1 {
		return "1 residency that runs now would be evicted"
	}
	return strconv.Itoa(n) + " residencies that run now would be evicted"
}

// homeless are the findings about components and trust domains that no host is left for: by what the words mean, whatever
// hosts there were, or by the inventory as it is.
func homeless(impact *placement.PolicyImpact) []placement.Finding {
	var out []placement.Finding
	tell := func(code, message string, rules []string) {
		slices.Sort(rules)
		out = append(out, placement.Finding{Severity: policy.SeverityWarning, Code: code, RuleIDs: slices.Compact(rules), Message: message})
	}
	for i := range impact.Components {
		c := &impact.Components[i]
		who := "component " + c.ComponentID + " of VNFD " + c.VNFDID
		switch {
		case len(c.Never) > 0:
			tell(policy.CodeNoHostEver, who+": no host could ever take it, because what it is contradicts "+strings.Join(c.Never, ", "), slices.Clone(c.Never))
		case c.Eligible.After == 0 && c.NearestMiss != nil:
			var rules []string
			for _, r := range c.NearestMiss.Reasons {
				rules = append(rules, r.RuleID)
			}
			tell(policy.CodeNoHostNow, who+": the inventory has no host for it now; nearest is "+c.NearestMiss.HostID+", refused by "+strings.Join(rules, ", "), rules)
		case c.Eligible.After == 0:
			tell(policy.CodeNoHostNow, who+": the inventory has no host for it now", nil)
		}
	}
	for _, d := range impact.TrustDomains {
		if d.Eligible.After == 0 {
			tell(policy.CodeNoHostNow, "trust domain "+d.TrustDomainID+": the inventory has no host for any of its components now", nil)
		}
	}
	return out
}
