package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/placement"
)

// coverWorkloads and coverHosts list one of every sort that the selectors of the test can tell apart.
func coverWorkloads() (out []placement.Workload) {
	for _, domain := range []string{"TD-A", "TD-B", "TD-B1", "TD-O"} {
		for _, component := range []string{"a", "another"} {
			for roles := range placement.Roles(4) {
				out = append(out, placement.Workload{TrustDomainID: domain, ComponentID: component, Roles: roles})
			}
		}
	}
	return out
}

func coverHosts() (out []placement.Host) {
	for _, pool := range []string{"core", "another"} {
		for _, labels := range []map[string]string{nil, {"env": "lab"}, {"env": "prod"}} {
			for _, capabilities := range []placement.Capabilities{0, placement.CapTEE} {
				out = append(out, placement.Host{HostPoolID: pool, Labels: labels, Capabilities: capabilities})
			}
		}
	}
	return out
}

func coverSelector(r *rand.Rand, deep bool) (s Selector) {
	switch r.IntN(7) {
	case 0, 1:
		s.TrustDomains = [][]string{{"TD-A"}, {"TD-B"}, {"TD-O", "TD-A"}}[r.IntN(3)]
	case 2:
		s.Components = []string{"a"}
	case 3:
		s.HasRoles, s.Roles = true, placement.Roles(1+r.IntN(3))
	case 4:
		s.Categories = []placement.Category{placement.CategoryControlPlane, placement.CategoryOversight}[:1+r.IntN(2)]
	case 5:
		if deep {
			s.AnyOf = []Selector{coverSelector(r, false), coverSelector(r, false)}
		}
	}
	return s
}

func coverHostSelector(r *rand.Rand) (s HostSelector) {
	switch r.IntN(8) {
	case 0:
		s.Pools = []string{"core"}
	case 1:
		s.Labels = map[string]string{"env": "lab"}
	case 2:
		s.NotLabels = map[string]string{"env": "lab"}
	case 3:
		s.HasCapabilities, s.Capabilities = true, placement.CapTEE
	}
	return s
}

// coverRules draws rules of one kind that ask for the same of all.
func coverRules(r *rand.Rand) []*Rule {
	kind := []Kind{ForbidPrivileged, SeparateDomains, SeparateNF, SeparateRole, Oversight}[r.IntN(5)]
	var out []*Rule
	for i := range 2 + r.IntN(8) {
		rule := &Rule{Kind: kind, ID: fmt.Sprint(i), Position: i, Scope: placement.ScopeHost, Host: coverHostSelector(r), Subject: coverSelector(r, true)}
		if rule.Object = rule.Subject; kind != ForbidPrivileged && r.IntN(2) == 0 {
			rule.Object = coverSelector(r, true)
		}
		switch kind {
		case SeparateRole:
			rule.Params = Params{A: 1, B: 2}
		case Oversight:
			rule.Params = Params{Check: CheckSeparate}
		}
		out = append(out, rule)
	}
	return out
}

// coverNeeded tries every case of the last rule: whether one is the business of none of the others.
func coverNeeded(cat *placement.Catalogue, rules []*Rule) bool {
	workloads, hosts := coverWorkloads(), coverHosts()
	picks := func(s *Selector, w *placement.Workload) bool { return s.matches(cat, w, w.Roles) }
	about := func(r *Rule, w, o *placement.Workload) bool {
		if !r.pairwise() {
			return picks(&r.Subject, w)
		}
		return picks(&r.Subject, w) && picks(&r.Object, o) || picks(&r.Subject, o) && picks(&r.Object, w)
	}
	last, others := rules[len(rules)-1], rules[:len(rules)-1]
	for i := range workloads {
		for j := range workloads {
			w, o := &workloads[i], &workloads[j]
			if !about(last, w, o) || last.pairwise() && !coverApart(cat, last, w, o) {
				continue
			}
			touching := slices.DeleteFunc(slices.Clone(others), func(r *Rule) bool { return !about(r, w, o) })
			for k := range hosts {
				if last.Host.matches(cat, &hosts[k]) && !slices.ContainsFunc(touching, func(r *Rule) bool { return r.Host.matches(cat, &hosts[k]) }) {
					return true
				}
			}
		}
	}
	return false
}

// coverApart tells whether two workloads may be a pair of the sort that the rule keeps apart.
func coverApart(cat *placement.Catalogue, r *Rule, w, o *placement.Workload) bool {
	switch r.Kind {
	case SeparateDomains:
		return w.TrustDomainID != o.TrustDomainID
	case SeparateRole:
		return w.Roles&1 != 0 && o.Roles&2 != 0 || o.Roles&1 != 0 && w.Roles&2 != 0
	case Oversight:
		oversight := func(w *placement.Workload) bool {
			return cat.TrustDomains[w.TrustDomainID].Category == placement.CategoryOversight
		}
		return oversight(w) && oversight(o)
	default:
		return true
	}
}

// TestCoversAreFoundExactly compares whether others together are about all that a rule is about with trying every case.
func TestCoversAreFoundExactly(t *testing.T) {
	t.Parallel()
	cat := analysisCatalogue()
	r := rand.New(rand.NewPCG(9, 10))
	covered, several := 0, 0
	for range 1500 {
		rules := coverRules(r)
		last, others := rules[len(rules)-1], rules[:len(rules)-1]
		p := &Policy{Rules: rules}
		a := &analysis{Surroundings: Surroundings{Catalogue: cat}, policy: p, all: []*Policy{p}, space: newSpace(cat, p), extents: map[*Rule]*region{}}
		s := &coverSearch{analysis: a, rule: last, left: effort{1 << 30}, used: map[*Rule]bool{}}
		needed := s.needed(others)
		if want := coverNeeded(cat, rules); needed != want {
			t.Fatalf("needed %t, trying says %t\n%s", needed, want, shown(&Set{Policies: []*Policy{p}}, nil))
		}
		if needed {
			continue
		}
		covered++
		fewest := s.fewest(others)
		if coverNeeded(cat, append(slices.Clone(fewest), last)) {
			t.Fatalf("%v do not cover it\n%s", a.ids(fewest), shown(&Set{Policies: []*Policy{p}}, nil))
		}
		if len(fewest) > 1 {
			several++
		}
	}
	if covered < 300 || several < 40 {
		t.Errorf("%d of 1500 covered, %d of them by several: too few to test anything", covered, several)
	}
	t.Logf("%d of 1500 covered, %d of them by several together", covered, several)
}

// A cover by very many rules together is found as long as that takes no more than the effort; beyond it a finding says so.
func TestCoverByManyRules(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 600 {
		fmt.Fprintf(&b, "\n  - {id: R-%d, kind: forbid-privileged, subject: {components: [c%d], nfTypes: [t%d]}, rationale: r}", i, i/20, i%20)
	}
	fmt.Fprintf(&b, "\n  - {id: LAST, kind: forbid-privileged, subject: {components: [%s], nfTypes: [%s]}, rationale: r}", named("c", 30), named("t", 20))
	doc, p := analysed(t, "this", b.String(), "")
	for want, effort := range map[string]int{CodeRuleShadowed: maxCoverEffortAll, CodeAnalysisBounded: 500} {
		a := newAnalysis(doc, p, Surroundings{Catalogue: analysisCatalogue()})
		a.coverLeft = effort
		findings := a.run()
		if len(findings) != 1 || findings[0].Code != want || findings[0].Severity != SeverityWarning || findings[0].RuleIDs[0] != "LAST" || findings[0].Line != 605 {
			t.Errorf("with an effort of %d: findings %+v, want %s", effort, findings, want)
		}
	}
}

func named(prefix string, n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(prefix, i))
	}
	return strings.Join(out, ", ")
}
