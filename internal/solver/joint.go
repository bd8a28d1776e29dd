package solver

import (
	"cmp"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// joint is what a request itself adds to the hosts: its members placed so far, as each later one must see them. The search
// and the verification use the same.
type joint struct {
	cat       *placement.Catalogue
	in        *placement.Inputs
	limits    []constraint
	placed    []placedAt
	residents map[string][]*placement.Residency // by host
	dedicated map[string]*placement.Dedication  // by host
	taken     map[int][]where                   // by constraint
}

// placedAt is a member as a resident, and its host.
type placedAt struct {
	resident *placement.Residency
	host     *placement.Host
}

func newJoint(cat *placement.Catalogue, in *placement.Inputs, limits []constraint) *joint {
	return &joint{
		cat: cat, in: in, limits: limits,
		residents: map[string][]*placement.Residency{}, dedicated: map[string]*placement.Dedication{}, taken: map[int][]where{},
	}
}

// on shows a host with the members placed there: as residents, and with the dedication that they cause.
func (j *joint) on(f placement.HostFacts) placement.HostFacts {
	placed := j.residents[f.Host.ID]
	if len(placed) == 0 {
		return f
	}
	f.Residents = append(slices.Clone(f.Residents), placed...)
	slices.SortStableFunc(f.Residents, func(a, b *placement.Residency) int { return cmp.Compare(a.ID, b.ID) })
	f.Used = fleet.Usage(j.cat, f.Residents)
	f.Dedicated = j.dedicated[f.Host.ID]
	return f
}

// put notes where a member goes and returns how to take it back.
func (j *joint) put(d *placement.Demand, id string, h *placement.Host, v *policy.Verdict) (undo func()) {
	before, dedicated := len(j.residents[h.ID]), j.dedicated[h.ID]
	r := asResident(d, id, h, v)
	j.placed = append(j.placed, placedAt{r, h})
	j.residents[h.ID] = append(j.residents[h.ID], r)
	if v.Dedicate != nil {
		j.dedicated[h.ID] = v.Dedicate
	}
	constraints := j.constraintsOf(id)
	for _, n := range constraints {
		j.taken[n] = append(j.taken[n], where{h, v.CISNodeID, ownerOf(&d.Workload)})
	}
	return func() {
		j.placed = j.placed[:len(j.placed)-1]
		j.residents[h.ID], j.dedicated[h.ID] = j.residents[h.ID][:before], dedicated
		for _, n := range constraints {
			j.taken[n] = j.taken[n][:len(j.taken[n])-1]
		}
	}
}

// asResident shows a member of the request to the others as what it will be.
func asResident(d *placement.Demand, id string, h *placement.Host, v *policy.Verdict) *placement.Residency {
	w := d.Workload
	w.Runtime = v.Runtime
	return &placement.Residency{
		ID: id, NFVIPoPID: h.NFVIPoPID, HostID: h.ID, CISNodeID: v.CISNodeID, Workload: w,
		Kind: placement.ResidencyWorkload, State: placement.StateReserved, ResourceDefinitionID: id,
	}
}

// constraintsOf lists the constraints that a resource definition is a member of.
func (j *joint) constraintsOf(id string) []int {
	var out []int
	for n := range j.limits {
		if j.limits[n].members[id] {
			out = append(out, n)
		}
	}
	return out
}

// reasons judges every hard constraint of a member against a node of a host.
func (j *joint) reasons(id string) policy.Constraints {
	constraints, own := j.constraintsOf(id), j.ownerOf(id)
	return func(h *placement.Host, nodeID string) []placement.Reason {
		var out []placement.Reason
		for _, n := range constraints {
			c := &j.limits[n]
			if !c.soft && (len(c.unresolved) > 0 || c.violated(where{h, nodeID, own}, j.others(n))) {
				out = append(out, c.reason(h, nodeID))
			}
		}
		return out
	}
}

// ownerOf is whose a resource definition is.
func (j *joint) ownerOf(id string) owner {
	for i := range j.in.Demands {
		if slices.Contains(j.in.Demands[i].ResourceDefinitionIDs, id) {
			return ownerOf(&j.in.Demands[i].Workload)
		}
	}
	return owner{}
}

// others is where the other members of a constraint are: existing ones, and those placed so far.
func (j *joint) others(n int) []where {
	if j.limits[n].fromOthers {
		return j.limits[n].existing
	}
	return slices.Concat(j.limits[n].existing, j.taken[n])
}

// softCost counts how far a place is from the soft constraints of a member: soft anti-affinity spreads as well
// as possible, soft affinity uses as few units as possible (SOL003, fallbackBestEffort).
func (j *joint) softCost(constraints []int, w *placement.Workload, h *placement.Host) int {
	cost := 0
	for _, n := range constraints {
		c := &j.limits[n]
		if !c.soft || !c.vim && !supportedScope(c.scope) {
			continue
		}
		own := c.unit(where{h, "", ownerOf(w)})
		for _, o := range j.others(n) {
			if (c.unit(where{o.host, "", o.owner}) == own) == c.anti {
				cost++
			}
		}
	}
	return cost
}

// replicas counts the replicas of a workload's component: those that exist on the given hosts, those that the request asks
// for, and of these the ones placed so far.
func (j *joint) replicas(w *placement.Workload, existing []*placement.Host) policy.Replicas {
	r := policy.Replicas{Existing: len(existing)}
	for i := range j.in.Demands {
		if sameComponent(&j.in.Demands[i].Workload, w) {
			r.Requested += len(j.in.Demands[i].ResourceDefinitionIDs)
		}
	}
	r.In = func(scope placement.Scope, h *placement.Host) int {
		n := 0
		for _, e := range existing {
			if mayShareUnit(scope, e, h) {
				n++
			}
		}
		for _, p := range j.placed {
			if sameComponent(&p.resident.Workload, w) && mayShareUnit(scope, p.host, h) {
				n++
			}
		}
		return n
	}
	return r
}

func sameComponent(a, b *placement.Workload) bool {
	return a.ComponentID == b.ComponentID && a.NF.Instance() == b.NF.Instance()
}

// mayShareUnit tells whether two hosts are in one unit of a scope, or may be, because it is not known where one of them is.
func mayShareUnit(scope placement.Scope, a, b *placement.Host) bool {
	ua, ub := unitOf(scope, a, ""), unitOf(scope, b, "")
	return ua == ub || ua == "" || ub == ""
}

// unitOf names the unit of a scope that a node of a host is in; "" when that is not known.
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
