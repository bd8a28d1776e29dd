package policy

import (
	"reflect"
	"slices"
	"strconv"

	"ringfence/internal/placement"
)

// Standing judges a workload where it runs: what the rules in force have against it there and now, as JudgeSite does, but without
// what no rule asks: the life cycle and capacity of the host, and the request's own constraints. The facts have the others on the
// host only.
func (c *Candidate) Standing(f placement.HostFacts, nodeID string) []placement.Reason {
	return c.standing(f, nodeID, true)
}

// Warnings are what rules in audit mode and SHOULD rules have against a workload where it runs.
func (c *Candidate) Warnings(f placement.HostFacts, nodeID string) []placement.Reason {
	return c.standing(f, nodeID, false)
}

func (c *Candidate) standing(f placement.HostFacts, nodeID string, enforced bool) []placement.Reason {
	s := &site{HostFacts: f, node: nodeID}
	c.chooseRuntime(s)
	cache, chosen := cacheVerdict{}, false
	var out []placement.Reason
	for i := range c.rules {
		r := &c.rules[i]
		if r.Enforced() != enforced || !r.Host.matches(c.world.Catalogue, f.Host) {
			continue
		}
		if r.Kind == CacheMode && !chosen {
			cache, chosen = c.chooseCache(s), true
		}
		out = append(out, c.judgeRule(r, s, &cache)...)
	}
	return out
}

// Retarget makes the candidate that of another workload with the same Kin.
func (c *Candidate) Retarget(w *placement.Workload, replicas Replicas) {
	c.Workload, c.Replicas = *w, replicas
}

// Split divides the rules of two candidates of one workload under two sets of policies: those that both have alike, for a third
// candidate, and what remains of each. Together the parts stand as the whole does.
func Split(before, after *Candidate) (both, onlyBefore, onlyAfter *Candidate) {
	b, x, y := *before, *before, *after
	b.rules, x.rules, y.rules = nil, nil, nil
	demoted := !slices.EqualFunc(before.world.Set.demotions, after.world.Set.demotions, demotion.equal) // every rule may see another level
	together := map[Kind]bool{}                                                                         // kinds whose rules count together: what one of them comes to depends on the others
	for _, r := range append(slices.Clone(before.rules), after.rules...) {
		if !after.has(&r) || !before.has(&r) {
			together[r.Kind] = true
		}
	}
	apart := func(r *appliedRule) bool {
		return demoted || r.Kind == CacheMode && together[CacheMode] || before.Workload.Runtime == "" && together[RequireIsolation]
	}
	for i := range before.rules {
		if r := &before.rules[i]; after.has(r) && !apart(r) {
			b.rules = append(b.rules, *r)
		} else {
			x.rules = append(x.rules, *r)
		}
	}
	for i := range after.rules {
		if r := &after.rules[i]; !before.has(r) || apart(r) {
			y.rules = append(y.rules, *r)
		}
	}
	return &b, &x, &y
}

// Alike tells whether the same rules, in whatever order, concern two candidates of one workload under two sets of policies.
func Alike(a, b *Candidate) bool {
	both, x, y := Split(a, b)
	return len(x.rules) == 0 && len(y.rules) == 0 && len(both.rules) == len(a.rules)
}

// has tells whether a rule that says the same is among those of the candidate.
func (c *Candidate) has(r *appliedRule) bool {
	return slices.ContainsFunc(c.rules, func(o appliedRule) bool {
		if o.PolicyID != r.PolicyID || o.ID != r.ID || !slices.Equal(o.only, r.only) || !slices.Equal(o.about, r.about) || (o.only == nil) != (r.only == nil) {
			return false
		}
		return o.alike(r.Rule)
	})
}

// alike tells whether two rules say the same, wherever they stand in their policies.
func (r *Rule) alike(o *Rule) bool {
	if r == o {
		return true
	}
	moved := *r
	moved.Position, moved.At = o.Position, o.At
	return reflect.DeepEqual(&moved, o)
}

func (d demotion) equal(o demotion) bool {
	return slices.Equal(d.policy.Associations, o.policy.Associations) && d.rule.alike(o.rule)
}

// Idle tells whether no rule concerns the candidate.
func (c *Candidate) Idle() bool { return len(c.rules) == 0 }

// CountsReplicas tells whether a rule that concerns the candidate counts the replicas of its component.
func (c *Candidate) CountsReplicas() bool {
	return slices.ContainsFunc(c.rules, func(r appliedRule) bool { return r.Kind == MaxBlastRadius && r.Params.Check == CheckReplicaShare })
}

// Kin appends to a key everything of a workload that says which rules of a set concern it, and which runtimes may serve it.
func (s *Set) Kin(key []byte, w *placement.Workload) []byte {
	text := func(list ...string) {
		for _, t := range list {
			key = strconv.AppendInt(key, int64(len(t)), 10)
			key = append(append(key, ':'), t...)
		}
	}
	text(w.TrustDomainID, w.ComponentID, w.NF.Type, w.Runtime)
	for _, n := range []int64{int64(w.Roles), int64(len(w.Images)), int64(len(w.Labels))} {
		key = append(strconv.AppendInt(key, n, 10), ' ')
	}
	key = strconv.AppendBool(key, w.ProtectedPeer)
	text(w.Images...)
	for _, k := range sortedKeys(w.Labels) {
		text(k, w.Labels[k])
	}
	if slices.ContainsFunc(s.Policies, func(p *Policy) bool { return len(p.Associations) > 0 }) {
		text(w.NF.VNFInstanceID)
	}
	return key
}

// Never lists the rules by which no host could ever take the candidate, whatever hosts there were: each alone, because of what the
// candidate is, or else together. Rules with exceptions are left out.
func (c *Candidate) Never() []*Rule {
	var out, demanding []*Rule
	for i := range c.rules {
		r := &c.rules[i]
		if !r.Enforced() || len(r.Exceptions) > 0 || !r.subject {
			continue
		}
		if r.Host.all() && c.neverMet(r) {
			out = append(out, r.Rule)
		}
		if r.only == nil && r.demands() && c.bears(r.Rule) {
			demanding = append(demanding, r.Rule)
		}
	}
	if len(out) > 0 || c.somewhere(demanding) {
		return out
	}
	for i := range slices.Backward(demanding) { // as few as say it
		if less := slices.Delete(slices.Clone(demanding), i, i+1); !c.somewhere(less) {
			demanding = less
		}
	}
	return demanding
}

func (c *Candidate) neverMet(r *appliedRule) bool {
	switch r.Kind {
	case RequireIsolation:
		return r.Params.OrDedicatedHost == "" && c.best() < r.Params.Level
	case BorderHandling:
		return c.Workload.Roles&placement.RoleBorder != 0 && c.Workload.UndeclaredPeers
	case SignedArtefact:
		return len(c.Workload.Images) == 0 || !c.somewhere([]*Rule{r.Rule})
	default:
		return r.only == nil && r.demands() && c.bears(r.Rule) && !c.somewhere([]*Rule{r.Rule})
	}
}

// bears tells whether the candidate is what the rule's demand is about.
func (c *Candidate) bears(r *Rule) bool {
	if r.Kind == CacheMode { // artefacts that hold secrets are demanded more of: those are judged where they are
		return r.Subject.matches(c.world.Catalogue, &c.Workload, c.cacheRoles(false))
	}
	return !slices.ContainsFunc(r.bearers(), func(roles placement.Roles) bool { return c.Workload.Roles&roles == 0 })
}

// somewhere tells whether a host that meets all of the rules could exist.
func (c *Candidate) somewhere(rules []*Rule) bool {
	_, ok := survivor(rules, &c.domain, &effort{maxNeverEffort})
	return ok
}

// maxNeverEffort bounds how long a host is looked for that suits one component.
const maxNeverEffort = 10_000

// best is the most isolation that any of the runtime classes that may serve the candidate gives it towards a host.
func (c *Candidate) best() placement.Isolation {
	ideal := &placement.Host{HypervisorClass: placement.HypervisorType1}
	best := placement.IsolationNone
	for _, rc := range c.classes {
		best = max(best, strength(ideal, &c.Workload, rc.Isolation, "", nil))
	}
	return best
}
