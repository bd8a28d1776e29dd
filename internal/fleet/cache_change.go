package fleet

import (
	"slices"

	"ringfence/internal/placement"
)

// CacheChanged lists the hosts whose caches differ between two views of a fleet, ascending. Parts of the memory that both views share
// are not looked at.
func (v *View) CacheChanged(last *View) []string {
	var out []string
	for i, g := range v.cache.groups {
		old := last.cache.groups[i]
		if g == old {
			continue
		}
		g.each(func(host string, list []placement.CacheEntry) {
			if before, _ := last.cache.get(host); !sameEntries(list, before) {
				out = append(out, host)
			}
		})
		old.each(func(host string, _ []placement.CacheEntry) {
			if _, there := v.cache.get(host); !there {
				out = append(out, host)
			}
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sameEntries tells whether two lists are one: a list that was published is never changed.
func sameEntries(a, b []placement.CacheEntry) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// each calls fn with everything in a group; nil has nothing.
func (g *group[V]) each(fn func(k string, v V)) {
	if g == nil {
		return
	}
	for _, part := range g.parts {
		for k, v := range part {
			fn(k, v)
		}
	}
}
