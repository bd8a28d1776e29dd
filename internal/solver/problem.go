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
	hidden     map[string]bool // host pools that the client must not know of; nil: none
	ignored    map[string]bool // rules and constraints left out, while a conflict is minimised
	budget     int             // steps of the search that are left
}

// demand is a group of equal resources.
type demand struct {
	*placement.Demand
	candidate *policy.Candidate
	existing  []*placement.Host      // of the replicas of the component that exist
	siblings  []*placement.Residency // of its NF instance, where a rule holds it together
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
	p.hidden = hiddenPools(v, in)
	p.limits = newConstraints(v.Catalogue, resolveIn(v, p.hidden), in)
	for i := range in.Demands {
		p.addDemand(&in.Demands[i])
	}
	return p
}

// hiddenPools are those that the client must not know of.
func hiddenPools(v *fleet.View, in *placement.Inputs) map[string]bool {
	if !in.WithoutLI {
		return nil
	}
	return v.Catalogue.LIHostPools()
}

// usable tells whether the request may use a host.
func (p *problem) usable(h *placement.Host) bool {
	return (p.restrict == nil || p.restrict[h.ID]) && !p.hidden[h.HostPoolID]
}

// mayUse tells whether the request may use a host for a demand.
func (p *problem) mayUse(h *placement.Host, d *demand) bool {
	return (d.HostID == "" || d.HostID == h.ID) && p.usable(h)
}

// resolveIn finds existing resources in a view, but on hosts of hidden pools.
func resolveIn(v *fleet.View, hidden map[string]bool) resolver {
	return func(resourceID string) []placement.ExistingResource {
		var out []placement.ExistingResource
		for _, r := range v.Named(resourceID) {
			h := hostOf(v, r)
			if hidden[h.HostPoolID] {
				continue
			}
			out = append(out, placement.ExistingResource{
				ResidencyID: r.ID, VNFInstanceID: r.Workload.NF.VNFInstanceID, VIMResourceIDs: r.VIMResourceIDs, NFVIPoPID: h.NFVIPoPID,
				ResourceZoneID: h.ResourceZoneID, RackID: h.RackID, VIMConnectionID: h.VIMConnectionID, HostID: h.ID, CISNodeID: r.CISNodeID,
				TrustDomainID: r.Workload.TrustDomainID,
			})
		}
		return out
	}
}

// alone is the request before any of its members is placed.
func (p *problem) alone() *joint { return newJoint(p.view.Catalogue, p.in, p.limits) }

func (p *problem) addDemand(pd *placement.Demand) {
	d := &demand{Demand: pd}
	for _, r := range p.view.ResidenciesOf(pd.Workload.NF.VNFInstanceID) {
		if !p.superseded[r.ID] && r.Kind != placement.ResidencyFabric && sameComponent(&r.Workload, &pd.Workload) {
			d.existing = append(d.existing, p.hostOf(r))
		}
	}
	d.candidate = candidateFor(p.world, pd, p.alone().replicas(&pd.Workload, d.existing))
	if d.candidate.HeldTogether() {
		d.siblings = slices.DeleteFunc(siblings(p.view, &pd.Workload.NF), func(r *placement.Residency) bool { return p.superseded[r.ID] })
		d.candidate.Replicas.Siblings = d.siblings
	}
	for _, id := range pd.ResourceDefinitionIDs {
		p.members = append(p.members, member{id: id, demand: len(p.demands), constraints: p.alone().constraintsOf(id)})
	}
	p.demands = append(p.demands, d)
}

// hostOf returns the host of a residency; of one that the view does not have, what the residency itself tells.
func (p *problem) hostOf(r *placement.Residency) *placement.Host { return hostOf(p.view, r) }

func hostOf(v *fleet.View, r *placement.Residency) *placement.Host {
	if slot, ok := v.Slot(r.HostID); ok {
		return v.Host(slot)
	}
	return &placement.Host{ID: r.HostID, NFVIPoPID: r.NFVIPoPID}
}

// facts gives a host as the request sees it before its members are placed: without superseded residencies, with what those
// that may have run leave behind.
func (p *problem) facts(slot int) placement.HostFacts {
	f := p.view.Facts(slot)
	gone := func(r *placement.Residency) bool { return p.superseded[r.ID] }
	if len(p.superseded) == 0 || !slices.ContainsFunc(f.Residents, gone) {
		return f
	}
	f.Host = p.leftBy(f, gone)
	f.Residents = slices.DeleteFunc(slices.Clone(f.Residents), gone)
	f.Used = fleet.Usage(p.view.Catalogue, f.Residents)
	return f
}

// leftBy is the host's record with what is left there by those who go; with the last workload a dedication ends.
func (p *problem) leftBy(f placement.HostFacts, gone func(*placement.Residency) bool) *placement.Host {
	levels := policy.Levels{Catalogue: p.view.Catalogue, Set: p.view.Policies}
	h, remaining := *f.Host, slices.DeleteFunc(slices.Clone(f.Residents), gone)
	for _, r := range f.Residents {
		if !gone(r) || r.State == placement.StateReserved {
			continue
		}
		for _, left := range levels.ResidueOf(f.Host, r, remaining, p.view.CacheOf(h.ID)) {
			left.Since = p.in.Now
			h.Residue = append(slices.Clip(h.Residue), left)
		}
	}
	if !slices.ContainsFunc(remaining, func(r *placement.Residency) bool { return r.Kind == placement.ResidencyWorkload }) {
		h.DedicatedTo = nil
	}
	return &h
}

// keep removes the reasons that are left out while a conflict is minimised.
func (p *problem) keep(v *policy.Verdict) {
	if len(p.ignored) == 0 || v.Feasible {
		return
	}
	v.Reasons = slices.DeleteFunc(v.Reasons, func(r placement.Reason) bool { return p.ignored[r.RuleID] })
	v.Feasible = len(v.Reasons) == 0
}
