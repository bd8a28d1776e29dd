package directive

import (
	"maps"
	"slices"

	"ringfence/internal/placement"
)

// shelf is one artefact of one trust domain in the cache of one host, where it lies in one form.
type shelf struct {
	host          placement.HostKey
	trustDomainID string
	digest        string
}

// cacheDirectives orders weaker forms of the artefacts of a plan out of the caches and says how they may lie there: in
// the strictest mode that one of the plan's workloads needs, whichever comes first. The same is ordered of what others
// have there and the plan raises.
func cacheDirectives(cat *placement.Catalogue, in *placement.Inputs, plan *placement.Plan, host func(placement.HostKey) Host) (purges, caches []placement.Directive) {
	var shelves []shelf
	modes := map[shelf]placement.CacheMode{}
	put := func(s shelf, mode placement.CacheMode) {
		if _, known := modes[s]; !known {
			shelves = append(shelves, s)
		}
		modes[s] = max(modes[s], mode)
	}
	for i := range plan.Placements {
		pl := &plan.Placements[i]
		for j := range pl.Cache {
			put(shelf{hostOf(pl), in.Demands[pl.Demand].Workload.TrustDomainID, pl.Cache[j].Digest}, pl.Cache[j].Mode)
		}
	}
	for _, key := range plan.Hosts() {
		for _, r := range host(key).Raised {
			put(shelf{key, r.TrustDomainID, r.Digest}, r.Mode)
		}
	}
	for _, s := range shelves {
		h := host(s.host)
		weaker := func(e placement.CacheEntry) bool { return e.Digest == s.digest && e.Mode < modes[s] }
		purged := func(d placement.Directive) bool {
			return d.NFVIPoPID == s.host.NFVIPoPID && d.HostID == s.host.HostID && d.Purge.Digests[0] == s.digest
		}
		if slices.ContainsFunc(h.Cache, weaker) && !slices.ContainsFunc(purges, purged) {
			purges = append(purges, on(s.host, placement.Directive{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{Digests: []string{s.digest}}}))
		}
		caches = append(caches, on(s.host, placement.Directive{Kind: placement.DirectiveCache, Cache: cacheDirective(cat, h.Record, s, modes[s])}))
	}
	return purges, caches
}

// Permit orders what lets an artefact of a trust domain lie on a host in a mode before anybody there needs it.
func Permit(cat *placement.Catalogue, trustDomainID string, choice placement.CacheChoice, h Host) []placement.Directive {
	in := placement.Inputs{Demands: []placement.Demand{{Workload: placement.Workload{TrustDomainID: trustDomainID}}}}
	plan := placement.Plan{Placements: []placement.Placement{{NFVIPoPID: h.Record.NFVIPoPID, HostID: h.Record.ID, Cache: []placement.CacheChoice{choice}}}}
	purges, caches := cacheDirectives(cat, &in, &plan, func(placement.HostKey) Host { return h })
	return slices.Concat(purges, caches)
}

// Ordered is the mode in which the directives let an artefact of a trust domain lie on a host; CacheUnset when none speaks of it.
func Ordered(directives []placement.Directive, hostID, trustDomainID, digest string) placement.CacheMode {
	mode := placement.CacheUnset
	for i := range directives {
		d := &directives[i]
		if c := d.Cache; c != nil && d.HostID == hostID && c.Digest == digest && (c.Mode == placement.CacheShared || slices.Contains(c.VisibleToTrustDomainIDs, trustDomainID)) {
			mode = c.Mode
		}
	}
	return mode
}

// Outdated tells which host of a plan holds, by the facts, an artefact in a weaker form than the directives order and is
// not told to purge it, or is told to purge what does not lie there so: its cache changed after the directives were built.
func Outdated(directives []placement.Directive, facts []placement.HostFacts) (hostID string, outdated bool) {
	for i := range facts {
		if told, needed := purged(directives, facts[i].Host.ID), weaker(directives, &facts[i]); !maps.Equal(told, needed) {
			return facts[i].Host.ID, true
		}
	}
	return "", false
}

// purged are the artefacts that a host is told to purge one by one.
func purged(directives []placement.Directive, hostID string) map[string]bool {
	out := map[string]bool{}
	for i := range directives {
		if d := &directives[i]; d.Purge != nil && d.HostID == hostID {
			for _, digest := range d.Purge.Digests {
				out[digest] = true
			}
		}
	}
	return out
}

// weaker are the artefacts that lie on a host in a weaker form than the directives order.
func weaker(directives []placement.Directive, f *placement.HostFacts) map[string]bool {
	out := map[string]bool{}
	for i := range directives {
		d := &directives[i]
		if d.Cache == nil || d.HostID != f.Host.ID {
			continue
		}
		for _, e := range f.Cache {
			if e.Digest == d.Cache.Digest && e.Mode < d.Cache.Mode {
				out[e.Digest] = true
			}
		}
	}
	return out
}

func cacheDirective(cat *placement.Catalogue, h *placement.Host, s shelf, mode placement.CacheMode) *placement.CacheDirective {
	d := &placement.CacheDirective{
		Digest: s.digest, Reference: cat.Images[s.digest].Reference, Mode: mode, PullPolicy: "IfNotPresent", VisibleToTrustDomainIDs: []string{s.trustDomainID},
	}
	switch mode {
	case placement.CacheShared:
		d.PrePullAllowed, d.RetainAfterStop = true, true
		d.VisibleToTrustDomainIDs = slices.Clone(cat.HostPools[h.HostPoolID].AllowedTrustDomainIDs)
	case placement.CacheDomainPrivate:
		d.PrePullAllowed, d.RetainAfterStop, d.PurgeOnRelease = true, true, true
	case placement.CacheEncrypted:
		d.PrePullAllowed, d.RetainAfterStop, d.PurgeOnRelease, d.KeyBinding = true, true, true, "HOST_ATTESTATION"
	case placement.CacheGuestOnly:
		d.PullPolicy, d.PurgeOnRelease, d.KeyBinding = "Never", true, "GUEST_ATTESTATION"
	case placement.CacheNoStore, placement.CacheUnset:
		d.PullPolicy, d.PurgeOnRelease = "Always", true
	}
	return d
}
