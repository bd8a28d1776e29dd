package policy

import (
	"maps"
	"slices"

	"ringfence/internal/placement"
)

// What rules leave of hosts that could exist. Everything about a host is free here, whatever the inventory has: where it stands, its
// pool, its capabilities, its labels. It is empty, and what it runs, when it was attested and cleaned can be as any rule wants. So
// the only rules that can take a host away are those that demand something of what host selectors and rules on location look at; the
// property test of contradictions shows that with the function that decides.

// unnamed is a value that no policy names: it stands for all of those.
const unnamed = "\x00"

// demand is what a rule leaves of the hosts where it counts, for the best a workload of a trust domain can be.
type demand struct {
	nothing   bool // no host at all
	countries []string
	deny      []string
	sites     []string
	source    string
	have      placement.Capabilities // all of them
	some      placement.Capabilities // one of them; 0: none is asked
}

// demands tells whether rules of the kind take hosts away, however a workload and the rest of the inventory were.
func (r *Rule) demands() bool {
	switch r.Kind {
	case Location, RequireCapability, BorderHandling, SignedArtefact, SeparateRole:
		return true
	case CacheMode: // the modes below NO_STORE are there for whoever runs in a confidential VM
		return r.Params.Mode == placement.CacheNoStore
	default:
		return false
	}
}

// demandOf is what a rule asks for a workload of the trust domain that has the rule's bearers.
func (r *Rule) demandOf(d *placement.TrustDomain) demand {
	p := &r.Params
	switch r.Kind {
	case Location:
		out := demand{countries: p.Countries, deny: p.Deny, sites: p.Sites, source: p.Source}
		if p.OfDomain {
			out.countries = d.AllowedCountries
		}
		return out
	case RequireCapability:
		return demand{have: p.AllOf, some: p.AnyOf}
	case BorderHandling:
		return demand{have: placement.CapEncStorage}
	case CacheMode:
		return demand{some: placement.CapEphemeralEnc | placement.CapRAMSnapshot}
	case SeparateRole: // a workload with a role of each side
		return demand{nothing: true}
	case SignedArtefact:
		return demand{nothing: !slices.ContainsFunc(p.Trust, func(s Signer) bool { return s.mayTag(d.ID) })}
	default:
		return demand{}
	}
}

// bearers are the roles, one of each, without which a workload is not what the rule's demand is about.
func (r *Rule) bearers() []placement.Roles {
	switch r.Kind {
	case BorderHandling:
		return []placement.Roles{placement.RoleBorder}
	case SeparateRole:
		return []placement.Roles{r.Params.A, r.Params.B}
	default:
		return nil
	}
}

// metBy tells whether a host has what is demanded.
func (d *demand) metBy(h *placement.Host) bool {
	return !d.nothing && (d.countries == nil || slices.Contains(d.countries, h.Country)) && !slices.Contains(d.deny, h.Country) &&
		(d.sites == nil || slices.Contains(d.sites, h.NFVIPoPID)) && (d.source == "" || h.Location.Source == d.source) &&
		h.Capabilities.Has(d.have) && (d.some == 0 || h.Capabilities.Missing(d.some) != d.some)
}

// effort bounds how long something is looked for; what the unit is, the search says.
type effort struct{ left int }

// spend takes some of the effort and tells whether there was none left.
func (e *effort) spend(n int) bool {
	e.left -= n
	return e.left < 0
}

// survivor is a host that meets what all of the rules demand where they count, for a workload of the trust domain; false when there
// is none.
func survivor(rules []*Rule, d *placement.TrustDomain, left *effort) (placement.Host, bool) {
	return hosts{}.surviving(rules, d, left)
}

func (g hosts) surviving(rules []*Rule, d *placement.TrustDomain, left *effort) (placement.Host, bool) {
	if h, ok := g.example(left); !ok || len(rules) == 0 || left.spend(1) {
		return h, ok
	}
	r, rest := rules[0], rules[1:]
	asked := r.demandOf(d)
	if g.meet(&asked) {
		return g.surviving(rest, d, left)
	}
	if in, ok := g.inside(&asked); ok {
		if h, ok := in.surviving(rest, d, left); ok {
			return h, true
		}
	}
	for _, out := range g.outside(&r.Host) {
		if h, ok := out.surviving(rest, d, left); ok {
			return h, true
		}
	}
	return placement.Host{}, false
}

// choice is a set of names: those of only, or all where it is nil, without those of not.
type choice struct{ only, not []string }

func (c choice) in(list []string) choice {
	if list != nil {
		c.only = narrowed(c.only, list)
	}
	return c
}

func (c choice) out(list []string) choice {
	if list != nil {
		c.not = append(slices.Clone(c.not), list...)
	}
	return c
}

// within tells whether every name of the set is in the list; nil stands for everything.
func (c choice) within(list []string) bool {
	return list == nil || c.only != nil && !slices.ContainsFunc(c.only, func(s string) bool { return !slices.Contains(list, s) && !slices.Contains(c.not, s) })
}

// without tells whether no name of the set is in the list.
func (c choice) without(list []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool {
		return !slices.Contains(c.not, s) && (c.only == nil || slices.Contains(c.only, s))
	})
}

// pick returns a name of the set; one that nobody names, where it can.
func (c choice) pick() (string, bool) {
	if c.only == nil {
		return unnamed, true
	}
	i := slices.IndexFunc(c.only, func(s string) bool { return !slices.Contains(c.not, s) })
	if i < 0 {
		return "", false
	}
	return c.only[i], true
}

// narrowed is what is in both lists; nil stands for everything.
func narrowed(a, b []string) []string {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// hosts is a set of hosts: a box, as host selectors are.
type hosts struct {
	country, site, source, pool, zone choice
	have                              placement.Capabilities   // all of them
	some                              []placement.Capabilities // one of each
	lack                              []placement.Capabilities // not all of each
	is                                map[string]string        // a label that is not there is the same as an empty one
	not                               [][2]string
}

// meet tells whether all of the hosts certainly meet a demand.
func (g *hosts) meet(d *demand) bool {
	return !d.nothing && g.country.within(d.countries) && g.country.without(d.deny) && g.site.within(d.sites) &&
		(d.source == "" || g.source.within([]string{d.source})) && g.have.Has(d.have) &&
		(d.some == 0 || g.have.Missing(d.some) != d.some || slices.Contains(g.some, d.some))
}

// inside narrows hosts to those that meet a demand.
func (g hosts) inside(d *demand) (hosts, bool) {
	if d.nothing {
		return g, false
	}
	g.country, g.site = g.country.in(d.countries).out(d.deny), g.site.in(d.sites)
	if d.source != "" {
		g.source = g.source.in([]string{d.source})
	}
	g.have |= d.have
	if d.some != 0 {
		g.some = append(slices.Clone(g.some), d.some)
	}
	return g, true
}

// picked narrows hosts to those that a selector picks. One that picks none leaves hosts that lack nothing and are none.
func (g hosts) picked(s *HostSelector) hosts {
	g.pool, g.zone, g.country = g.pool.in(s.Pools), g.zone.in(s.Zones), g.country.in(s.Countries)
	g.have |= s.Capabilities
	if picksNoHost(s) {
		g.lack = append(slices.Clone(g.lack), 0)
	}
	if len(s.Labels) > 0 {
		g.is = maps.Clone(s.Labels)
	}
	for _, k := range sortedKeys(s.NotLabels) {
		g.not = append(slices.Clone(g.not), [2]string{k, s.NotLabels[k]})
	}
	return g
}

// outside narrows hosts to those that a selector does not pick: for each key that is given, those that fail it and none of the keys
// before.
func (g hosts) outside(s *HostSelector) (out []hosts) {
	if s.HasCapabilities && s.Capabilities == 0 || s.Labels != nil && len(s.Labels) == 0 {
		return []hosts{g}
	}
	split := func(of func(h *hosts) *choice, list []string) {
		if list == nil {
			return
		}
		h, all := g, *of(&g)
		*of(&h) = all.out(list)
		out = append(out, h)
		*of(&g) = all.in(list)
	}
	split(func(h *hosts) *choice { return &h.pool }, s.Pools)
	split(func(h *hosts) *choice { return &h.zone }, s.Zones)
	split(func(h *hosts) *choice { return &h.country }, s.Countries)
	if s.HasCapabilities {
		h := g
		h.lack = append(slices.Clone(h.lack), s.Capabilities)
		out = append(out, h)
		g.have |= s.Capabilities
	}
	for _, k := range sortedKeys(s.Labels) {
		h := g
		h.not = append(slices.Clone(h.not), [2]string{k, s.Labels[k]})
		out = append(out, h)
		if v, ok := g.is[k]; ok && v != s.Labels[k] {
			return out
		}
		g.is = labelled(g.is, k, s.Labels[k])
	}
	for _, k := range sortedKeys(s.NotLabels) {
		if v, ok := g.is[k]; !ok || v == s.NotLabels[k] {
			h := g
			h.is = labelled(h.is, k, s.NotLabels[k])
			out = append(out, h)
		}
		g.not = append(slices.Clone(g.not), [2]string{k, s.NotLabels[k]})
	}
	return out
}

// example is one of the hosts; false when there is none. Where the effort ends before that is known, there is said to be one.
func (g *hosts) example(left *effort) (placement.Host, bool) {
	h := placement.Host{Labels: map[string]string{}}
	var ok [5]bool
	h.Country, ok[0] = g.country.pick()
	h.NFVIPoPID, ok[1] = g.site.pick()
	h.Location.Source, ok[2] = g.source.pick()
	h.HostPoolID, ok[3] = g.pool.pick()
	h.ResourceZoneID, ok[4] = g.zone.pick()
	if slices.Contains(ok[:], false) {
		return h, false
	}
	maps.Copy(h.Labels, g.is)
	for _, kv := range g.not {
		if v, set := g.is[kv[0]]; set && v == kv[1] {
			return h, false
		} else if !set {
			h.Labels[kv[0]] = unnamed
		}
	}
	var fits bool
	h.Capabilities, fits = g.capable(g.have, g.some, left)
	return h, fits
}

// capable finds capabilities with one of each of some, and not all of any of lack.
func (g *hosts) capable(have placement.Capabilities, some []placement.Capabilities, left *effort) (placement.Capabilities, bool) {
	if left.spend(1) {
		return have, true
	}
	if slices.ContainsFunc(g.lack, have.Has) {
		return 0, false
	}
	if len(some) == 0 {
		return have, true
	}
	if have.Missing(some[0]) != some[0] {
		return g.capable(have, some[1:], left)
	}
	for bit := placement.Capabilities(1); bit != 0 && bit <= some[0]; bit <<= 1 {
		if some[0]&bit == 0 {
			continue
		}
		if out, ok := g.capable(have|bit, some[1:], left); ok {
			return out, true
		}
	}
	return 0, false
}
