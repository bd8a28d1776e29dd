package solver

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// CacheDemands are the demands of a question about a cache: an artefact for a trust domain. Nobody says for which component; so
// there is one for each component of the trust domain that runs the artefact, as the rules of a grant would see it, and one for
// nobody in particular when none does. Components that no rule can tell apart are asked about once.
func CacheDemands(cat *placement.Catalogue, trustDomainID, digest string) []placement.Demand {
	var out []placement.Demand
	for _, id := range slices.Sorted(maps.Keys(cat.VNFProfiles)) {
		profile := cat.VNFProfiles[id]
		for i := range profile.Components {
			c := &profile.Components[i]
			if profile.DomainOf(c) == trustDomainID && slices.Contains(c.Images, digest) {
				d := cacheDemand(cat, &profile, c, digest)
				if !slices.ContainsFunc(out, func(o placement.Demand) bool { return reflect.DeepEqual(o, d) }) {
					out = append(out, d)
				}
			}
		}
	}
	if len(out) == 0 {
		out = []placement.Demand{{Workload: placement.Workload{TrustDomainID: trustDomainID, Images: []string{digest}}}}
	}
	return out
}

func cacheDemand(cat *placement.Catalogue, profile *placement.VNFProfile, c *placement.Component, digest string) placement.Demand {
	derived := profile.Derive(cat, c.ID)
	w := placement.Workload{
		NF: placement.NF{Type: c.NF.Type}, ComponentID: c.ID, TrustDomainID: profile.DomainOf(c), Roles: derived.Roles,
		ProtectedPeer: derived.ProtectedPeer, Images: []string{digest}, Labels: c.Labels, Runtime: c.Runtime,
	}
	if w.NF.Type == "" {
		w.NF.Type = profile.NFType
	}
	return placement.Demand{Workload: w, Isolation: c.Isolation}
}

// prePullKinds are the kinds of rule that a question about a cache asks; there is no workload that others
// could be separated from.
var prePullKinds = []policy.Kind{
	policy.DomainPermit, policy.Location, policy.PhysicalSecurity, policy.AttestationFreshness, policy.ScrubBeforeReuse, policy.CacheMode,
}

// SolveCache answers whether an artefact may be brought to the one host of the inputs, and in which mode: the strictest that it
// gets for any of the demands, and not at all if one of them is refused. An artefact in mode GUEST_ONLY or NO_STORE is never
// pulled before its workload starts.
func SolveCache(v *fleet.View, in *placement.Inputs) (placement.CacheMode, []placement.Reason) {
	if why := unknownOfCache(v, in, &in.Demands[0]); len(why) > 0 {
		return placement.CacheUnset, why
	}
	slot, _ := v.Slot(in.RestrictHosts[0])
	return SolveCacheOn(v, in, v.Facts(slot), in.Now)
}

// SolveCacheOn answers the same on facts of the host that were read under its lock, at the database's time.
func SolveCacheOn(v *fleet.View, in *placement.Inputs, f placement.HostFacts, now time.Time) (placement.CacheMode, []placement.Reason) {
	world := &policy.World{
		Catalogue: v.Catalogue, Set: v.Policies.Only(prePullKinds...), Now: now, HostMappingMaxAge: in.MappingMaxAge,
		CacheOnly: true, PrePull: in.PrePull,
	}
	mode := placement.CacheUnset
	var reasons []placement.Reason
	for i := range in.Demands {
		verdict := candidateFor(world, &in.Demands[i], policy.Replicas{}).JudgeSite(f, "", nil)
		for _, r := range verdict.Reasons {
			if !slices.ContainsFunc(reasons, r.Equal) {
				reasons = append(reasons, r)
			}
		}
		for _, c := range verdict.Cache {
			mode = max(mode, c.Mode)
		}
	}
	if len(reasons) == 0 {
		return mode, nil
	}
	t := tally{ranks: allRanks(v.Policies)}
	slices.SortStableFunc(reasons, func(a, b placement.Reason) int {
		return t.compare(ruleKey{a.PolicyID, a.RuleID}, ruleKey{b.PolicyID, b.RuleID})
	})
	return placement.CacheUnset, reasons
}

func unknownOfCache(v *fleet.View, in *placement.Inputs, d *placement.Demand) []placement.Reason {
	var out []placement.Reason
	unknown := func(object string) {
		out = append(out, placement.Reason{RuleID: placement.RuleUnknown, Check: placement.RuleUnknown, Params: map[string]string{"object": object}})
	}
	if len(v.Policies.For("")) == 0 {
		return []placement.Reason{{RuleID: placement.RuleNoPolicy, Check: placement.RuleNoPolicy}}
	}
	if _, ok := v.Catalogue.TrustDomains[d.Workload.TrustDomainID]; !ok || in.WithoutLI && v.Catalogue.LITrustDomain(d.Workload.TrustDomainID) {
		unknown("trust domain " + d.Workload.TrustDomainID)
	}
	if slot, ok := v.Slot(in.RestrictHosts[0]); !ok || hiddenPools(v, in)[v.Host(slot).HostPoolID] {
		unknown("host " + in.RestrictHosts[0])
	}
	for _, digest := range d.Workload.Images {
		if _, ok := v.Catalogue.Images[digest]; !ok || in.WithoutLI && v.Catalogue.LIImage(digest) {
			unknown("artefact " + digest)
		}
	}
	return out
}
