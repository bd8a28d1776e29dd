package solver

import (
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// problem is one request on one view, prepared.
type problem struct {
	view       *fleet.View
	in         *placement.Inputs
	world      *policy.World
	demands    []*demand
	members    []member // in the order of the request
	limits     []constraint
	superseded map[string]bool
	restrict   map[string]bool // nil: all hosts
	ignored    map[string]bool // rules and constraints left out, while a conflict is minimised
	budget     int             // steps of the search that are left
}

// demand is a group of equal resources.
type demand struct {
	*placement.Demand
	candidate *policy.Candidate
	existing  []*placement.Residency // replicas of the component that exist
}

// member is one resource to place.
type member struct {
	id          string // of the resource definition
	demand      int
	constraints []int // indexes of limits it is a member of
}

func newProblem(v *fleet.View, in *placement.Inputs) *problem {
	p := &problem{
		view: v, in: in, superseded: map[string]bool{},
		world: &policy.World{Catalogue: v.Catalogue, Set: v.Policies, Now: in.Now, HostMappingMaxAge: in.MappingMaxAge},
	}
	for _, id := range in.Superseded {
		p.superseded[id] = true
	}
	if len(in.RestrictHosts) > 0 {
		p.restrict = map[string]bool{}
		for _, id := range in.RestrictHosts {
			p.restrict[id] = true
		}
	}
	for i := range in.Demands {
		p.addDemand(&in.Demands[i])
	}
	p.limits = newConstraints(v.ByHandle, in)
	for i := range p.members {
		for n := range p.limits {
			if p.limits[n].members[p.members[i].id] {
				p.members[i].constraints = append(p.members[i].constraints, n)
			}
		}
	}
	return p
}

func (p *problem) addDemand(pd *placement.Demand) {
	d := &demand{Demand: pd}
	for _, r := range p.view.ResidenciesOf(pd.Workload.NF.VNFInstanceID) {
		if !p.superseded[r.ID] && r.Kind != placement.ResidencyFabric && sameComponent(&r.Workload, &pd.Workload) {
			d.existing = append(d.existing, r)
		}
	}
	d.candidate = policy.Prepare(p.world, pd.Workload, pd.Isolation, policy.Replicas{
		Existing: len(d.existing), Requested: p.requested(&pd.Workload),
		In: func(scope placement.Scope, h *placement.Host) int { return p.replicasIn(d.existing, scope, h) },
	})
	for _, id := range pd.ResourceDefinitionIDs {
		p.members = append(p.members, member{id: id, demand: len(p.demands)})
	}
	p.demands = append(p.demands, d)
}

func sameComponent(a, b *placement.Workload) bool {
	return a.ComponentID == b.ComponentID && a.NF.Instance() == b.NF.Instance()
}

// requested counts the resources of the request that are replicas of the same component.
func (p *problem) requested(w *placement.Workload) int {
	n := 0
	for i := range p.in.Demands {
		if sameComponent(&p.in.Demands[i].Workload, w) {
			n += len(p.in.Demands[i].ResourceDefinitionIDs)
		}
	}
	return n
}

func (p *problem) replicasIn(list []*placement.Residency, scope placement.Scope, h *placement.Host) int {
	n := 0
	for _, r := range list {
		if slot, ok := p.view.Slot(r.HostID); ok && sameUnit(scope, p.view.Host(slot), h) {
			n++
		}
	}
	return n
}

// sameUnit tells whether two hosts are in one unit of a scope. A host without the attribute is in no unit.
func sameUnit(scope placement.Scope, a, b *placement.Host) bool {
	ua, ub := unitOf(scope, a, ""), unitOf(scope, b, "")
	return ua != "" && ua == ub
}

// unitOf names the unit of a scope that a node of a host is in.
func unitOf(scope placement.Scope, h *placement.Host, nodeID string) string {
	switch scope {
	case placement.ScopeHost, placement.ScopeNFVINode:
		return h.ID
	case placement.ScopeCISNode:
		return h.ID + "/" + nodeID
	case placement.ScopeRack:
		return h.RackID
	case placement.ScopeZone:
		return h.ResourceZoneID
	case placement.ScopeNFVIPoP:
		return h.NFVIPoPID
	default:
		return ""
	}
}

// facts gives a host as the request sees it: without superseded residencies, with the members placed so far.
func (p *problem) facts(slot int, placed []*placement.Residency) placement.HostFacts {
	f := p.view.Facts(slot)
	if len(placed) == 0 && len(p.superseded) == 0 {
		return f
	}
	gone := func(r *placement.Residency) bool { return p.superseded[r.ID] }
	changed := slices.ContainsFunc(f.Residents, gone)
	if !changed && len(placed) == 0 {
		return f
	}
	f.Residents = slices.DeleteFunc(slices.Clone(f.Residents), gone)
	f.Residents = append(f.Residents, placed...)
	slices.SortStableFunc(f.Residents, func(a, b *placement.Residency) int { return compareIDs(a.ID, b.ID) })
	f.Used = fleet.Usage(p.view.Catalogue, f.Residents)
	return f
}

func compareIDs(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// keep removes the reasons that are left out while a conflict is minimised.
func (p *problem) keep(v *policy.Verdict) {
	if len(p.ignored) == 0 || v.Feasible {
		return
	}
	v.Reasons = slices.DeleteFunc(v.Reasons, func(r placement.Reason) bool { return p.ignored[r.RuleID] })
	v.Feasible = len(v.Reasons) == 0
}
