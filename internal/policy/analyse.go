package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ringfence/internal/placement"
)

// Surroundings are what a policy is analysed against: what is declared, what else is in force, and who there is.
type Surroundings struct {
	Catalogue *placement.Catalogue
	Others    *Set                 // the other policies in force
	HasHost   func(id string) bool // nil: nothing is known about hosts
	Now       time.Time            // zero: nothing is said about expiry
}

// Analyse looks for what a policy asks for in vain, twice or against itself or the other policies in force. It is exact about
// workloads: every selector is a box over the declared trust domains, the vocabularies and the names that policies mention. A
// contradiction is an ERROR; everything else is a WARNING. doc is the document that p was compiled from.
func Analyse(doc *Document, p *Policy, s Surroundings) []placement.Finding {
	a := &analysis{Surroundings: s, doc: doc, policy: p}
	a.all = append(a.all, p)
	if s.Others != nil {
		for _, o := range s.Others.Policies {
			if o.Ref.ID != p.Ref.ID {
				a.all = append(a.all, o)
			}
		}
	}
	a.space = newSpace(s.Catalogue, a.all...)
	for i, r := range p.Rules {
		at := doc.Rules[i].Pointer
		a.unknownNames(r, at)
		if a.vacuous(r, at) {
			continue
		}
		a.covered(r, at)
		a.unreachable(r, at)
	}
	a.contradictions()
	a.exceptions()
	return a.sorted(doc.root)
}

type analysis struct {
	Surroundings
	report

	doc    *Document
	policy *Policy
	all    []*Policy // the policy first
	space  *space
}

// here reports a finding about a place of the document.
func (a *analysis) here(code, ptr, format string, args ...any) {
	a.warn(code, a.doc.Position(ptr), ptr, format, args...)
}

// unknownNames reports what selectors and parameters name and nobody has declared.
func (a *analysis) unknownNames(r *Rule, at string) {
	tell := func(what string, list []string, known func(string) bool, path ...string) {
		for i, name := range list {
			if name != "*" && !known(name) {
				a.here(CodeNameUnknown, pointer(at, append(path, fmt.Sprint(i))...), "the inventory has no %s %s", what, quote(name))
			}
		}
	}
	domain := func(id string) bool { _, ok := a.Catalogue.TrustDomains[id]; return ok }
	tell("trust domain", r.Subject.TrustDomains, domain, "subject", "trustDomains")
	if a.doc.Position(pointer(at, "object")) != (Position{}) {
		tell("trust domain", r.Object.TrustDomains, domain, "object", "trustDomains")
	}
	tell("host pool", r.Host.Pools, func(id string) bool { _, ok := a.Catalogue.HostPools[id]; return ok }, "host", "pools")
	tell("resource zone", r.Host.Zones, func(id string) bool { _, ok := a.Catalogue.ResourceZones[id]; return ok }, "host", "zones")
	if _, known := a.Catalogue.RuntimeClasses[r.Params.Runtime]; r.Kind == DemoteIsolation && !known {
		a.here(CodeNameUnknown, pointer(at, "params", "runtime"), "the inventory has no runtime class %s", quote(r.Params.Runtime))
	}
	tell("NFVI-PoP", r.Params.Sites, func(id string) bool { _, ok := a.Catalogue.NFVIPoPs[id]; return ok }, "params", "sites")
}

// vacuous reports a rule that can refuse nothing.
func (a *analysis) vacuous(r *Rule, at string) bool {
	why := ""
	switch {
	case picksNoHost(&r.Host):
		why = "its host selector picks no host"
	case !a.space.exists([]*Selector{&r.Subject}, nil):
		why = "its subject picks no workload of the declared trust domains"
	case r.pairwise() && !a.space.exists([]*Selector{&r.Object}, nil):
		why = "its object picks no workload of the declared trust domains"
	case r.pairwise() && !a.apart(r):
		why = "no two workloads that it picks are of the sort that it keeps apart"
	}
	if why != "" {
		a.here(CodeRuleVacuous, at, "rule %s refuses nothing: %s", r.ID, why)
	}
	return why != ""
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
		for i, d := range a.space.domains {
			for j, e := range a.space.domains {
				if !g.domains.has(i) || !h.domains.has(j) {
					continue
				}
				switch {
				case r.Kind == SeparateDomains && i != j,
					r.Kind == SeparateExposure && i != j && max(d.Sensitivity, e.Sensitivity) >= r.Params.SensitivityFrom,
					r.Kind == ProdTest && isTest(&d) != isTest(&e),
					r.Kind == SeparateAdminDomain && d.AdminDomain != e.AdminDomain,
					r.Kind == Oversight && d.Category == placement.CategoryOversight && e.Category == placement.CategoryOversight:
					return true
				}
			}
		}
		return false
	default: // any two workloads may be of different network functions, or slices
		return true
	}
}

// covered reports a rule that changes no decision, because others refuse whatever it refuses.
func (a *analysis) covered(r *Rule, at string) {
	if !r.Enforced() {
		return
	}
	var by []*Rule
	for _, p := range a.all {
		for _, o := range p.Rules {
			if o != r && o.Kind == r.Kind && a.dominates(p, o, r) && (!a.dominates(a.policy, r, o) || precedes(o, r)) && a.touches(o, r) {
				by = append(by, o)
			}
		}
	}
	for _, o := range by {
		if a.pairsInside(r, []*Rule{o}) {
			a.reportCovered(r, at, []*Rule{o})
			return
		}
	}
	if len(by) > 1 && r.Kind != CoLocateInVM && a.pairsInside(r, by) { // two halves of a network function may be held together in two VMs
		a.reportCovered(r, at, by)
	}
}

// touches tells whether some workload is the business of both rules: without one, neither covers a part of the other.
func (a *analysis) touches(o, r *Rule) bool {
	if r.pairwise() {
		return true
	}
	return a.space.exists([]*Selector{&r.Subject, &o.Subject}, nil)
}

// dominates tells whether a rule, where both concern a candidate, decides at least as strictly, everywhere, for everybody.
func (a *analysis) dominates(p *Policy, o, r *Rule) bool {
	everybody := len(p.Associations) == 0
	for _, id := range a.policy.Associations {
		everybody = everybody || slices.Contains(p.Associations, id)
	}
	return o.Enforced() && len(o.Exceptions) == 0 && everybody && refusesAtLeast(o, r) && hostInside(&r.Host, &o.Host)
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
	a.here(code, at, "rule %s %s: whatever it refuses, %s refuses too", r.ID, verb, a.names(by))
	a.findings[len(a.findings)-1].RuleIDs = append([]string{r.ID}, a.ids(by)...)
}

func (a *analysis) ids(rules []*Rule) (out []string) {
	for _, r := range rules {
		out = append(out, r.ID)
	}
	return out
}

// names lists rules for a sentence, with their policy where it is another one.
func (a *analysis) names(rules []*Rule) string {
	var out []string
	for _, r := range rules {
		name := r.ID
		if r.PolicyID != a.policy.Ref.ID {
			name += " of policy " + r.PolicyID
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// pairsInside tells whether every workload, or pair, that the rule is about is the business of one of the others.
func (a *analysis) pairsInside(r *Rule, others []*Rule) bool {
	if !r.pairwise() {
		spared := make([]*Selector, len(others))
		for i, o := range others {
			spared[i] = &o.Subject
		}
		return !a.space.exists([]*Selector{&r.Subject}, spared)
	}
	if len(others) > maxPairCover {
		return false
	}
	return !a.pairOutside(r, others, nil, nil)
}

// maxPairCover bounds how many pairwise rules together are tried as a cover: each quadruples the work.
const maxPairCover = 4

// pairOutside looks for a subject and an object of the rule that are no pair of any of the others: of each of them, in both
// directions, one side must not be picked.
func (a *analysis) pairOutside(r *Rule, others []*Rule, subjectNot, objectNot []*Selector) bool {
	if len(others) == 0 {
		return a.space.exists([]*Selector{&r.Subject}, subjectNot) && a.space.exists([]*Selector{&r.Object}, objectNot)
	}
	o, rest := others[0], others[1:]
	with := func(list []*Selector, s ...*Selector) []*Selector { return append(slices.Clone(list), s...) }
	return a.pairOutside(r, rest, with(subjectNot, &o.Subject, &o.Object), objectNot) ||
		a.pairOutside(r, rest, with(subjectNot, &o.Subject), with(objectNot, &o.Subject)) ||
		a.pairOutside(r, rest, with(subjectNot, &o.Object), with(objectNot, &o.Object)) ||
		a.pairOutside(r, rest, subjectNot, with(objectNot, &o.Subject, &o.Object))
}

// exceptions reports those that exempt nobody.
func (a *analysis) exceptions() {
	n := 0
	for i := range a.doc.Exceptions {
		at, id := a.doc.Exceptions[i].Pointer, a.doc.Exceptions[i].RuleID
		k := slices.IndexFunc(a.policy.Rules, func(r *Rule) bool { return r.ID == id })
		if k < 0 {
			continue
		}
		r := a.policy.Rules[k]
		before := 0
		for j := range i {
			if a.doc.Exceptions[j].RuleID == id {
				before++
			}
		}
		e := &r.Exceptions[before]
		n++
		switch {
		case !a.Now.IsZero() && !a.Now.Before(e.ExpiresAt):
			a.here(CodeExceptionExpired, pointer(at, "expiresAt"), "the exception from rule %s ended at %s: it exempts nobody", id, e.ExpiresAt.Format(time.RFC3339))
		case e.Hosts != nil && a.HasHost != nil && !slices.ContainsFunc(e.Hosts, a.HasHost):
			a.here(CodeExceptionVacuous, pointer(at, "hosts"), "the exception from rule %s exempts nobody: the inventory has none of its hosts", id)
		case e.VNFInstances != nil && len(a.policy.Associations) > 0 && !r.pairwise() &&
			!slices.ContainsFunc(e.VNFInstances, func(v string) bool { return slices.Contains(a.policy.Associations, v) }):
			a.here(CodeExceptionVacuous, pointer(at, "vnfInstances"), "the exception from rule %s exempts nobody: the policy is associated with none of its VNF instances", id)
		}
	}
}
