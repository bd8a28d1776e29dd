package solver

import (
	"maps"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Verify returns the last check of a plan: the complete rule set and the request's constraints, on facts that
// the commit read under lock, at the database's time. It judges the sites that the plan chose, no others.
func Verify(v *fleet.View, in *placement.Inputs, plan *placement.Plan) placement.Verify {
	return func(facts placement.CommitFacts) []placement.Reason {
		c := &checker{
			in: in, facts: facts, placed: map[string][]*placement.Residency{}, hosts: map[string]*placement.HostFacts{},
			world: &policy.World{Catalogue: v.Catalogue, Set: v.Policies, Now: facts.Now, HostMappingMaxAge: in.MappingMaxAge},
			taken: map[int][]where{},
		}
		for i := range facts.Hosts {
			c.hosts[facts.Hosts[i].Host.ID] = &facts.Hosts[i]
		}
		c.limits = newConstraints(c.resolve, in)
		for _, i := range placementOrder(plan) {
			if rs := c.check(&plan.Placements[i]); len(rs) > 0 {
				return rs
			}
		}
		return nil
	}
}

// placementOrder is the order of the request.
func placementOrder(plan *placement.Plan) []int {
	order := make([]int, len(plan.Placements))
	for i := range order {
		order[i] = i
	}
	return order
}

type checker struct {
	in     *placement.Inputs
	facts  placement.CommitFacts
	world  *policy.World
	hosts  map[string]*placement.HostFacts
	limits []constraint
	placed map[string][]*placement.Residency // members checked so far, by host
	taken  map[int][]where
}

// resolve finds an existing resource that a constraint names, among those that the commit read.
func (c *checker) resolve(id string) *placement.Residency {
	for i := range c.facts.Existing {
		r := &c.facts.Existing[i]
		if r.ID == id || slices.Contains(r.VIMResourceIDs, id) {
			return r
		}
	}
	return nil
}

func (c *checker) check(pl *placement.Placement) []placement.Reason {
	hf, ok := c.hosts[pl.HostID]
	if !ok || hf.Host == nil {
		return []placement.Reason{{RuleID: placement.RuleUnknown, Check: placement.RuleUnknown, Params: map[string]string{"object": "host " + pl.HostID}}}
	}
	d := &c.in.Demands[pl.Demand]
	fixed := *d
	fixed.Workload.Runtime = pl.Runtime
	cand := candidateFor(c.world, &fixed, c.replicas(d))
	f := placement.HostFacts{Host: hf.Host, Residents: append(slices.Clone(hf.Residents), c.placed[pl.HostID]...)}
	f.Used = fleet.Usage(c.world.Catalogue, f.Residents)
	v := cand.JudgeSite(f, pl.CISNodeID, func(h *placement.Host, node string) []placement.Reason { return c.constraints(pl, h, node) })
	if !v.Feasible {
		return v.Reasons
	}
	if !sameCache(v.Cache, pl.Cache) {
		return []placement.Reason{{RuleID: placement.RuleCacheDefault, Check: placement.RuleCacheDefault, Params: map[string]string{"host": pl.HostID, "why": "the cache modes changed since the plan was made"}}}
	}
	c.placed[pl.HostID] = append(c.placed[pl.HostID], asResident(d, pl.ResourceDefinitionID, hf.Host, &v))
	for n := range c.limits {
		if c.limits[n].members[pl.ResourceDefinitionID] {
			c.taken[n] = append(c.taken[n], where{hf.Host, pl.CISNodeID})
		}
	}
	return nil
}

// replicas counts the siblings that the commit read and the members checked so far.
func (c *checker) replicas(d *placement.Demand) policy.Replicas {
	nf, comp := d.Workload.NF.Instance(), d.Workload.ComponentID
	r := policy.Replicas{}
	for i := range c.in.Demands {
		if sameComponent(&c.in.Demands[i].Workload, &d.Workload) {
			r.Requested += len(c.in.Demands[i].ResourceDefinitionIDs)
		}
	}
	var where []*placement.Host
	for i := range c.facts.Siblings {
		s := &c.facts.Siblings[i]
		if s.NF == nf && s.ComponentID == comp {
			r.Existing++
			where = append(where, &placement.Host{ID: s.HostID, RackID: s.RackID, ResourceZoneID: s.ResourceZoneID, NFVIPoPID: s.NFVIPoPID})
		}
	}
	for _, host := range slices.Sorted(maps.Keys(c.placed)) {
		for _, p := range c.placed[host] {
			if sameComponent(&p.Workload, &d.Workload) {
				where = append(where, c.hosts[host].Host)
			}
		}
	}
	r.In = func(scope placement.Scope, h *placement.Host) int {
		n := 0
		for _, w := range where {
			if sameUnit(scope, w, h) {
				n++
			}
		}
		return n
	}
	return r
}

func (c *checker) constraints(pl *placement.Placement, h *placement.Host, node string) []placement.Reason {
	var out []placement.Reason
	for n := range c.limits {
		l := &c.limits[n]
		if l.soft || !l.members[pl.ResourceDefinitionID] {
			continue
		}
		others := slices.Clone(c.taken[n])
		for _, r := range l.existing {
			others = append(others, where{c.hostOf(r), r.CISNodeID})
		}
		if len(l.unresolved) > 0 || l.violated(h, node, others) {
			out = append(out, l.reason(h, node))
		}
	}
	return out
}

// hostOf finds the host of an existing resource: one that the plan uses too, or what its siblings' rows tell.
func (c *checker) hostOf(r *placement.Residency) *placement.Host {
	if hf, ok := c.hosts[r.HostID]; ok {
		return hf.Host
	}
	return &placement.Host{ID: r.HostID, NFVIPoPID: r.NFVIPoPID, ResourceZoneID: c.zoneOf(r)}
}

func (c *checker) zoneOf(r *placement.Residency) string {
	for i := range c.facts.Siblings {
		if c.facts.Siblings[i].HostID == r.HostID {
			return c.facts.Siblings[i].ResourceZoneID
		}
	}
	return ""
}

func sameCache(a, b []placement.CacheChoice) bool {
	return slices.EqualFunc(a, b, func(x, y placement.CacheChoice) bool { return x.Digest == y.Digest && x.Mode == y.Mode })
}

// SpansHosts tells whether a rule that applies to the request counts beyond the chosen hosts, so that the
// commit must lock and read the replicas of its components.
func SpansHosts(v *fleet.View, in *placement.Inputs) bool {
	for _, p := range v.Policies.For(in.Request.VNFInstanceID) {
		for _, r := range p.Rules {
			if r.Kind == policy.MaxBlastRadius && r.Params.Check == policy.CheckReplicaShare {
				return true
			}
		}
	}
	return false
}
