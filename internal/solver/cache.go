package solver

import (
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// CacheDemand is the demand of a question about a cache: an artefact for a trust domain. Nobody says for which component; so
// it has the roles of all components of the trust domain that run the artefact, and none of them gets a weaker mode than a
// grant would. It has their runtime class if they agree on one.
func CacheDemand(cat *placement.Catalogue, trustDomainID, digest string) placement.Demand {
	w := placement.Workload{TrustDomainID: trustDomainID, Images: []string{digest}}
	runtimes := map[string]bool{}
	for id := range cat.VNFProfiles {
		profile := cat.VNFProfiles[id]
		for i := range profile.Components {
			c := &profile.Components[i]
			if profile.DomainOf(c) == trustDomainID && slices.Contains(c.Images, digest) {
				derived := profile.Derive(cat, c.ID)
				w.Roles |= derived.Roles
				w.ProtectedPeer = w.ProtectedPeer || derived.ProtectedPeer
				runtimes[c.Runtime] = true
			}
		}
	}
	if len(runtimes) == 1 {
		w.Runtime = sortedSet(runtimes)[0]
	}
	return placement.Demand{Workload: w}
}

// prePullKinds are the kinds of rule that a question about a cache asks; there is no workload that others
// could be separated from.
var prePullKinds = []policy.Kind{
	policy.DomainPermit, policy.Location, policy.PhysicalSecurity, policy.AttestationFreshness, policy.ScrubBeforeReuse, policy.CacheMode,
}

// SolveCache answers whether an artefact may be brought to the one host of the inputs, and in which mode. An
// artefact in mode GUEST_ONLY or NO_STORE is never pulled before its workload starts.
func SolveCache(v *fleet.View, in *placement.Inputs) (placement.CacheMode, []placement.Reason) {
	d := &in.Demands[0]
	if why := unknownOfCache(v, in, d); len(why) > 0 {
		return placement.CacheUnset, why
	}
	world := &policy.World{
		Catalogue: v.Catalogue, Set: v.Policies.Only(prePullKinds...), Now: in.Now, HostMappingMaxAge: in.MappingMaxAge, PrePull: in.PrePull,
	}
	c := candidateFor(world, d, policy.Replicas{})
	slot, _ := v.Slot(in.RestrictHosts[0])
	verdict := c.JudgeSite(v.Facts(slot), "", nil)
	if !verdict.Feasible {
		return placement.CacheUnset, verdict.Reasons
	}
	return verdict.Cache[0].Mode, nil
}

func unknownOfCache(v *fleet.View, in *placement.Inputs, d *placement.Demand) []placement.Reason {
	var out []placement.Reason
	unknown := func(object string) {
		out = append(out, placement.Reason{RuleID: placement.RuleUnknown, Check: placement.RuleUnknown, Params: map[string]string{"object": object}})
	}
	if len(v.Policies.For("")) == 0 {
		return []placement.Reason{{RuleID: placement.RuleNoPolicy, Check: placement.RuleNoPolicy}}
	}
	if _, ok := v.Catalogue.TrustDomains[d.Workload.TrustDomainID]; !ok {
		unknown("trust domain " + d.Workload.TrustDomainID)
	}
	if _, ok := v.Slot(in.RestrictHosts[0]); !ok {
		unknown("host " + in.RestrictHosts[0])
	}
	for _, digest := range d.Workload.Images {
		if _, ok := v.Catalogue.Images[digest]; !ok {
			unknown("artefact " + digest)
		}
	}
	return out
}
