package solver

import (
	"slices"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Check judges what is on some hosts of a view, by their numbers, each workload against the others on its host, by the rules in force.
// It finds what a rule would refuse if the workload came now; what leaves no room, or takes no new ones, is not a violation of
// those that are there.
func Check(v *fleet.View, slots []int, now time.Time, mappingMaxAge time.Duration) []placement.Violation {
	c := inspection{view: v, world: &policy.World{Catalogue: v.Catalogue, Set: v.Policies, Now: now, HostMappingMaxAge: mappingMaxAge}, spans: spansHosts(v.Policies), kin: map[string]*policy.Candidate{}}
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
	view   *fleet.View
	world  *policy.World
	spans  bool                         // a rule counts replicas beyond the host
	kin    map[string]*policy.Candidate // one for all workloads that the same rules concern
	key    []byte
	others []*placement.Residency
	found  []placement.Violation
}

func (c *inspection) host(h *placement.Host, residents []*placement.Residency) {
	for i, r := range residents {
		if r.Kind == placement.ResidencyFabric {
			continue
		}
		c.others = append(append(c.others[:0], residents[:i]...), residents[i+1:]...)
		reasons := c.candidate(r).Standing(placement.HostFacts{Host: hostBefore(h, r), Residents: c.others}, r.CISNodeID)
		for _, reason := range reasons {
			c.found = append(c.found, placement.Violation{
				NFVIPoPID: h.NFVIPoPID, HostID: h.ID, ResidencyID: r.ID, VNFInstanceID: r.Workload.NF.VNFInstanceID,
				TrustDomainID: r.Workload.TrustDomainID, Reason: reason, Evict: evicts(c.view.Policies, &reason), PolicyEpoch: c.view.Epoch,
			})
		}
	}
}

// candidate is the residency as one that asks.
func (c *inspection) candidate(r *placement.Residency) *policy.Candidate {
	c.key = c.view.Policies.Kin(c.key[:0], &r.Workload)
	candidate := c.kin[string(c.key)]
	if candidate == nil {
		candidate = policy.Prepare(c.world, r.Workload, placement.IsolationNone, policy.Replicas{})
		c.kin[string(c.key)] = candidate
	}
	candidate.Retarget(&r.Workload, c.replicas(r))
	return candidate
}

// hostBefore is the host with the residue that was there before the residency: what others left behind since did not wait for it.
func hostBefore(h *placement.Host, r *placement.Residency) *placement.Host {
	placed := r.ReservedAt
	if placed.IsZero() {
		placed = r.StateSince
	}
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
	if !c.spans {
		return policy.Replicas{}
	}
	var hosts []*placement.Host
	for _, o := range c.view.ResidenciesOf(r.Workload.NF.VNFInstanceID) {
		if o.ID != r.ID && o.Kind != placement.ResidencyFabric && sameComponent(&o.Workload, &r.Workload) {
			hosts = append(hosts, hostOf(c.view, o))
		}
	}
	return policy.Replicas{Existing: len(hosts), Requested: 1, In: func(scope placement.Scope, h *placement.Host) int {
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

func evicts(set *policy.Set, reason *placement.Reason) bool {
	return slices.ContainsFunc(set.Policies, func(p *policy.Policy) bool {
		return p.Ref.ID == reason.PolicyID && slices.ContainsFunc(p.Rules, func(r *policy.Rule) bool { return r.ID == reason.RuleID && r.Evict })
	})
}
