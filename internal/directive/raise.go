package directive

import (
	"slices"

	"ringfence/internal/placement"
)

// Raise orders what lies weaker in the cache of a host than it must out of it, and says how it may lie there: for those who run it, and
// for those for whom it was ordered before. What was ordered strictly enough already is not ordered again. What nobody runs and nobody
// ordered has to go all the same, because it has content in common with what others run: it is ordered away once, from hosts where
// somebody does so.
func Raise(cat *placement.Catalogue, f *placement.CacheFacts, needs []placement.CacheNeed) []placement.Directive {
	h := f.Host.Host
	key := placement.HostKey{NFVIPoPID: h.NFVIPoPID, HostID: h.ID}
	var purges, caches []placement.Directive
	for i := range needs {
		n := &needs[i]
		domains, told := raisedFor(n, f)
		if told {
			continue
		}
		purges = append(purges, on(key, placement.Directive{Kind: placement.DirectivePurge, Purge: &placement.PurgeDirective{Digests: []string{n.Entry.Digest}}}))
		for _, domain := range domains {
			s := shelf{key, domain, n.Entry.Digest}
			caches = append(caches, on(key, placement.Directive{Kind: placement.DirectiveCache, Cache: cacheDirective(cat, h, s, n.Choice.Mode)}))
		}
	}
	return append(purges, caches...)
}

// raisedFor lists the trust domains for which an artefact may lie there in the mode that is needed, ascending; told: the host knows all
// of it already, or nobody there would hear.
func raisedFor(n *placement.CacheNeed, f *placement.CacheFacts) (domains []string, told bool) {
	domains, told = slices.Clone(n.TrustDomainIDs), true
	ordered, strict := false, map[string]bool{}
	for _, o := range f.Orders {
		if o.Digest != n.Entry.Digest {
			continue
		}
		ordered, strict[o.TrustDomainID] = true, o.Mode >= n.Choice.Mode
		told = told && strict[o.TrustDomainID]
		if o.TrustDomainID != "" && !slices.Contains(domains, o.TrustDomainID) {
			domains = append(domains, o.TrustDomainID)
		}
	}
	for _, domain := range n.TrustDomainIDs {
		told = told && strict[domain]
	}
	if len(n.TrustDomainIDs) == 0 && !ordered {
		told = f.Silent || slices.Contains(f.Purged, n.Entry.Digest)
	}
	slices.Sort(domains)
	return domains, told
}
