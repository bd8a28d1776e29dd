package solver

import (
	"slices"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Check judges what is on some hosts of a view, by their numbers, each workload against the others on its host, by the rules in force.
// It finds what a rule would refuse, or warn of, if the workload came now; what leaves no room, or takes no new ones, is not a
// violation of those that are there. What a rule evicts is marked. What lies in the cache of a host weaker than those there need it is a
// violation of the rule that demands more.
func Check(v *fleet.View, slots []int, now time.Time, mappingMaxAge time.Duration) []placement.Violation {
	c := newInspection(v, now, mappingMaxAge)
	for _, slot := range slots {
		b, i := v.Blocks[slot/fleet.BlockSize], slot%fleet.BlockSize
		if h := b.Hosts[i]; h != nil {
			c.host(h, b.Residents[i])
		}
	}
	return c.found
}

// inspection is the check of some hosts.
type inspection struct {
	world    *policy.World
	epoch    int64
	rules    map[ruleKey]*policy.Rule
	spans    bool // a rule counts replicas beyond the host
	together bool // a rule holds network functions together
	warns    bool // a rule is in audit mode, or SHOULD
	hostOf   func(*placement.Residency) *placement.Host
	siblings func(vnfInstanceID string) []*placement.Residency
	cacheOf  func(hostID string) []placement.CacheEntry
	kin      map[string]*policy.Candidate // one for all workloads that the same rules concern
	key      []byte
	others   []*placement.Residency
	found    []placement.Violation
}

func newInspection(v *fleet.View, now time.Time, mappingMaxAge time.Duration) *inspection {
	c := &inspection{
		world: &policy.World{Catalogue: v.Catalogue, Set: v.Policies, Now: now, HostMappingMaxAge: mappingMaxAge}, epoch: v.Epoch,
		rules: rulesOf(v.Policies), spans: spansHosts(v.Policies), together: v.Policies.HoldsTogether(), siblings: v.ResidenciesOf, cacheOf: v.CacheOf,
		kin: map[string]*policy.Candidate{}, hostOf: func(r *placement.Residency) *placement.Host { return hostOf(v, r) },
	}
	for _, r := range c.rules {
		c.warns = c.warns || !r.Enforced()
	}
	return c
}

// rule is the rule that a reason names.
func (c *inspection) rule(reason *placement.Reason) *policy.Rule {
	return c.rules[ruleKey{reason.PolicyID, reason.RuleID}]
}

func (c *inspection) host(h *placement.Host, residents []*placement.Residency) {
	first := len(c.found)
	for i, r := range residents {
		if r.Kind == placement.ResidencyFabric {
			continue
		}
		c.others = append(append(c.others[:0], residents[:i]...), residents[i+1:]...)
		candidate := c.candidate(r)
		candidate.Retarget(&r.Workload, c.replicas(r))
		if c.together && candidate.HeldTogether() {
			candidate.Replicas.Siblings = ofNF(c.siblings(r.Workload.NF.VNFInstanceID), &r.Workload.NF)
		}
		facts := placement.HostFacts{Host: hostBefore(h, r), Residents: c.others}
		c.add(h, r, candidate.Standing(facts, r.CISNodeID))
		if c.warns {
			c.add(h, r, candidate.Warnings(facts, r.CISNodeID))
		}
	}
	c.mark(h, residents, c.found[first:])
	c.cached(h, residents)
}

func (c *inspection) add(h *placement.Host, r *placement.Residency, reasons []placement.Reason) {
	for _, reason := range reasons {
		rule := c.rule(&reason)
		c.found = append(c.found, placement.Violation{
			NFVIPoPID: h.NFVIPoPID, HostID: h.ID, ResidencyID: r.ID, VNFInstanceID: r.Workload.NF.VNFInstanceID,
			TrustDomainID: r.Workload.TrustDomainID, Reason: reason, PolicyEpoch: c.epoch,
			Enforcement: rule.Enforcement(), Evict: rule.Evicts(), Eviction: placement.EvictionNone,
		})
	}
}

// candidate is the residency as one that asks.
func (c *inspection) candidate(r *placement.Residency) *policy.Candidate {
	c.key = c.world.Set.Kin(c.key[:0], &r.Workload)
	candidate := c.kin[string(c.key)]
	if candidate == nil {
		candidate = policy.Prepare(c.world, r.Workload, placement.IsolationNone, policy.Replicas{})
		c.kin[string(c.key)] = candidate
	}
	return candidate
}

// hostBefore is the host with the residue that was there before the residency: what others left behind since did not wait for it.
func hostBefore(h *placement.Host, r *placement.Residency) *placement.Host {
	placed := arrivedAt(r)
	later := func(left placement.Residue) bool { return !left.Since.Before(placed) }
	if !slices.ContainsFunc(h.Residue, later) {
		return h
	}
	before := *h
	before.Residue = slices.DeleteFunc(slices.Clone(h.Residue), later)
	return &before
}

// replicas counts the other replicas of a residency's component, where a rule asks.
func (c *inspection) replicas(r *placement.Residency) policy.Replicas {
	others := c.replicasOf(r)
	return c.counted(others, others)
}

// replicasOf are the other replicas of a residency's component, where a rule asks.
func (c *inspection) replicasOf(r *placement.Residency) []*placement.Residency {
	if !c.spans {
		return nil
	}
	var out []*placement.Residency
	for _, o := range c.siblings(r.Workload.NF.VNFInstanceID) {
		if o.ID != r.ID && o.Kind != placement.ResidencyFabric && sameComponent(&o.Workload, &r.Workload) {
			out = append(out, o)
		}
	}
	return out
}

// counted are replicas, of which some count where they are.
func (c *inspection) counted(all, there []*placement.Residency) policy.Replicas {
	if !c.spans {
		return policy.Replicas{}
	}
	hosts := make([]*placement.Host, len(there))
	for i, o := range there {
		hosts[i] = c.hostOf(o)
	}
	return policy.Replicas{Existing: len(all), Requested: 1, In: func(scope placement.Scope, h *placement.Host) int {
		n := 0
		for _, o := range hosts {
			if mayShareUnit(scope, o, h) {
				n++
			}
		}
		return n
	}}
}

func spansHosts(set *policy.Set) bool {
	return slices.ContainsFunc(set.Policies, func(p *policy.Policy) bool {
		return slices.ContainsFunc(p.Rules, func(r *policy.Rule) bool {
			return r.Kind == policy.MaxBlastRadius && r.Params.Check == policy.CheckReplicaShare
		})
	})
}
