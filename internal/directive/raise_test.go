package directive_test

import (
	"slices"
	"strings"
	"testing"

	"ringfence/internal/directive"
	"ringfence/internal/placement"
)

// TestRaise: what lies too weakly is purged and ordered anew for everybody who has a part in it, once.
func TestRaise(t *testing.T) {
	t.Parallel()
	ordered := func(domain string, mode placement.CacheMode) placement.CacheOrder {
		return placement.CacheOrder{Digest: "a", TrustDomainID: domain, Mode: mode}
	}
	need := func(domains ...string) placement.CacheNeed {
		return placement.CacheNeed{
			Entry: placement.CacheEntry{Digest: "a", Mode: placement.CacheShared}, TrustDomainIDs: domains,
			Choice: placement.CacheChoice{Digest: "a", Mode: placement.CacheNoStore},
		}
	}
	other := placement.CacheOrder{Digest: "b", TrustDomainID: "A", Mode: placement.CacheShared}
	for name, tt := range map[string]struct {
		need   placement.CacheNeed
		orders []placement.CacheOrder
		want   string
	}{
		"who runs it":                      {need("A"), []placement.CacheOrder{ordered("A", placement.CacheEncrypted), other}, "PURGE a, CACHE a NO_STORE A"},
		"who was not told anything":        {need("A"), nil, "PURGE a, CACHE a NO_STORE A"},
		"it lay there for everybody":       {need("A"), []placement.CacheOrder{ordered("", placement.CacheShared)}, "PURGE a, CACHE a NO_STORE A"},
		"for whom it was ordered":          {need(), []placement.CacheOrder{ordered("B", placement.CacheEncrypted)}, "PURGE a, CACHE a NO_STORE B"},
		"nobody's, and for everybody":      {need(), []placement.CacheOrder{ordered("", placement.CacheShared)}, "PURGE a"},
		"one of two was told":              {need("A", "B"), []placement.CacheOrder{ordered("A", placement.CacheNoStore)}, "PURGE a, CACHE a NO_STORE A, CACHE a NO_STORE B"},
		"told before":                      {need("A"), []placement.CacheOrder{ordered("A", placement.CacheNoStore)}, ""},
		"nobody runs it or was told of it": {need(), []placement.CacheOrder{other}, "PURGE a"},
		"told to purge it before":          {need(), []placement.CacheOrder{other, {Digest: "purged"}}, ""},
		"nobody there purges anything":     {need(), []placement.CacheOrder{other, {Digest: "silent"}}, ""},
		"somebody runs it, told before":    {need("A"), []placement.CacheOrder{{Digest: "purged"}}, "PURGE a, CACHE a NO_STORE A"},
	} {
		var got []string
		has := func(digest string) bool {
			return slices.ContainsFunc(tt.orders, func(o placement.CacheOrder) bool { return o.Digest == digest })
		}
		facts := placement.CacheFacts{Host: placement.HostFacts{Host: &placement.Host{ID: "h1"}}, Orders: tt.orders, Silent: has("silent"), Purged: []string{"b"}}
		if has("purged") {
			facts.Purged = append(facts.Purged, "a")
		}
		for _, d := range directive.Raise(&placement.Catalogue{}, &facts, []placement.CacheNeed{tt.need}) {
			if d.Purge != nil {
				got = append(got, "PURGE "+strings.Join(d.Purge.Digests, " "))
				continue
			}
			got = append(got, "CACHE "+d.Cache.Digest+" "+d.Cache.Mode.String()+" "+strings.Join(d.Cache.VisibleToTrustDomainIDs, " "))
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}
