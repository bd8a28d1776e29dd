package solver

import (
	"slices"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// CacheNeeds returns the judge of what lies in the cache of a host in a weaker mode than what is there needs, by the rules of a view.
func CacheNeeds(v *fleet.View, mappingMaxAge time.Duration) func(now time.Time, f placement.HostFacts) []placement.CacheNeed {
	return func(now time.Time, f placement.HostFacts) []placement.CacheNeed {
		return newInspection(v, now, mappingMaxAge).needs(f)
	}
}

// needs lists the entries that lie weaker than somebody on the host needs, in their order: who runs the artefact, by its rules, and who
// runs another one that shares content with it, by the layer rule. Of several who need the same the first by id is named.
func (c *inspection) needs(f placement.HostFacts) []placement.CacheNeed {
	var out []placement.CacheNeed
	for i := range f.Cache {
		if n := c.needOf(f, &f.Cache[i]); n.Choice.Mode > n.Entry.Mode {
			out = append(out, n)
		}
	}
	return out
}

func (c *inspection) needOf(f placement.HostFacts, e *placement.CacheEntry) placement.CacheNeed {
	n := placement.CacheNeed{Entry: *e, Choice: placement.CacheChoice{Digest: e.Digest}}
	if e.Mode >= placement.CacheNoStore {
		return n
	}
	sharing := c.world.Catalogue.SharingOf(e.Digest)
	for _, r := range f.Residents {
		if r.Kind == placement.ResidencyFabric {
			continue
		}
		for _, digest := range r.Workload.Images {
			if digest != e.Digest && !sharing.With(digest) {
				continue
			}
			if domain := r.Workload.TrustDomainID; digest == e.Digest && !slices.Contains(n.TrustDomainIDs, domain) {
				n.TrustDomainIDs = append(n.TrustDomainIDs, domain)
			}
			candidate := c.candidate(r)
			candidate.Retarget(&r.Workload, policy.Replicas{})
			if asked := candidate.ModeOn(f, r.CISNodeID, digest); asked.Mode > n.Choice.Mode {
				n.Choice.Mode, n.Choice.Required, n.Choice.RuleID, n.Choice.PolicyID = asked.Mode, asked.Required, asked.RuleID, asked.PolicyID
			}
		}
	}
	slices.Sort(n.TrustDomainIDs)
	return n
}

// cached adds the violations of what lies in the cache of a host.
func (c *inspection) cached(h *placement.Host, residents []*placement.Residency) {
	entries := c.cacheOf(h.ID)
	if len(entries) == 0 {
		return
	}
	for _, n := range c.needs(placement.HostFacts{Host: h, Residents: residents, Cache: entries}) {
		c.found = append(c.found, placement.Violation{
			NFVIPoPID: h.NFVIPoPID, HostID: h.ID, TrustDomainID: n.Entry.TrustDomainID, Object: n.Entry.Digest, PolicyEpoch: c.epoch,
			Enforcement: placement.Enforced, Eviction: placement.EvictionNone,
			Reason: placement.Reason{PolicyID: n.Choice.PolicyID, RuleID: n.Choice.RuleID, Check: placement.CheckCacheEntry, Params: map[string]string{
				"host": h.ID, "artefact": n.Entry.Digest, "mode": n.Entry.Mode.String(), "needed": n.Choice.Mode.String(),
			}},
		})
	}
}
