package policy

import (
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// Rules that change no decision, because others refuse whatever they refuse: one other, or several together. What a rule is about is
// cut along the borders of the others until a case is left that none of them is about, or none is left. That ends early where there
// is such a case; where there is none, the cases may be very many, and the search ends when its effort is spent. A rule is then
// taken to be needed, and a finding says so.

// How many cases are looked at, for one rule and for all rules of a policy.
const (
	maxCoverEffort    = 4_000
	maxCoverEffortAll = 200_000
)

// situation is a set of cases that a rule decides: workloads, for a pairwise rule the others that they meet, and hosts.
type situation struct {
	subject, object region
	at              hosts
}

// coverSearch looks for a case of one rule that none of some others is about.
type coverSearch struct {
	*analysis
	rule  *Rule
	given int
	left  effort
	used  map[*Rule]bool // the others that some case was cut by
}

// coverSearch begins a search with what is left of the effort; end takes off what it took.
func (a *analysis) coverSearch(r *Rule) *coverSearch {
	given := min(maxCoverEffort, a.coverLeft)
	return &coverSearch{analysis: a, rule: r, given: given, left: effort{given}, used: map[*Rule]bool{}}
}

func (s *coverSearch) end() { s.coverLeft -= s.given - max(s.left.left, 0) }

// covered reports a rule that changes no decision, because others refuse whatever it refuses.
func (a *analysis) covered(r *Rule, at string) {
	if !r.Enforced() {
		return
	}
	by := a.candidates(r)
	for _, o := range by {
		if a.inside(r, o) {
			a.reportCovered(r, at, []*Rule{o})
			return
		}
	}
	if len(by) < 2 || r.Kind == CoLocateInVM { // two halves of a network function may be held together in two VMs
		return
	}
	s := a.coverSearch(r)
	needed := s.needed(by)
	s.end()
	switch {
	case s.left.left < 0:
		a.undecided = append(a.undecided, r)
	case !needed:
		a.reportCovered(r, at, s.fewest(by))
	}
}

// candidates are the rules that could cover a part of a rule: of those that decide alike, the earlier ones.
func (a *analysis) candidates(r *Rule) (by []*Rule) {
	for _, p := range a.all {
		for _, o := range p.Rules {
			if o != r && o.Kind == r.Kind && a.dominates(p, o, r) && (!refusesAtLeast(r, o) || precedes(o, r)) && a.touches(o, r) {
				by = append(by, o)
			}
		}
	}
	return by
}

// dominates tells whether a rule, where both concern a candidate on a host, decides at least as strictly, for every VNF instance.
func (a *analysis) dominates(p *Policy, o, r *Rule) bool {
	everybody := listInside(a.policy.instances(), p.instances())
	return o.Enforced() && len(o.Exceptions) == 0 && everybody && refusesAtLeast(o, r)
}

// touches tells whether some workload is the business of both rules: without one, neither covers a part of the other.
func (a *analysis) touches(o, r *Rule) bool {
	if r.pairwise() {
		return true
	}
	x, y := a.extent(o), a.extent(r)
	return x.meets(y) && a.space.exists([]*Selector{&r.Subject, &o.Subject}, nil)
}

// extent is about which trust domains, types and components the subject of a rule is, at most.
func (a *analysis) extent(r *Rule) *region {
	if g, ok := a.extents[r]; ok {
		return g
	}
	g := &region{}
	for _, part := range a.space.witnesses([]*Selector{&r.Subject}, nil) {
		g.domains, g.nfTypes, g.components = g.domains.or(part.domains), g.nfTypes.or(part.nfTypes), g.components.or(part.components)
	}
	a.extents[r] = g
	return g
}

func (g *region) meets(o *region) bool {
	return g.domains.overlaps(o.domains) && g.nfTypes.overlaps(o.nfTypes) && g.components.overlaps(o.components)
}

// inside tells whether every case of a rule is the business of another one.
func (a *analysis) inside(r, o *Rule) bool {
	if !hostInside(&r.Host, &o.Host) {
		return false
	}
	s := &coverSearch{analysis: a, rule: r, left: effort{maxCoverEffort}, used: map[*Rule]bool{}}
	return !s.needed([]*Rule{o})
}

// needed tells whether some case of the rule is the business of none of the others.
func (s *coverSearch) needed(others []*Rule) bool {
	objects := []region{{}}
	if s.rule.pairwise() {
		objects = s.space.witnesses([]*Selector{&s.rule.Object}, nil)
	}
	at := hosts{}.picked(&s.rule.Host)
	for _, g := range s.space.witnesses([]*Selector{&s.rule.Subject}, nil) {
		for _, h := range objects {
			if s.uncovered(situation{g, h, at}, others) {
				return true
			}
		}
	}
	return false
}

// uncovered tells whether some of the cases is the business of none of the others. When the effort is spent, it says so.
func (s *coverSearch) uncovered(c situation, others []*Rule) bool {
	if s.left.spend(1) {
		return true
	}
	for ; len(others) > 0; others = others[1:] {
		parts, cut := s.minus(c, others[0])
		if !cut {
			continue
		}
		s.used[others[0]] = true
		for i := range parts {
			if s.uncovered(parts[i], others[1:]) {
				return true
			}
		}
		return false
	}
	return s.real(&c)
}

// real tells whether there is such a case, and for a pair, one of the sort that the kind keeps apart.
func (s *coverSearch) real(c *situation) bool {
	if _, ok := c.at.example(&s.left); !ok {
		return false
	}
	return !s.rule.pairwise() || s.pairOf(s.rule, &c.subject, &c.object) || s.pairOf(s.rule, &c.object, &c.subject)
}

// minus are the cases that are not the business of a rule; not cut when none of them is.
func (s *coverSearch) minus(c situation, o *Rule) (out []situation, cut bool) {
	if !s.rule.pairwise() {
		return s.without(c, o, &o.Subject, nil)
	}
	first, cutFirst := s.without(c, o, &o.Subject, &o.Object)
	if !cutFirst {
		return s.without(c, o, &o.Object, &o.Subject)
	}
	for i := range first {
		parts, _ := s.without(first[i], o, &o.Object, &o.Subject)
		out = append(out, parts...)
	}
	return out, true
}

// without are the cases in which the one side is not picked by a selector, or else the other side by another, or else the host is
// not one of the rule's. They do not overlap.
func (s *coverSearch) without(c situation, o *Rule, one, other *Selector) (out []situation, cut bool) {
	in := s.space.within(c.subject, one)
	objects := []region{c.object}
	if other != nil {
		objects = s.space.within(c.object, other)
	}
	if len(in) == 0 || len(objects) == 0 {
		return []situation{c}, false
	}
	for _, g := range s.space.outside(c.subject, one) {
		out = append(out, situation{g, c.object, c.at})
	}
	if other != nil {
		for _, h := range s.space.outside(c.object, other) {
			for _, g := range in {
				out = append(out, situation{g, h, c.at})
			}
		}
	}
	for _, at := range c.at.outside(&o.Host) {
		if _, ok := at.example(&s.left); !ok {
			continue
		}
		for _, g := range in {
			for _, h := range objects {
				out = append(out, situation{g, h, at})
			}
		}
	}
	return out, true
}

// maxFewest is how many rules a finding names, and how many that cover another one are tried to be left out.
const maxFewest = 20

// fewest are those of the others that cover the rule without the rest, where they are few enough to find out.
func (s *coverSearch) fewest(by []*Rule) []*Rule {
	by = slices.DeleteFunc(slices.Clone(by), func(o *Rule) bool { return !s.used[o] })
	if len(by) > maxFewest {
		return by
	}
	for i := range slices.Backward(by) {
		less := s.coverSearch(s.rule)
		if rest := slices.Delete(slices.Clone(by), i, i+1); !less.needed(rest) {
			by = rest
		}
		less.end()
	}
	return by
}

// precedes orders rules as reasons are ordered.
func precedes(a, b *Rule) bool {
	return a.PolicyID < b.PolicyID || a.PolicyID == b.PolicyID && a.Position < b.Position
}

func (a *analysis) reportCovered(r *Rule, at string, by []*Rule) {
	code, verb := CodeRuleShadowed, "is shadowed"
	for _, o := range by {
		if !precedes(o, r) {
			code, verb = CodeRuleRedundant, "is redundant"
		}
	}
	refuse := a.names(by) + " refuses too"
	switch {
	case len(by) > maxFewest:
		refuse = fmt.Sprintf("%s and %d more together refuse too", a.names(by[:maxFewest]), len(by)-maxFewest)
	case len(by) > 1:
		refuse = a.names(by) + " together refuse too"
	}
	a.here(code, at, "rule %s %s: whatever it refuses, %s", r.ID, verb, refuse)
	a.findings[len(a.findings)-1].RuleIDs = append([]string{r.ID}, a.ids(by[:min(len(by), maxFewest)])...)
}

// reportUndecided says of which rules it was not found out whether others together cover them.
func (a *analysis) reportUndecided() {
	if len(a.undecided) == 0 {
		return
	}
	ids := a.ids(a.undecided)
	named := strings.Join(ids[:min(len(ids), maxFewest)], ", ")
	if len(ids) > maxFewest {
		named += ", …"
	}
	a.here(CodeAnalysisBounded, a.doc.Rules[a.undecided[0].Position].Pointer,
		"whether other rules together refuse whatever it refuses was not looked at to the end for %d of the rules: %s. Each overlaps with very many others of its kind; "+
			"that no single other rule covers it is certain", len(ids), named)
	a.findings[len(a.findings)-1].RuleIDs = ids[:min(len(ids), maxFewest)]
}

// apart tells whether some pair of a subject and an object is of the sort that the kind keeps apart.
func (a *analysis) apart(r *Rule) bool {
	subjects, objects := a.space.witnesses([]*Selector{&r.Subject}, nil), a.space.witnesses([]*Selector{&r.Object}, nil)
	for i := range subjects {
		for j := range objects {
			if a.pairOf(r, &subjects[i], &objects[j]) || a.pairOf(r, &objects[j], &subjects[i]) {
				return true
			}
		}
	}
	return false
}

// pairOf looks for one workload of each region that the kind keeps apart.
func (a *analysis) pairOf(r *Rule, g, h *region) bool {
	can := func(g *region, roles placement.Roles) bool { return roles&^g.without != 0 }
	switch r.Kind {
	case SeparateRole:
		return can(g, r.Params.A) && can(h, r.Params.B)
	case SeparateDomains, SeparateExposure, Oversight, ProdTest, SeparateAdminDomain:
		for i := range a.space.domains {
			for j := range a.space.domains {
				if g.domains.has(i) && h.domains.has(j) && domainsApart(r, &a.space.domains[i], &a.space.domains[j]) {
					return true
				}
			}
		}
		return false
	default: // any two workloads may be of different network functions, or slices
		return true
	}
}

// domainsApart tells whether the kind keeps workloads of two trust domains apart.
func domainsApart(r *Rule, d, e *placement.TrustDomain) bool {
	switch r.Kind {
	case SeparateDomains:
		return d.ID != e.ID
	case SeparateExposure:
		return d.ID != e.ID && max(d.Sensitivity, e.Sensitivity) >= r.Params.SensitivityFrom
	case ProdTest:
		return isTest(d) != isTest(e)
	case SeparateAdminDomain:
		return d.AdminDomain != e.AdminDomain
	default:
		return d.Category == placement.CategoryOversight && e.Category == placement.CategoryOversight
	}
}
