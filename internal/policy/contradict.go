package policy

import (
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// contradictions reports rules that leave some workload without any possible host: alone, or together with an earlier rule of this
// policy or a rule of another one. Only rules that count on every host are judged: a rule for some hosts leaves the others.
func (a *analysis) contradictions(r *Rule, at string) {
	if !r.Enforced() || !r.Host.all() {
		return
	}
	switch r.Kind {
	case Location:
		a.locationConflicts(r, at)
	case RequireIsolation:
		a.isolationConflicts(r, at)
	default: // no other kind asks for what another one forbids: a host can always be built that has it
	}
}

// locationConflicts compares where the rules on location let a workload run.
func (a *analysis) locationConflicts(r *Rule, at string) {
	for _, p := range a.all {
		for _, o := range p.Rules {
			if o.Kind != Location || !o.Enforced() || !o.Host.all() || !a.meet(p) || p == a.policy && o.Position > r.Position {
				continue
			}
			domains := a.homeless(r, o)
			if len(domains) == 0 {
				continue
			}
			a.contradicted(r, o, at, domains)
		}
	}
}

// contradicted reports two rules on location. Within the document that is an ERROR. That another policy asks for the opposite is
// no fault of the document: whether both may be in force together is decided when they would be.
func (a *analysis) contradicted(r, o *Rule, at string, domains []string) {
	code, with := CodeContradiction, "itself"
	if o != r {
		with = a.names([]*Rule{o})
	}
	if o.PolicyID != r.PolicyID {
		code = CodePolicyConflict
	}
	a.here(code, at, "rule %s contradicts %s: together they leave no place where a workload of %s could run", r.ID, with, strings.Join(domains, ", "))
	f := &a.findings[len(a.findings)-1]
	f.RuleIDs = slices.Compact([]string{r.ID, o.ID})
	if code == CodeContradiction {
		f.Severity = SeverityError
	} else {
		f.PolicyID = o.PolicyID
	}
}

// meet tells whether another policy applies to some VNF instance that this one applies to.
func (a *analysis) meet(p *Policy) bool {
	return p == a.policy || len(p.Associations) == 0 || len(a.policy.Associations) == 0 ||
		slices.ContainsFunc(p.Associations, func(id string) bool { return slices.Contains(a.policy.Associations, id) })
}

// homeless lists the trust domains whose workloads two rules on location leave without a place.
func (a *analysis) homeless(r, o *Rule) []string {
	var out []string
	for _, g := range a.space.witnesses([]*Selector{&r.Subject, &o.Subject}, nil) {
		for i, d := range a.space.domains {
			if g.domains.has(i) && !slices.Contains(out, d.ID) && !placeable(&d, &r.Params, &o.Params) {
				out = append(out, d.ID)
			}
		}
	}
	slices.Sort(out)
	return out
}

// placeable tells whether some place satisfies all of the parameters.
func placeable(d *placement.TrustDomain, all ...*Params) bool {
	var countries, sites []string
	source := ""
	for _, p := range all {
		list := p.Countries
		if p.OfDomain {
			list = d.AllowedCountries
		}
		countries, sites = narrowed(countries, list), narrowed(sites, p.Sites)
		if p.Source != "" && source != "" && p.Source != source {
			return false
		}
		if p.Source != "" {
			source = p.Source
		}
	}
	for _, p := range all {
		if countries != nil {
			countries = slices.DeleteFunc(slices.Clone(countries), func(c string) bool { return slices.Contains(p.Deny, c) })
		}
	}
	return (countries == nil || len(countries) > 0) && (sites == nil || len(sites) > 0)
}

// narrowed is what is in both lists; nil stands for everything.
func narrowed(a, b []string) []string {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// isolationConflicts reports a level that no declared runtime class reaches and no dedicated host replaces.
func (a *analysis) isolationConflicts(r *Rule, at string) {
	if r.Params.OrDedicatedHost != "" || len(a.Catalogue.RuntimeClasses) == 0 {
		return
	}
	for _, rc := range a.Catalogue.RuntimeClasses {
		if rc.Isolation >= r.Params.Level {
			return
		}
	}
	a.here(CodeNoHostNow, at, "rule %s asks for isolation %s, which no runtime class of the inventory gives: nothing that it concerns can run now",
		r.ID, r.Params.Level)
}
