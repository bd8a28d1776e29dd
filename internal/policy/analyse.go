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
// contradiction is an ERROR; everything else is a WARNING. What several rules come to together is looked for with an effort that is
// bounded by numbers of cases, not by time; where it is not enough, ANALYSIS_BOUNDED says for which rules. doc is the document that p was compiled from.
func Analyse(doc *Document, p *Policy, s Surroundings) []placement.Finding {
	return newAnalysis(doc, p, s).run()
}

func newAnalysis(doc *Document, p *Policy, s Surroundings) *analysis {
	a := &analysis{Surroundings: s, doc: doc, policy: p, coverLeft: maxCoverEffortAll, extents: map[*Rule]*region{}}
	a.all = append(a.all, p)
	if s.Others != nil {
		for _, o := range s.Others.Policies {
			if o.Ref.ID != p.Ref.ID {
				a.all = append(a.all, o)
			}
		}
	}
	a.space = newSpace(s.Catalogue, a.all...)
	return a
}

func (a *analysis) run() []placement.Finding {
	for i, r := range a.policy.Rules {
		at := a.doc.Rules[i].Pointer
		a.unknownNames(r, at)
		if a.vacuous(r, at) {
			continue
		}
		a.covered(r, at)
		a.unreachable(r, at)
	}
	a.reportUndecided()
	a.contradictions()
	a.exceptions()
	return a.sorted(a.doc.root)
}

type analysis struct {
	Surroundings
	report

	doc    *Document
	policy *Policy
	all    []*Policy // the policy first
	space  *space

	coverLeft int               // of the effort to find rules that others together cover
	undecided []*Rule           // for which it was not enough
	extents   map[*Rule]*region // of rules that were looked at
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
