package directive

import (
	"slices"

	"ringfence/internal/placement"
)

// Raise orders what lies weaker in the cache of a host than it must out of it, and says how it may lie there: for those who run it, and
// for those for whom it was ordered before. What was ordered strictly enough already is not ordered again, nor is anything that
// nobody runs and nobody ordered: that is what the host's report differs in from what was decided.
func Raise(cat *placement.Catalogue, h *placement.Host, needs []placement.CacheNeed, orders []placement.CacheOrder) []placement.Directive {
	key := placement.HostKey{NFVIPoPID: h.NFVIPoPID, HostID: h.ID}
	var purges, caches []placement.Directive
	for i := range needs {
		n := &needs[i]
		domains, weaker := slices.Clone(n.TrustDomainIDs), false
		strict := map[string]bool{}
		for _, o := range orders {
			if o.Digest != n.Entry.Digest {
				continue
			}
			weaker, strict[o.TrustDomainID] = weaker || o.Mode < n.Choice.Mode, o.Mode >= n.Choice.Mode
			if o.TrustDomainID != "" && !slices.Contains(domains, o.TrustDomainID) {
				domains = append(domains, o.TrustDomainID)
			}
		}
		unordered := func(domain string) bool { return !strict[domain] }
		if !weaker && !slices.ContainsFunc(n.TrustDomainIDs, unordered) {
			continue
		}
		slices.Sort(domains)
		purges = append(purges, on(key, placement.Directive{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{Digests: []string{n.Entry.Digest}}}))
		for _, domain := range domains {
			s := shelf{key, domain, n.Entry.Digest}
			caches = append(caches, on(key, placement.Directive{Kind: placement.DirectiveCache, Cache: cacheDirective(cat, h, s, n.Choice.Mode)}))
		}
	}
	return append(purges, caches...)
}
