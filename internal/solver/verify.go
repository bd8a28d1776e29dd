package solver

import (
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Verify returns the last check of a plan: the complete rule set and the request's constraints, on facts that
// the commit read under lock, at the database's time. It judges the sites that the plan chose, no others.
func Verify(v *fleet.View, in *placement.Inputs, plan *placement.Plan) placement.Verify {
	hidden := hiddenPools(v, in)
	return func(facts placement.CommitFacts) []placement.Reason {
		facts.Standing = slices.DeleteFunc(slices.Clone(facts.Standing), func(s placement.Sibling) bool {
			slot, known := v.Slot(s.HostID)
			return known && hidden[v.Host(slot).HostPoolID]
		})
		c := &checker{
			in: in, facts: facts, hosts: map[string]placement.HostFacts{},
			world: &policy.World{Catalogue: v.Catalogue, Set: v.Policies, Now: facts.Now, HostMappingMaxAge: in.MappingMaxAge},
		}
		for _, f := range facts.Hosts {
			f.Used = fleet.Usage(v.Catalogue, f.Residents)
			c.hosts[f.Host.ID] = f
		}
		existing := func(string) []placement.ExistingResource { return facts.Existing }
		c.joint = newJoint(v.Catalogue, in, newConstraints(v.Catalogue, existing, in))
		if rs := c.joined(); len(rs) > 0 {
			return rs
		}
		for i := range plan.Placements {
			if rs := c.check(&plan.Placements[i]); len(rs) > 0 {
				return rs
			}
		}
		return c.dedications(plan)
	}
}

type checker struct {
	in    *placement.Inputs
	facts placement.CommitFacts
	world *policy.World
	hosts map[string]placement.HostFacts
	joint *joint // members checked so far
}

func (c *checker) check(pl *placement.Placement) []placement.Reason {
	f, ok := c.hosts[pl.HostID]
	if !ok {
		return []placement.Reason{{RuleID: placement.RuleUnknown, Check: placement.RuleUnknown, Params: map[string]string{"object": "host " + pl.HostID}}}
	}
	d := &c.in.Demands[pl.Demand]
	if d.HostID != "" && d.HostID != pl.HostID {
		return changed(placement.RuleUnknown, pl, "it is to take the place of what stands on the host "+d.HostID)
	}
	fixed := *d
	fixed.Workload.Runtime = pl.Runtime
	cand := candidateFor(c.world, &fixed, c.joint.replicas(&d.Workload, c.siblings(&d.Workload)))
	if cand.HeldTogether() {
		cand.Replicas.Siblings = c.joint.siblings(&d.Workload.NF, c.facts.Together)
	}
	v := cand.JudgeSite(c.joint.on(f), pl.CISNodeID, c.joint.reasons(pl.ResourceDefinitionID))
	switch {
	case !v.Feasible:
		return v.Reasons
	case !sameCache(v.Cache, pl.Cache):
		return changed(placement.RuleCacheDefault, pl, "the cache modes changed since the plan was made")
	case (v.Dedicate == nil) != (pl.Dedicate == nil):
		return changed(placement.RuleDedicated, pl, notAsPlanned)
	}
	c.joint.put(d, pl.ResourceDefinitionID, f.Host, &v)
	return nil
}

const notAsPlanned = "the dedication of the host is no longer the one that was planned"

// joined finds an instance that an affinity rule of the VNFD, or a standing constraint, is about and that came after the view which the
// plan was made on.
func (c *checker) joined() []placement.Reason {
	for n := range c.in.Request.PlacementConstraints {
		pc := &c.in.Request.PlacementConstraints[n]
		for _, s := range c.compared(pc) {
			known := slices.Contains(c.in.Releases, s.ResidencyID) || slices.ContainsFunc(pc.Resources, func(r placement.ConstraintResourceRef) bool {
				return r.Existing && r.ResourceID == s.ResidencyID
			})
			if !known && s.State != placement.StateTerminating {
				return []placement.Reason{{
					RuleID: pc.RuleID(n), Check: pc.RuleID(n), Params: map[string]string{"host": s.HostID, "wanted": "a plan that knows of all instances"},
				}}
			}
		}
	}
	return nil
}

// compared are the instances that a rule of the VNFD or a standing constraint is about, of those that the commit read.
func (c *checker) compared(pc *placement.PlacementConstraint) []placement.Sibling {
	switch {
	case pc.Descriptor != "":
		return slices.DeleteFunc(slices.Clone(c.facts.Siblings), func(s placement.Sibling) bool { return !slices.Contains(pc.ComponentIDs, s.ComponentID) })
	case pc.Standing != "" && pc.UnitIDs == nil:
		return slices.DeleteFunc(slices.Clone(c.facts.Standing), func(s placement.Sibling) bool {
			return !slices.Contains(pc.VNFInstanceIDs, s.VNFInstanceID) || len(pc.ComponentIDs) > 0 && !slices.Contains(pc.ComponentIDs, s.ComponentID)
		})
	}
	return nil
}

// dedications compares what the members together dedicate their hosts to with what the plan says.
func (c *checker) dedications(plan *placement.Plan) []placement.Reason {
	for i := range plan.Placements {
		pl := &plan.Placements[i]
		if pl.Dedicate != nil && *pl.Dedicate != *c.joint.dedicated[pl.HostID] {
			return changed(placement.RuleDedicated, pl, notAsPlanned)
		}
	}
	return nil
}

// changed says that a plan no longer is what would be decided now.
func changed(ruleID string, pl *placement.Placement, why string) []placement.Reason {
	return []placement.Reason{{RuleID: ruleID, Check: ruleID, Params: map[string]string{"host": pl.HostID, "why": why}}}
}

// siblings lists the hosts of the replicas of a workload's component that the commit read.
func (c *checker) siblings(w *placement.Workload) []*placement.Host {
	var out []*placement.Host
	for i := range c.facts.Siblings {
		s := &c.facts.Siblings[i]
		if s.NF == w.NF.Instance() && s.ComponentID == w.ComponentID {
			out = append(out, &placement.Host{ID: s.HostID, RackID: s.RackID, ResourceZoneID: s.ResourceZoneID, NFVIPoPID: s.NFVIPoPID})
		}
	}
	return out
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
