package solver

import (
	"cmp"
	"math/bits"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// proposal is a host that the filter passed, with its score.
type proposal struct {
	slot int
	cost int
	mix  uint64
}

func (a proposal) less(b proposal) bool {
	return a.cost < b.cost || a.cost == b.cost && (a.mix < b.mix || a.mix == b.mix && a.slot < b.slot)
}

// shortlist keeps the best proposals of a scan, the worst on top of a heap.
type shortlist struct {
	heap []proposal
	size int
	more bool // proposals were left out
}

func (s *shortlist) offer(p proposal) {
	if len(s.heap) < s.size {
		s.heap = append(s.heap, p)
		s.up(len(s.heap) - 1)
		return
	}
	s.more = true
	if p.less(s.heap[0]) {
		s.heap[0] = p
		s.down(0)
	}
}

// tooCostly tells that a proposal, whose cost can only grow, would change nothing: the list is full of better ones, and
// it is known that others were left out.
func (s *shortlist) tooCostly(p proposal) bool { return s.more && !p.less(s.heap[0]) }

func (s *shortlist) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.heap[parent].less(s.heap[i]) {
			return
		}
		s.heap[parent], s.heap[i] = s.heap[i], s.heap[parent]
		i = parent
	}
}

func (s *shortlist) down(i int) {
	for {
		largest := i
		for _, c := range []int{2*i + 1, 2*i + 2} {
			if c < len(s.heap) && s.heap[largest].less(s.heap[c]) {
				largest = c
			}
		}
		if largest == i {
			return
		}
		s.heap[i], s.heap[largest] = s.heap[largest], s.heap[i]
		i = largest
	}
}

// everywhere as a slot means all of them.
const everywhere = -1

// scan proposes the best hosts for a member, best first, at most size of them; more tells whether there are others. Where its place
// follows from that of others, it looks at one slot.
func (p *problem) scan(m *member, f *filter, st *state, at, size int) (best []proposal, more bool) {
	list := shortlist{size: size}
	zones := st.zones(p, m)
	soft := p.hasSoft(m)
	for bi, word := range f.static.Words {
		if at != everywhere {
			if bi != at/fleet.BlockSize {
				continue
			}
			word &= 1 << (at % fleet.BlockSize)
		}
		b := p.view.Blocks[bi]
		for ; word != 0; word &= word - 1 {
			i := bits.TrailingZeros64(word)
			pr := proposal{slot: bi*fleet.BlockSize + i, cost: int(f.static.Costs[bi][i]), mix: mix(b.IDHash[i], p.in.Seed)}
			if list.tooCostly(pr) {
				continue // before anything else is read
			}
			pr.cost += blockCost(&b.Around[i], f.ownBit)
			if zones != nil {
				pr.cost += zones[b.Hosts[i].ResourceZoneID] * weightZone
			}
			if list.tooCostly(pr) || !f.passes(b, bi, i) || !f.roomForAll(b, bi, i) || !p.mayUse(b.Hosts[i], p.demands[m.demand]) || !p.fixedTo(m, b.Hosts[i]) {
				continue
			}
			if soft {
				pr.cost += st.softCost(m.constraints, &p.demands[m.demand].Workload, b.Hosts[i]) * weightSoft
			}
			list.offer(pr)
		}
	}
	slices.SortFunc(list.heap, func(a, b proposal) int {
		if a.less(b) {
			return -1
		}
		return 1
	})
	if p.in.Attempt > 0 {
		spread(list.heap)
	}
	return list.heap, list.more
}

// spread orders by chance what is nearly as good as the best. A request that is decided again met others on the host it had
// chosen: where the best are few, all who decide at the same time choose them again and again.
func spread(list []proposal) {
	near := 0
	for near < len(list) && list[near].cost < list[0].cost+weightScarce {
		near++
	}
	slices.SortFunc(list[:near], func(a, b proposal) int { return cmp.Or(cmp.Compare(a.mix, b.mix), cmp.Compare(a.slot, b.slot)) })
}

// fixedTo tells whether a host is where the member is fixed to. What else constraints want is for the judge to say; this would leave
// him with hosts that are all in the wrong place.
func (p *problem) fixedTo(m *member, h *placement.Host) bool {
	for _, n := range m.constraints {
		if c := &p.limits[n]; c.units != nil && !p.ignored[c.id] && !c.allows(h) {
			return false
		}
	}
	return true
}

func (p *problem) hasSoft(m *member) bool {
	return slices.ContainsFunc(m.constraints, func(n int) bool { return p.limits[n].soft })
}

// zones counts the replicas of the member's component per zone, existing and placed, for the spread. Nil when
// there are none.
func (st *state) zones(p *problem, m *member) map[string]int {
	d := p.demands[m.demand]
	var zones map[string]int
	count := func(h *placement.Host) {
		if zones == nil {
			zones = map[string]int{}
		}
		zones[h.ResourceZoneID]++
	}
	for _, h := range d.existing {
		count(h)
	}
	for i := range st.placed {
		if pl := &st.placed[i]; sameComponent(&p.demands[p.members[pl.member].demand].Workload, &d.Workload) {
			count(p.view.Host(pl.slot))
		}
	}
	return zones
}
