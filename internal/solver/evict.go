package solver

import (
	"cmp"
	"slices"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Evict returns the judge of who has to go from a host by the rules of a view that evict, on facts that were read under lock.
func Evict(v *fleet.View, mappingMaxAge time.Duration) placement.JudgeEviction {
	return func(f placement.EvictionFacts) map[string][]placement.Reason {
		c := newInspection(v, f.Now, mappingMaxAge)
		c.siblings = func(vnfInstanceID string) []*placement.Residency {
			return slices.DeleteFunc(slices.Clone(f.Siblings), func(r *placement.Residency) bool { return r.Workload.NF.VNFInstanceID != vnfInstanceID })
		}
		return c.evictees(f.Host.Host, f.Host.Residents)
	}
}

// Evictions counts those whom rules of a view evict, on all hosts. Where no rule evicts it takes no time.
func Evictions(v *fleet.View, now time.Time, mappingMaxAge time.Duration) int {
	evicts := false
	for _, p := range v.Policies.Policies {
		evicts = evicts || slices.ContainsFunc(p.Rules, (*policy.Rule).Evicts)
	}
	if !evicts {
		return 0
	}
	counts := make([]int, len(v.Blocks))
	parallel(len(v.Blocks), func(i int) {
		c := newInspection(v, now, mappingMaxAge)
		for k, h := range v.Blocks[i].Hosts {
			if h != nil {
				counts[i] += len(c.evictees(h, v.Blocks[i].Residents[k]))
			}
		}
	})
	n := 0
	for _, count := range counts {
		n += count
	}
	return n
}

// NeedsSiblings tells whether a rule of the view looks at what of a network function is beyond a host.
func NeedsSiblings(v *fleet.View) bool { return spansHosts(v.Policies) || v.Policies.HoldsTogether() }

// evictees are those whom rules that evict send away from a host, with the reasons of these rules. Of those whom a rule does not
// let be together the ones go that came later: the residents are looked at in the order in which they came, each against those who
// came before and stay. Whoever is TERMINATING goes anyway and sends nobody away; FABRIC always stays. What stays then meets the
// rules together, or the latest of those who do not meet them goes as well.
func (c *inspection) evictees(h *placement.Host, residents []*placement.Residency) map[string][]placement.Reason {
	going := map[string][]placement.Reason{}
	var stay []*placement.Residency
	for _, r := range arrivals(residents) {
		if rs := c.evicting(h, r, stay); len(rs) > 0 {
			going[r.ID] = rs
		} else {
			stay = append(stay, r)
		}
	}
	for i := len(stay) - 1; i >= 0; i-- {
		others := slices.Delete(slices.Clone(stay), i, i+1)
		if rs := c.evicting(h, stay[i], others); len(rs) > 0 {
			going[stay[i].ID] = rs
			stay, i = others, len(others) // who stays is judged again without it
		}
	}
	return going
}

// arrivals are the workloads that may be sent away, in the order in which they came.
func arrivals(residents []*placement.Residency) []*placement.Residency {
	out := slices.DeleteFunc(slices.Clone(residents), func(r *placement.Residency) bool {
		return r.Kind == placement.ResidencyFabric || r.State == placement.StateTerminating
	})
	slices.SortFunc(out, byArrival)
	return out
}

func byArrival(a, b *placement.Residency) int {
	return cmp.Or(arrivedAt(a).Compare(arrivedAt(b)), cmp.Compare(a.ID, b.ID))
}

// arrivedAt is when a residency was decided; of what nobody decided, when it was first recorded.
func arrivedAt(r *placement.Residency) time.Time {
	if r.ReservedAt.IsZero() {
		return r.StateSince
	}
	return r.ReservedAt
}

// evicting are the reasons for which a rule sends a residency away, in the company of others.
func (c *inspection) evicting(h *placement.Host, r *placement.Residency, others []*placement.Residency) []placement.Reason {
	candidate := c.candidate(r)
	candidate.Retarget(&r.Workload, c.earlierReplicas(r))
	if c.together && candidate.HeldTogether() {
		candidate.Replicas.Siblings = c.earlierSiblings(r)
	}
	reasons := candidate.Standing(placement.HostFacts{Host: hostBefore(h, r), Residents: others}, r.CISNodeID)
	return slices.DeleteFunc(reasons, func(reason placement.Reason) bool { return !c.rule(&reason).Evicts() })
}

// earlierReplicas counts the replicas that stay: all of them, and in a place those that came earlier, so that of too many in one
// place the latest go.
func (c *inspection) earlierReplicas(r *placement.Residency) policy.Replicas {
	others := slices.DeleteFunc(c.replicasOf(r), func(o *placement.Residency) bool { return o.State == placement.StateTerminating })
	earlier := slices.DeleteFunc(slices.Clone(others), func(o *placement.Residency) bool { return byArrival(o, r) > 0 })
	return c.counted(others, earlier)
}

// earlierSiblings are the workloads of an NF instance that a residency has to follow: those that came earlier, are in a CIS-node VM
// and stay. So it is the latest who go where a network function is in several, and nobody goes for one that is in none.
func (c *inspection) earlierSiblings(r *placement.Residency) []*placement.Residency {
	return slices.DeleteFunc(ofNF(c.siblings(r.Workload.NF.VNFInstanceID), &r.Workload.NF), func(o *placement.Residency) bool {
		return o.State == placement.StateTerminating || byArrival(o, r) > 0 || !policy.InVM(c.hostOf(o), o.CISNodeID)
	})
}

// mark says of what was found on a host which residencies are to go.
func (c *inspection) mark(h *placement.Host, residents []*placement.Residency, found []placement.Violation) {
	if !slices.ContainsFunc(found, func(v placement.Violation) bool { return v.Evict }) {
		return
	}
	going := c.evictees(h, residents)
	for i := range found {
		v := &found[i]
		if v.Evict && slices.ContainsFunc(going[v.ResidencyID], func(r placement.Reason) bool {
			return r.PolicyID == v.Reason.PolicyID && r.RuleID == v.Reason.RuleID
		}) {
			v.Eviction = placement.EvictionPending
		}
	}
}

// rulesOf are the rules of a set by their names.
func rulesOf(set *policy.Set) map[ruleKey]*policy.Rule {
	rules := map[ruleKey]*policy.Rule{}
	for _, p := range set.Policies {
		for _, r := range p.Rules {
			rules[ruleKey{p.Ref.ID, r.ID}] = r
		}
	}
	return rules
}
