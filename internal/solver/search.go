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
	placed      []placedMember
	onHost      map[int][]*placement.Residency // members placed, as residents, by slot
	constrained map[int][]where                // places taken, by constraint
}

func newState() *state {
	return &state{onHost: map[int][]*placement.Residency{}, constrained: map[int][]where{}}
}

// search places the members in order, going back where the choice for an earlier one leaves none for a later.
// blockers collects the rules and constraints that stood in the way.
func (p *problem) search(filters []*filter, order []int, blockers map[string]bool) (*state, bool) {
	st := newState()
	return st, p.place(st, filters, order, blockers)
}

func (p *problem) place(st *state, filters []*filter, order []int, blockers map[string]bool) bool {
	if len(order) == 0 {
		return true
	}
	m := &p.members[order[0]]
	size := firstList
	tried := map[int]bool{}
	for {
		list, more := p.scan(m, filters[m.demand], st, size)
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
			undo := st.put(p, order[0], pr.slot, v)
			if p.place(st, filters, order[1:], blockers) {
				return true
			}
			undo()
		}
		if !more || p.budget < 0 {
			return false
		}
		size = p.view.Size
	}
}

func (p *problem) block(v *policy.Verdict, blockers map[string]bool) {
	for _, r := range v.Reasons {
		blockers[r.RuleID] = true
	}
}

// judge judges a member on a host exactly, with everything placed so far.
func (p *problem) judge(m *member, slot int, st *state) policy.Verdict {
	d := p.demands[m.demand]
	c := d.candidate
	if len(st.placed) > 0 {
		with := *c
		with.Replicas.In = func(scope placement.Scope, h *placement.Host) int {
			return p.replicasIn(d.existing, scope, h) + st.replicasIn(p, d, scope, h)
		}
		c = &with
	}
	v := c.Judge(p.facts(slot, st.onHost[slot]), p.reasons(m, st.constrained))
	p.keep(&v)
	return v
}

func (st *state) replicasIn(p *problem, d *demand, scope placement.Scope, h *placement.Host) int {
	n := 0
	for i := range st.placed {
		pl := &st.placed[i]
		if sameComponent(&p.demands[p.members[pl.member].demand].Workload, &d.Workload) && sameUnit(scope, p.view.Host(pl.slot), h) {
			n++
		}
	}
	return n
}

// put notes a member's place and returns how to take it back.
func (st *state) put(p *problem, mi, slot int, v policy.Verdict) (undo func()) {
	m := &p.members[mi]
	h := p.view.Host(slot)
	st.placed = append(st.placed, placedMember{member: mi, slot: slot, verdict: v})
	st.onHost[slot] = append(st.onHost[slot], asResident(p.demands[m.demand].Demand, m.id, h, &v))
	for _, n := range m.constraints {
		st.constrained[n] = append(st.constrained[n], where{h, v.CISNodeID})
	}
	return func() {
		st.placed = st.placed[:len(st.placed)-1]
		st.onHost[slot] = st.onHost[slot][:len(st.onHost[slot])-1]
		for _, n := range m.constraints {
			st.constrained[n] = st.constrained[n][:len(st.constrained[n])-1]
		}
	}
}

// asResident shows a member of the request to the others as what it will be.
func asResident(d *placement.Demand, id string, h *placement.Host, v *policy.Verdict) *placement.Residency {
	w := d.Workload
	w.Runtime = v.Runtime
	return &placement.Residency{
		ID: id, NFVIPoPID: h.NFVIPoPID, HostID: h.ID, CISNodeID: v.CISNodeID, Workload: w,
		Kind: placement.ResidencyWorkload, State: placement.StateReserved, ResourceDefinitionID: id,
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
