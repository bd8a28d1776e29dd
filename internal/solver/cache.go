package solver

import (
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// CacheDemand is the demand of a question about a cache: an artefact for a trust domain, without a component.
func CacheDemand(trustDomainID, digest string) placement.Demand {
	return placement.Demand{Workload: placement.Workload{TrustDomainID: trustDomainID, Images: []string{digest}}}
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
	world := &policy.World{Catalogue: v.Catalogue, Set: v.Policies.Only(prePullKinds...), Now: in.Now, HostMappingMaxAge: in.MappingMaxAge}
	c := candidateFor(world, d, policy.Replicas{})
	slot, _ := v.Slot(in.RestrictHosts[0])
	f := v.Facts(slot)
	verdict := c.JudgeSite(f, "", nil)
	if !verdict.Feasible {
		return placement.CacheUnset, verdict.Reasons
	}
	choice := verdict.Cache[0]
	if in.PrePull && choice.Mode >= placement.CacheGuestOnly {
		return placement.CacheUnset, []placement.Reason{{
			PolicyID: choice.PolicyID, RuleID: choice.RuleID, Check: string(policy.CacheMode),
			Params: map[string]string{"host": f.Host.ID, "mode": choice.Mode.String(), "artefact": choice.Digest, "why": "never pulled before its workload starts"},
		}}
	}
	return choice.Mode, nil
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
