package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// Contradictions: rules that together leave some workload no host, whatever hosts there were. Each set of them that is reported is
// as small as it can be, and all of them are found, within an effort that a finding tells of when it was not enough.
//
// What alone leaves a workload no host is no contradiction where that is what the rule is for: separate-role refuses a container that
// holds both sides, signed-tagged-artefact whom nobody may sign for.

// maxContradictionEffort bounds the search, in rules looked at. It is spent only for trust domains that some rules would leave no
// host if they were all about one workload.
const maxContradictionEffort = 500_000

// intersection is what one look at whether two rules meet takes of the effort.
const intersection = 20

// bound is a rule of one of the policies that may be in force together.
type bound struct {
	*Rule
	policy *Policy
}

// conflictSearch looks for the contradictions of one policy with itself and others.
type conflictSearch struct {
	*analysis
	rules   []bound // that demand something of hosts; those of the policy first
	found   []*contradiction
	left    effort
	visited map[string]bool

	domain *placement.TrustDomain // that is looked at
	about  []bound                // the rules that may be about it
}

// contradiction is a set of rules that contradict each other, the latest of the policy first, and for whom.
type contradiction struct {
	rules   []*Rule
	domains []string
	witness placement.Witness
}

// contradictions reports rules that leave some workload without any possible host.
func (a *analysis) contradictions() {
	s := a.conflicts()
	if s.left.left < 0 {
		a.here(CodeAnalysisBounded, "/rules", "whether rules contradict each other was not looked at to the end: too many of them leave little to "+
			"a workload of %s. Let fewer rules demand a country, a site, a source or a capability for one trust domain", s.domain.ID)
	}
	for _, c := range s.found {
		a.findings = append(a.findings, a.contradicted(c))
	}
}

// conflicts looks for the contradictions that a rule of the policy has a part in.
func (a *analysis) conflicts() *conflictSearch {
	s := &conflictSearch{analysis: a, left: effort{maxContradictionEffort}}
	for _, p := range a.all {
		for _, r := range p.Rules {
			if r.Enforced() && r.demands() && !picksNoHost(&r.Host) && len(r.Exceptions) == 0 && a.meet(p) {
				s.rules = append(s.rules, bound{r, p})
			}
		}
	}
	for i := range a.space.domains {
		if s.within(i); s.left.left < 0 {
			break
		}
	}
	return s
}

// within looks for contradictions about one trust domain.
func (s *conflictSearch) within(i int) {
	s.domain, s.about, s.visited = &s.space.domains[i], nil, map[string]bool{}
	everybody := s.space.all()
	everybody.domains = bitsOf(len(s.space.domains), func(j int) bool { return j == i })
	var all []*Rule
	for _, b := range s.rules {
		if s.purposeful(b.Rule) || len(s.concerning([]region{everybody}, b.Rule)) == 0 {
			continue
		}
		s.about, all = append(s.about, b), append(all, b.Rule)
	}
	if _, ok := survivor(all, s.domain, &s.left); ok {
		return
	}
	for _, b := range s.about {
		if b.policy == s.policy {
			s.extend([]bound{b}, s.concerning([]region{everybody}, b.Rule), s.policy.instances())
		}
	}
}

// purposeful tells whether the rule by itself leaves what it is about no host, because that is what it is for.
func (s *conflictSearch) purposeful(r *Rule) bool {
	return r.Host.all() && r.demandOf(s.domain).nothing
}

// concerning narrows regions to what a rule demands something of.
func (s *conflictSearch) concerning(regions []region, r *Rule) (out []region) {
	for _, g := range regions {
		for _, roles := range r.bearers() {
			g.needs = append(slices.Clone(g.needs), roles)
		}
		out = append(out, s.space.within(g, &r.Subject)...)
	}
	return out
}

// extend looks for contradictions of rules that are all about the same workloads: a host that they leave must be taken by another one.
func (s *conflictSearch) extend(core []bound, regions []region, instances []string) {
	key := coreKey(core)
	if len(regions) == 0 || s.visited[key] || s.left.spend(len(s.about)) {
		return
	}
	s.visited[key] = true
	host, ok := survivor(ruleList(core), s.domain, &s.left)
	if !ok {
		s.minimal(core)
		return
	}
	for _, b := range s.about {
		common := narrowed(instances, b.policy.instances())
		switch later := b.policy == s.policy && b.Position >= core[0].Position; {
		case later, common != nil && len(common) == 0, slices.Contains(core, b), !s.takes(&b, &host):
		default:
			s.left.spend(intersection * len(regions))
			s.extend(append(slices.Clip(core), b), s.concerning(regions, b.Rule), common)
		}
	}
}

// takes tells whether a rule leaves a workload not this host.
func (s *conflictSearch) takes(b *bound, h *placement.Host) bool {
	asked := b.demandOf(s.domain)
	return !asked.metBy(h) && b.Host.matches(s.Catalogue, h)
}

// minimal keeps a contradiction without the rules that it does not need. Without its first one it is found from another.
func (s *conflictSearch) minimal(core []bound) {
	without := func(i int) []bound { return slices.Delete(slices.Clone(core), i, i+1) }
	for i := range slices.Backward(core) {
		if _, ok := survivor(ruleList(without(i)), s.domain, &s.left); ok {
			continue
		}
		if i == 0 {
			return
		}
		core = without(i)
	}
	slices.SortFunc(core[1:], func(a, b bound) int {
		return cmp.Or(cmp.Compare(a.PolicyID, b.PolicyID), cmp.Compare(a.Position, b.Position))
	})
	rules := ruleList(core)
	k := slices.IndexFunc(s.found, func(c *contradiction) bool { return slices.Equal(c.rules, rules) })
	if k < 0 {
		k = len(s.found)
		s.found = append(s.found, &contradiction{rules: rules, witness: s.witness(core)})
	}
	if c := s.found[k]; !slices.Contains(c.domains, s.domain.ID) {
		c.domains = append(c.domains, s.domain.ID)
	}
}

// witness is a workload that all of the rules are about.
func (s *conflictSearch) witness(core []bound) placement.Witness {
	all := s.space.all()
	all.domains = bitsOf(len(s.space.domains), func(i int) bool { return s.space.domains[i].ID == s.domain.ID })
	regions := []region{all}
	for _, b := range core {
		regions = s.concerning(regions, b.Rule)
	}
	return s.space.witness(&regions[0])
}

func ruleList(list []bound) []*Rule {
	out := make([]*Rule, len(list))
	for i := range list {
		out[i] = list[i].Rule
	}
	return out
}

func coreKey(core []bound) string {
	var keys []string
	for _, b := range core {
		keys = append(keys, fmt.Sprintf("%q %d", b.PolicyID, b.Position))
	}
	slices.Sort(keys[1:])
	return strings.Join(keys, ", ")
}

// instances are the VNF instances that the policy applies to; nil: all.
func (p *Policy) instances() []string {
	if len(p.Associations) == 0 {
		return nil
	}
	return p.Associations
}

// meet tells whether another policy applies to some VNF instance that this one applies to.
func (a *analysis) meet(p *Policy) bool {
	common := narrowed(a.policy.instances(), p.instances())
	return common == nil || len(common) > 0
}

// contradicted is the finding of a contradiction. Within the document that is an ERROR. That another policy asks for the opposite is
// no fault of the document: whether both may be in force together is decided when they would be.
func (a *analysis) contradicted(c *contradiction) placement.Finding {
	r, others := c.rules[0], c.rules[1:]
	f := placement.Finding{
		Severity: SeverityError, Code: CodeContradiction, RuleIDs: a.ids(c.rules), Witness: &c.witness,
		Pointer: itemPointer("rules", r.Position), Line: r.At.Line, Column: r.At.Column,
	}
	with, advice := "itself", "nothing that it is about can ever run"
	if len(others) > 0 {
		with, advice = a.places(others), "make one of the rules looser, or take such workloads out of the subject of one"
	}
	for _, o := range c.rules {
		if o.PolicyID != r.PolicyID {
			f.Severity, f.Code, f.PolicyID = SeverityWarning, CodePolicyConflict, cmp.Or(f.PolicyID, o.PolicyID)
		}
		f.Rules = append(f.Rules, placement.RulePlace{PolicyID: o.PolicyID, RuleID: o.ID, Line: o.At.Line, Column: o.At.Column})
	}
	f.Message = fmt.Sprintf("rule %s contradicts %s: together they leave no place where a workload of %s could run, such as %s; %s",
		r.ID, with, strings.Join(c.domains, ", "), c.witness, advice)
	return f
}

// Contradictions finds the rules of the policies in force that contradict each other under a catalogue, in one policy or several:
// what was agreeable when they were put in force may have changed with the trust domains. Each is found once. It is no complete
// answer when it took too long.
func Contradictions(cat *placement.Catalogue, set *Set) (found []placement.Finding, complete bool) {
	complete = true
	for i, p := range set.Policies {
		a := &analysis{Surroundings: Surroundings{Catalogue: cat}, policy: p, all: set.Policies[i:]}
		a.space = newSpace(cat, a.all...)
		s := a.conflicts()
		complete = complete && s.left.left >= 0
		for _, c := range s.found {
			found = append(found, a.contradicted(c))
		}
	}
	return found, complete
}

// places lists rules for a sentence, with where they stand.
func (a *analysis) places(rules []*Rule) string {
	var out []string
	for _, r := range rules {
		out = append(out, fmt.Sprintf("%s (line %d, column %d)", a.names([]*Rule{r}), r.At.Line, r.At.Column))
	}
	return strings.Join(out, " and ")
}

// unreachable reports what no host of the inventory, or none at all, can be: an isolation that no declared runtime class gives and no
// dedicated host replaces, and trust domains that nobody may sign for.
func (a *analysis) unreachable(r *Rule, at string) {
	if !r.Enforced() || !r.Host.all() {
		return
	}
	if r.Kind == RequireIsolation {
		a.isolation(r, at)
	}
	if r.Kind == SignedArtefact {
		a.unsigned(r, at)
	}
}

func (a *analysis) unsigned(r *Rule, at string) {
	var domains []string
	for _, g := range a.space.witnesses([]*Selector{&r.Subject}, nil) {
		for i, d := range a.space.domains {
			if g.domains.has(i) && r.demandOf(&d).nothing && !slices.Contains(domains, d.ID) {
				domains = append(domains, d.ID)
			}
		}
	}
	if slices.Sort(domains); len(domains) > 0 {
		a.here(CodeNoHostEver, at, "rule %s trusts nobody to sign for %s: nothing of it that the rule is about can ever run; name a key for it in trust",
			r.ID, strings.Join(domains, ", "))
	}
}

func (a *analysis) isolation(r *Rule, at string) {
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
