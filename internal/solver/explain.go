package solver

import (
	"cmp"
	"slices"
	"strings"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// defaultExplainLimit is how many hosts a full explanation lists when the caller names no limit.
const defaultExplainLimit = 1000

// explainRefusal explains every demand, and the conflict between the members when each could be placed alone.
func (p *problem) explainRefusal(blockers map[string]bool) placement.Explanation {
	exhausted := p.budget < 0
	ex := placement.Explanation{Demands: p.explainDemands()}
	for i := range ex.Demands {
		if ex.Demands[i].HostsFeasible == 0 {
			return ex
		}
	}
	if exhausted {
		ex.Reasons = append(ex.Reasons, placement.Reason{RuleID: placement.RuleTimeout, Check: placement.RuleTimeout})
	}
	ex.Conflict = p.conflict(blockers)
	return ex
}

func (p *problem) explainDemands() []placement.DemandExplanation {
	out := make([]placement.DemandExplanation, len(p.demands))
	for i := range p.demands {
		out[i] = p.explainDemand(i)
	}
	return out
}

// explainDemand judges the demand on every host against committed state.
func (p *problem) explainDemand(i int) placement.DemandExplanation {
	d := p.demands[i]
	e := placement.DemandExplanation{ResourceDefinitionIDs: d.ResourceDefinitionIDs, NeededIsolation: d.candidate.NeededIsolation()}
	constraints := p.alone().reasons(p.firstMember(i).id)
	t := tally{ranks: ranks(d.candidate.Rules()), counts: map[ruleKey]*placement.RuleCount{}, first: map[string]int{}}
	for _, slot := range p.slotsByID(d) {
		h := p.view.Host(slot)
		e.HostsTotal++
		v := d.candidate.Judge(p.facts(slot), constraints)
		p.keep(&v)
		if v.Feasible {
			e.HostsFeasible++
			e.Feasible = append(e.Feasible, placement.Feasible{HostID: h.ID, CISNodeID: v.CISNodeID, Runtime: v.Runtime, Isolation: v.Isolation, Cache: v.Cache})
			continue
		}
		e.Rejected = append(e.Rejected, placement.Rejection{HostID: h.ID, Reasons: v.Reasons})
		t.add(v.Reasons)
	}
	e.NearestMiss = nearestMiss(e.Rejected)
	e.Counts = t.sorted()
	e.Funnel = t.funnel(e.HostsTotal)
	p.limit(&e)
	return e
}

func (p *problem) firstMember(demand int) *member {
	for i := range p.members {
		if p.members[i].demand == demand {
			return &p.members[i]
		}
	}
	return &member{demand: demand}
}

// slotsByID lists the hosts that the request may use for a demand, ascending by id.
func (p *problem) slotsByID(d *demand) []int {
	var out []int
	for bi, b := range p.view.Blocks {
		for i, h := range b.Hosts {
			if h != nil && p.mayUse(h, d) {
				out = append(out, bi*fleet.BlockSize+i)
			}
		}
	}
	slices.SortFunc(out, func(a, b int) int { return cmp.Compare(p.view.Host(a).ID, p.view.Host(b).ID) })
	return out
}

// limit keeps the lists to what the caller asked for.
func (p *problem) limit(e *placement.DemandExplanation) {
	n := p.in.ExplainLimit
	if n <= 0 {
		n = defaultExplainLimit
	}
	if p.in.ExplainLevel != placement.ExplainFull {
		n = 0
	}
	e.Feasible = e.Feasible[:min(n, len(e.Feasible))]
	e.Rejected = e.Rejected[:min(n, len(e.Rejected))]
}

func nearestMiss(rejected []placement.Rejection) *placement.Rejection {
	var best *placement.Rejection
	for i := range rejected {
		if best == nil || len(rejected[i].Reasons) < len(best.Reasons) {
			best = &rejected[i]
		}
	}
	if best == nil {
		return nil
	}
	miss := *best
	return &miss
}

type ruleKey struct{ policyID, ruleID string }

// tally counts reasons per rule.
type tally struct {
	ranks  map[ruleKey]int
	counts map[ruleKey]*placement.RuleCount
	first  map[string]int // hosts first removed by a rule
	firsts []ruleKey
}

func (t *tally) add(reasons []placement.Reason) {
	seen := map[ruleKey]bool{}
	for i, r := range reasons {
		k := ruleKey{r.PolicyID, r.RuleID}
		if i == 0 {
			if t.first[k.policyID+"\x00"+k.ruleID]++; t.first[k.policyID+"\x00"+k.ruleID] == 1 {
				t.firsts = append(t.firsts, k)
			}
		}
		if seen[k] {
			continue
		}
		seen[k] = true
		if t.counts[k] == nil {
			t.counts[k] = &placement.RuleCount{PolicyID: r.PolicyID, RuleID: r.RuleID, Example: r}
		}
		t.counts[k].HostCount++
	}
}

func (t *tally) sorted() []placement.RuleCount {
	out := make([]placement.RuleCount, 0, len(t.counts))
	for _, c := range t.counts {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b placement.RuleCount) int {
		return t.compare(ruleKey{a.PolicyID, a.RuleID}, ruleKey{b.PolicyID, b.RuleID})
	})
	return out
}

func (t *tally) compare(a, b ruleKey) int {
	return cmp.Or(cmp.Compare(t.rank(a), t.rank(b)), cmp.Compare(len(a.ruleID), len(b.ruleID)), cmp.Compare(a.ruleID, b.ruleID))
}

// funnel lists, in the order of rules, those that removed hosts.
func (t *tally) funnel(total int) []placement.FunnelStep {
	slices.SortFunc(t.firsts, t.compare)
	var out []placement.FunnelStep
	in := total
	for _, k := range t.firsts {
		n := t.first[k.policyID+"\x00"+k.ruleID]
		out = append(out, placement.FunnelStep{RuleID: k.ruleID, In: in, Out: in - n})
		in -= n
	}
	return out
}

// rank places a rule in the order of reasons: fixed ids before, rules, fixed ids after.
func (t *tally) rank(k ruleKey) int {
	if n, ok := t.ranks[k]; ok && k.policyID != "" {
		return 100 + n
	}
	before := []string{placement.RuleNoPolicy, placement.RuleUnknown, placement.RuleTimeout, placement.RuleLifecycle}
	if i := slices.Index(before, k.ruleID); i >= 0 {
		return i
	}
	after := len(t.ranks) + 100
	switch {
	case k.ruleID == placement.RuleIsolation:
		return after
	case k.ruleID == placement.RuleDedicated:
		return after + 1
	case k.ruleID == placement.RuleCapacity:
		return after + 2
	case strings.HasPrefix(k.ruleID, "CONSTRAINT["), placement.IsDescriptor(k.ruleID), placement.IsStanding(k.ruleID):
		return after + 3
	case strings.HasPrefix(k.ruleID, "VIM["):
		return after + 4
	default:
		return after + 5
	}
}

func ranks(rules []*policy.Rule) map[ruleKey]int {
	m := make(map[ruleKey]int, len(rules))
	for i, r := range rules {
		m[ruleKey{r.PolicyID, r.ID}] = i
	}
	return m
}

// conflict finds a minimal set of rules and constraints that cannot hold together for the members: leaving out
// any one of them would make the request feasible.
func (p *problem) conflict(blockers map[string]bool) *placement.ConflictSet {
	candidates := sortedSet(blockers)
	p.ignored = map[string]bool{}
	var needed []string
	for _, id := range candidates {
		p.ignored[id] = true
		p.budget = searchSteps
		filters := make([]*filter, len(p.demands))
		for i, d := range p.demands {
			filters[i] = p.newFilter(d)
		}
		if _, ok := p.search(filters, p.order(filters), map[string]bool{}); ok {
			delete(p.ignored, id)
			needed = append(needed, id)
		}
	}
	p.ignored = nil
	if len(needed) == 0 {
		needed = candidates
	}
	t := tally{ranks: allRanks(p.view.Policies)}
	slices.SortFunc(needed, func(a, b string) int { return t.compare(p.key(a), p.key(b)) })
	return &placement.ConflictSet{
		Members: needed, Message: "each resource could be placed alone, but not all together under " + strings.Join(needed, ", "),
	}
}

func allRanks(set *policy.Set) map[ruleKey]int {
	m := map[ruleKey]int{}
	for _, pol := range set.Policies {
		for _, r := range pol.Rules {
			m[ruleKey{r.PolicyID, r.ID}] = len(m)
		}
	}
	return m
}

// key finds the policy of a rule id; fixed ids have none.
func (p *problem) key(id string) ruleKey {
	for _, pol := range p.view.Policies.Policies {
		for _, r := range pol.Rules {
			if r.ID == id {
				return ruleKey{r.PolicyID, id}
			}
		}
	}
	return ruleKey{"", id}
}
