package policy

import (
	"maps"
	"slices"

	"ringfence/internal/placement"
)

// Selectors are boxes over a closed vocabulary, so that whether one contains another can be decided exactly: look for a
// workload that the one picks and the other does not. A space is that vocabulary: the declared trust domains, and of what is
// open (NF types, components) the names that some selector mentions and one more that stands for all the others.
type space struct {
	domains    []placement.TrustDomain // ascending by id
	ancestry   [][]string              // of each domain: its id and its ancestors'
	nfTypes    []string                // the last stands for all that nobody mentions
	components []string

	known map[*Selector]*extent // of the selectors that were looked at, which do not change
}

// extent is what a selector picks by itself, beside roles, labels and its parts; nil: everything.
type extent struct{ domains, nfTypes, components bits }

func (sp *space) picked(s *Selector) *extent {
	if e, ok := sp.known[s]; ok {
		return e
	}
	e := &extent{}
	if s.TrustDomains != nil || s.Categories != nil || s.HasSensitivity {
		e.domains = bitsOf(len(sp.domains), func(i int) bool {
			d := &sp.domains[i]
			return (s.TrustDomains == nil || sp.named(i, s.TrustDomains)) && (s.Categories == nil || slices.Contains(s.Categories, d.Category)) &&
				(!s.HasSensitivity || d.Sensitivity >= s.SensitivityFrom)
		})
	}
	if s.NFTypes != nil {
		e.nfTypes = bitsOf(len(sp.nfTypes), func(i int) bool { return slices.Contains(s.NFTypes, sp.nfTypes[i]) })
	}
	if s.Components != nil {
		e.components = bitsOf(len(sp.components), func(i int) bool { return slices.Contains(s.Components, sp.components[i]) })
	}
	sp.known[s] = e
	return e
}

// newSpace collects the vocabulary of policies over a catalogue.
func newSpace(cat *placement.Catalogue, policies ...*Policy) *space {
	sp := &space{known: map[*Selector]*extent{}}
	for _, id := range slices.Sorted(maps.Keys(cat.TrustDomains)) {
		sp.domains = append(sp.domains, cat.TrustDomains[id])
		sp.ancestry = append(sp.ancestry, ancestors(cat, id))
	}
	nfTypes, components := map[string]bool{}, map[string]bool{}
	var visit func(s *Selector)
	visit = func(s *Selector) {
		for _, name := range s.NFTypes {
			nfTypes[name] = true
		}
		for _, name := range s.Components {
			components[name] = true
		}
		for i := range s.AnyOf {
			visit(&s.AnyOf[i])
		}
	}
	for _, p := range policies {
		for _, r := range p.Rules {
			visit(&r.Subject)
			visit(&r.Object)
			for i := range r.ExceptPairs {
				visit(&r.ExceptPairs[i])
			}
		}
	}
	sp.nfTypes = append(slices.Sorted(maps.Keys(nfTypes)), "")
	sp.components = append(slices.Sorted(maps.Keys(components)), "")
	return sp
}

func ancestors(cat *placement.Catalogue, id string) (out []string) {
	for range len(cat.TrustDomains) + 1 {
		if id == "" {
			break
		}
		out = append(out, id)
		id = cat.TrustDomains[id].ParentID
	}
	return out
}

// bits is a set of numbers from 0.
type bits []uint64

func fullBits(n int) bits { return bitsOf(n, func(int) bool { return true }) }

func (b bits) or(o bits) bits {
	if b == nil {
		return o
	}
	out := slices.Clone(b)
	for i := range out {
		out[i] |= o[i]
	}
	return out
}

func (b bits) overlaps(o bits) bool {
	for i := range min(len(b), len(o)) {
		if b[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

func (b bits) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// and returns what is in both; nil stands for everything.
func (b bits) and(o bits) bits {
	if o == nil {
		return b
	}
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] & o[i]
	}
	return out
}

func (b bits) without(o bits) bits {
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] &^ o[i]
	}
	return out
}

// bitsOf are the numbers below n for which a test holds.
func bitsOf(n int, test func(i int) bool) bits {
	out := make(bits, (n+63)/64)
	for i := range n {
		if test(i) {
			out[i/64] |= 1 << (i % 64)
		}
	}
	return out
}

// region is a set of workloads: those of its domains, NF types and components, with one role of each set of needs and none of
// without, with the labels is and without the labels not.
type region struct {
	domains, nfTypes, components bits
	needs                        []placement.Roles
	without                      placement.Roles
	is                           map[string]string
	not                          [][2]string
}

// all are all workloads.
func (sp *space) all() region {
	return region{domains: fullBits(len(sp.domains)), nfTypes: fullBits(len(sp.nfTypes)), components: fullBits(len(sp.components))}
}

// possible tells whether there is such a workload.
func (g *region) possible() bool {
	if g.domains.empty() || g.nfTypes.empty() || g.components.empty() {
		return false
	}
	for _, n := range g.needs {
		if n&^g.without == 0 {
			return false
		}
	}
	for _, kv := range g.not {
		if v, ok := g.is[kv[0]]; ok && v == kv[1] {
			return false
		}
	}
	return true
}

// within narrows a region to what a selector picks. The parts of the result are disjoint or not; together they are it.
func (sp *space) within(g region, s *Selector) []region {
	p := sp.picked(s)
	g.domains, g.nfTypes, g.components = g.domains.and(p.domains), g.nfTypes.and(p.nfTypes), g.components.and(p.components)
	if s.HasRoles {
		g.needs = append(slices.Clone(g.needs), s.Roles)
	}
	if s.Labels != nil {
		if len(s.Labels) == 0 {
			return nil
		}
		is := maps.Clone(g.is)
		if is == nil {
			is = map[string]string{}
		}
		for k, v := range s.Labels {
			if old, ok := is[k]; ok && old != v {
				return nil
			}
			is[k] = v
		}
		g.is = is
	}
	if !g.possible() {
		return nil
	}
	if s.AnyOf == nil {
		return []region{g}
	}
	var out []region
	for i := range s.AnyOf {
		out = append(out, sp.within(g, &s.AnyOf[i])...)
	}
	return out
}

// outside narrows a region to what a selector does not pick: for each key that is given, those that fail it and none of the keys
// before, so that the parts do not overlap.
func (sp *space) outside(g region, s *Selector) (out []region) {
	if s.Labels != nil && len(s.Labels) == 0 {
		return []region{g}
	}
	add := func(h region) {
		if h.possible() {
			out = append(out, h)
		}
	}
	p := sp.picked(s)
	split := func(of func(h *region) *bits, picks bits) {
		if picks == nil {
			return
		}
		h, all := g, *of(&g)
		*of(&h) = all.without(picks)
		add(h)
		*of(&g) = all.and(picks)
	}
	split(func(h *region) *bits { return &h.domains }, p.domains)
	split(func(h *region) *bits { return &h.nfTypes }, p.nfTypes)
	split(func(h *region) *bits { return &h.components }, p.components)
	if s.HasRoles {
		h := g
		h.without |= s.Roles
		add(h)
		g.needs = append(slices.Clone(g.needs), s.Roles)
	}
	for _, k := range sortedKeys(s.Labels) {
		h := g
		h.not = append(slices.Clone(h.not), [2]string{k, s.Labels[k]})
		add(h)
		if old, ok := g.is[k]; ok && old != s.Labels[k] {
			return out
		}
		g.is = labelled(g.is, k, s.Labels[k])
	}
	if s.AnyOf == nil || !g.possible() {
		return out
	}
	rest := []region{g}
	for i := range s.AnyOf {
		var next []region
		for _, h := range rest {
			next = append(next, sp.outside(h, &s.AnyOf[i])...)
		}
		rest = next
	}
	return append(out, rest...)
}

// labelled are labels with one more.
func labelled(labels map[string]string, k, v string) map[string]string {
	out := maps.Clone(labels)
	if out == nil {
		out = map[string]string{}
	}
	out[k] = v
	return out
}

func (sp *space) named(i int, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return id == "*" || slices.Contains(sp.ancestry[i], id) })
}

// exists tells whether a workload is picked by all selectors of the one list and by none of the other.
func (sp *space) exists(picked, spared []*Selector) bool {
	return len(sp.witnesses(picked, spared)) > 0
}

func (sp *space) witnesses(picked, spared []*Selector) []region {
	regions := []region{sp.all()}
	narrow := func(s *Selector, by func(region, *Selector) []region) {
		var next []region
		for _, g := range regions {
			next = append(next, by(g, s)...)
		}
		regions = next
	}
	for _, s := range picked {
		narrow(s, sp.within)
	}
	for _, s := range spared {
		narrow(s, sp.outside)
	}
	return regions
}

// hostInside tells whether every host that the one selector picks is picked by the other. Of what a host selector asks, every key
// stands for itself, so that looking key by key is exact.
func hostInside(inner, outer *HostSelector) bool {
	return listInside(inner.Pools, outer.Pools) && listInside(inner.Zones, outer.Zones) && listInside(inner.Countries, outer.Countries) &&
		capabilitiesInside(inner, outer) && labelsInside(inner.Labels, outer.Labels) && labelsOutside(inner, outer.NotLabels) || picksNoHost(inner)
}

// listInside compares two lists of which one value must match; nil matches all.
func listInside(inner, outer []string) bool {
	if outer == nil {
		return true
	}
	return inner != nil && !slices.ContainsFunc(inner, func(s string) bool { return !slices.Contains(outer, s) })
}

func capabilitiesInside(inner, outer *HostSelector) bool {
	return !outer.HasCapabilities || outer.Capabilities != 0 && inner.HasCapabilities && inner.Capabilities.Has(outer.Capabilities)
}

func labelsInside(inner, outer map[string]string) bool {
	for k, v := range outer {
		if have, ok := inner[k]; !ok || have != v {
			return false
		}
	}
	return outer == nil || len(outer) > 0
}

// labelsOutside tells whether no host that a selector picks has one of the labels.
func labelsOutside(s *HostSelector, not map[string]string) bool {
	for k, v := range not {
		have, has := s.Labels[k]
		spared, spares := s.NotLabels[k]
		if !(has && have != v || spares && spared == v) {
			return false
		}
	}
	return true
}

func picksNoHost(s *HostSelector) bool {
	empty := func(list []string) bool { return list != nil && len(list) == 0 }
	for k, v := range s.NotLabels {
		if have, has := s.Labels[k]; has && have == v {
			return true
		}
	}
	return empty(s.Pools) || empty(s.Zones) || empty(s.Countries) || s.HasCapabilities && s.Capabilities == 0 || s.Labels != nil && len(s.Labels) == 0
}

func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// witness is a workload of a region.
func (sp *space) witness(g *region) placement.Witness {
	w := placement.Witness{Labels: g.is}
	name := func(list []string, b bits) string { // the last, which nobody names, where it is there
		for i, n := range slices.Backward(list) {
			if b.has(i) {
				return n
			}
		}
		return ""
	}
	w.NFType, w.ComponentID = name(sp.nfTypes, g.nfTypes), name(sp.components, g.components)
	for i := range sp.domains {
		if g.domains.has(i) {
			w.TrustDomainID = sp.domains[i].ID
			break
		}
	}
	needs := slices.Clone(g.needs) // what leaves least choice first, so that few roles do
	slices.SortStableFunc(needs, func(a, b placement.Roles) int { return len((a &^ g.without).Names()) - len((b &^ g.without).Names()) })
	for _, n := range needs {
		if free := n &^ g.without; w.Roles&n == 0 {
			w.Roles |= free & -free
		}
	}
	return w
}
