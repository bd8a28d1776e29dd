package solver

import (
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Solve decides a request on a view. The plan is nil when the request is refused; the explanation then says
// why. An explanation of a granted request is as full as the inputs ask.
func Solve(v *fleet.View, in *placement.Inputs) (*placement.Plan, placement.Explanation) {
	if why := refusedOutright(v, in); len(why) > 0 {
		return nil, placement.Explanation{Reasons: why}
	}
	p := newProblem(v, in)
	filters := make([]*filter, len(p.demands))
	for i, d := range p.demands {
		filters[i] = p.newFilter(d)
	}
	p.budget = searchSteps
	blockers := map[string]bool{}
	st, ok := p.search(filters, p.order(filters), blockers)
	if !ok {
		return nil, p.explainRefusal(blockers)
	}
	ex := placement.Explanation{Warnings: st.warnings()}
	if in.ExplainLevel == placement.ExplainFunnel || in.ExplainLevel == placement.ExplainFull {
		ex.Demands = p.explainDemands()
	}
	return p.plan(st), ex
}

// refusedOutright finds what refuses a request before any host is looked at: no policy applies, or the request
// names something that nobody knows.
func refusedOutright(v *fleet.View, in *placement.Inputs) []placement.Reason {
	if len(v.Policies.For(in.Request.VNFInstanceID)) == 0 {
		return []placement.Reason{{RuleID: placement.RuleNoPolicy, Check: placement.RuleNoPolicy}}
	}
	var out []placement.Reason
	for i := range in.Demands {
		out = append(out, in.Demands[i].Unknown...)
	}
	known := map[string]bool{}
	for _, list := range [][]placement.ResourceDefinition{in.Request.AddResources, in.Request.TempResources, in.Request.UpdateResources, in.Request.RemoveResources} {
		for i := range list {
			known[list[i].ID] = true
		}
	}
	unknown := func(what, id string) {
		out = append(out, placement.Reason{RuleID: placement.RuleUnknown, Check: placement.RuleUnknown, Params: map[string]string{"object": what + " " + id}})
	}
	hidden := hiddenPools(v, in)
	for _, c := range newConstraints(v.Catalogue, resolveIn(v, hidden), in) {
		if c.soft {
			continue
		}
		for _, id := range c.unresolved {
			unknown("resource", id)
		}
		for _, id := range sortedSet(c.members) {
			if !known[id] {
				unknown("resource definition", id)
			}
		}
	}
	for _, id := range in.RestrictHosts {
		if slot, ok := v.Slot(id); !ok || hidden[v.Host(slot).HostPoolID] {
			unknown("host", id)
		}
	}
	return out
}

// plan renders the state as a plan, in the order of the request.
func (p *problem) plan(st *state) *placement.Plan {
	plan := &placement.Plan{Placements: make([]placement.Placement, len(p.members)), Releases: p.in.Releases}
	for i := range st.placed {
		pl := &st.placed[i]
		m, h, v := &p.members[pl.member], p.view.Host(pl.slot), &pl.verdict
		limit, trusted, until := p.demands[m.demand].candidate.AttestationLimit(h)
		plan.Placements[pl.member] = placement.Placement{
			ResourceDefinitionID: m.id, Demand: m.demand, NFVIPoPID: h.NFVIPoPID, ResourceZoneID: h.ResourceZoneID, HostID: h.ID,
			CISNodeID: v.CISNodeID, Runtime: v.Runtime, Isolation: v.Isolation, Cache: v.Cache, Claims: v.Claims,
			AttestationLimit: limit, AttestationState: trusted, OverriddenUntil: until,
		}
		if v.Dedicate != nil { // whichever member was placed first: what all of them together come to
			plan.Placements[pl.member].Dedicate = st.dedicated[h.ID]
		}
	}
	return plan
}

func (st *state) warnings() []placement.Reason {
	var out []placement.Reason
	for i := range st.placed {
		out = append(out, st.placed[i].verdict.Warnings...)
	}
	return out
}

// Candidate prepares one demand of the inputs for judging apart from a search, for verification and questions
// about caches.
func candidateFor(w *policy.World, d *placement.Demand, replicas policy.Replicas) *policy.Candidate {
	return policy.Prepare(w, d.Workload, d.Isolation, replicas)
}
