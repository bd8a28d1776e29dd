package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/placement"
)

// Levels says what the runtime of a workload counts on a host: the level of its class, unless a demote-isolation rule counts the
// version that the host has as a lower one. Without a set nothing is demoted.
type Levels struct {
	Catalogue *placement.Catalogue
	Set       *Set
}

// Of returns the isolation that the runtime of a workload gives on a host, before anything is said about the hypervisor.
func (l Levels) Of(h *placement.Host, w *placement.Workload) placement.Isolation {
	level, _ := l.demoted(h, w)
	return level
}

// demoted also tells which rule gave the level; nil when it is that of the class.
func (l Levels) demoted(h *placement.Host, w *placement.Workload) (level placement.Isolation, by *Rule) {
	level = l.Catalogue.Isolation(w.Runtime)
	if l.Set == nil {
		return level, nil
	}
	for i := range l.Set.demotions {
		d := &l.Set.demotions[i]
		if d.rule.Params.Level < level && d.policy.appliesTo(w.NF.VNFInstanceID) && d.rule.demotes(l.Catalogue, h, w) {
			level, by = d.rule.Params.Level, d.rule
		}
	}
	return level, by
}

// demotion is a demote-isolation rule in force.
type demotion struct {
	policy *Policy
	rule   *Rule
}

func demotions(policies []*Policy) (out []demotion) {
	for _, p := range policies {
		for _, r := range p.Rules {
			if r.Kind == DemoteIsolation && r.Enforced() {
				out = append(out, demotion{p, r})
			}
		}
	}
	return out
}

// demotes tells whether the rule counts the runtime of a workload on a host as a lower level.
func (r *Rule) demotes(cat *placement.Catalogue, h *placement.Host, w *placement.Workload) bool {
	return r.Params.Runtime == w.Runtime && below(h.RuntimeVersions[w.Runtime], r.Params.BelowVersion) && r.Host.matches(cat, h) &&
		r.Subject.matches(cat, w, w.Roles)
}

// demoteIsolation judges a rule that is not in force: the level that it would take from the candidate. One in force refuses nothing by
// itself; the other rules see what it leaves.
func (c *Candidate) demoteIsolation(r *Rule, s *site) map[string]string {
	w := c.Workload
	w.Runtime = s.runtime.Name
	if r.Enforced() || s.runtime.Isolation <= r.Params.Level || !r.demotes(c.world.Catalogue, s.Host, &w) {
		return nil
	}
	return failed("runtime", w.Runtime, "version", s.Host.RuntimeVersions[w.Runtime], "below", r.Params.BelowVersion,
		"isolation", s.runtime.Isolation.String(), "level", r.Params.Level.String())
}

// weak adds to a reason about too little isolation the rule that demoted the runtime, if one did.
func (s *site) weak(params map[string]string) map[string]string {
	if s.demotedBy != nil {
		params["demotedBy"] = s.demotedBy.ID
	}
	return params
}

// below tells whether a version comes before another. One that nobody knows, or that is no version, comes before all.
func below(version, limit string) bool {
	v, ok := parseVersion(version)
	if !ok {
		return true
	}
	l, _ := parseVersion(limit)
	return v.compare(l) < 0
}

// version is numbers with dots between them, and after a hyphen what stands before the release of these numbers.
type version struct {
	numbers []int
	before  string
}

func parseVersion(s string) (v version, ok bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, "v"), "+")
	s, v.before, _ = strings.Cut(s, "-")
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return version{}, false
		}
		v.numbers = append(v.numbers, int(n))
	}
	for len(v.numbers) > 1 && v.numbers[len(v.numbers)-1] == 0 { // 3.2 is 3.2.0
		v.numbers = v.numbers[:len(v.numbers)-1]
	}
	return v, true
}

func (v version) compare(o version) int {
	if c := slices.Compare(v.numbers, o.numbers); c != 0 {
		return c
	}
	switch {
	case v.before == o.before:
		return 0
	case v.before == "":
		return 1
	case o.before == "":
		return -1
	}
	return slices.CompareFunc(strings.Split(v.before, "."), strings.Split(o.before, "."), compareIdentifiers)
}

// compareIdentifiers orders numbers before words, numbers by their value and words by their letters.
func compareIdentifiers(a, b string) int {
	x, errX := strconv.ParseUint(a, 10, 63)
	y, errY := strconv.ParseUint(b, 10, 63)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return cmp.Compare(a, b)
}
