package solver

import (
	"maps"
	"slices"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// The bounds of the search. A request that needs more steps is refused with TIMEOUT, which is deterministic.
const (
	firstList   = 16   // proposals looked at before a second, full scan
	searchSteps = 4000 // exact judgements of one search
)

// placed is a member with its place.
type placedMember struct {
	member  int
	slot    int
	verdict policy.Verdict
}

// state is how far a search has come.
type state struct {
	*joint

	placed []placedMember
}

// search places the members in order, going back where the choice for an earlier one leaves none for a later.
// blockers collects the rules and constraints that stood in the way.
func (p *problem) search(filters []*filter, order []int, blockers map[string]bool) (*state, bool) {
	st := &state{joint: p.alone()}
	return st, p.place(st, filters, order, blockers)
}

func (p *problem) place(st *state, filters []*filter, order []int, blockers map[string]bool) bool {
	if len(order) == 0 {
		return true
	}
	m := &p.members[order[0]]
	f := filters[m.demand]
	for _, r := range f.rules {
		blockers[r.ID] = true // it keeps hosts from being looked at
	}
	for _, n := range m.constraints {
		if p.limits[n].units != nil {
			blockers[p.limits[n].id] = true
		}
	}
	if len(f.together) > 0 {
		blockers[placement.RuleCapacity] = true
	}
	at := everywhere
	if slot, ok := p.anchor(st, filters, m); ok {
		at = slot
	}
	size := firstList
	tried := map[int]bool{}
	for {
		list, more := p.scan(m, f, st, at, size)
		for _, pr := range list {
			if tried[pr.slot] {
				continue
			}
			tried[pr.slot] = true
			if p.budget--; p.budget < 0 {
				return false
			}
			v := p.judge(m, pr.slot, st)
			if !v.Feasible {
				p.block(&v, blockers)
				continue
			}
			if p.settle(st, filters, order, pr.slot, &v, blockers) {
				return true
			}
			if len(f.rules) == 0 || len(p.members) == 1 {
				continue
			}
			for _, v := range p.otherSites(m, pr.slot, st, v.CISNodeID) {
				if p.settle(st, filters, order, pr.slot, &v, blockers) {
					return true
				}
			}
		}
		if !more || p.budget < 0 {
			return false
		}
		size = p.view.Size
	}
}

// settle puts the first member of the order where a verdict says, and tries to place the others.
func (p *problem) settle(st *state, filters []*filter, order []int, slot int, v *policy.Verdict, blockers map[string]bool) bool {
	undo := st.put(p, order[0], slot, *v)
	if p.place(st, filters, order[1:], blockers) {
		return true
	}
	undo()
	return false
}

func (p *problem) block(v *policy.Verdict, blockers map[string]bool) {
	for _, r := range v.Reasons {
		blockers[r.RuleID] = true
	}
}

// judge judges a member on a host exactly, with everything placed so far.
func (p *problem) judge(m *member, slot int, st *state) policy.Verdict {
	v := p.candidate(m, st).Judge(st.on(p.facts(slot)), st.reasons(m.id))
	p.keep(&v)
	if !v.Feasible && len(p.ignored) > 0 { // the site with the fewest reasons need not be the one that has only those left out
		if others := p.otherSites(m, slot, st, v.CISNodeID); len(others) > 0 {
			return others[0]
		}
	}
	return v
}

// candidate is a member that sees those placed so far.
func (p *problem) candidate(m *member, st *state) *policy.Candidate {
	d := p.demands[m.demand]
	if len(st.placed) == 0 {
		return d.candidate
	}
	with := *d.candidate
	with.Replicas = st.replicas(&d.Workload, d.existing)
	if with.HeldTogether() {
		with.Replicas.Siblings = st.siblings(&d.Workload.NF, d.siblings)
	}
	return &with
}

// put notes a member's place and returns how to take it back.
func (st *state) put(p *problem, mi, slot int, v policy.Verdict) (undo func()) {
	m := &p.members[mi]
	st.placed = append(st.placed, placedMember{member: mi, slot: slot, verdict: v})
	takeBack := st.joint.put(p.demands[m.demand].Demand, m.id, p.view.Host(slot), &v)
	return func() {
		st.placed = st.placed[:len(st.placed)-1]
		takeBack()
	}
}

// order puts the members with the fewest choices first; equal ones stay in the order of the request.
func (p *problem) order(filters []*filter) []int {
	choices := make([]int, len(p.demands))
	for i, f := range filters {
		choices[i] = p.choices(f)
	}
	order := make([]int, len(p.members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return choices[p.members[a].demand] - choices[p.members[b].demand] })
	return order
}

func (p *problem) choices(f *filter) int {
	if len(p.members) == 1 {
		return 0
	}
	n := 0
	for bi, word := range f.static.Words {
		for i := range 64 {
			if word&(1<<i) != 0 && f.passes(p.view.Blocks[bi], bi, i) {
				n++
			}
		}
	}
	return n
}

func sortedSet(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
