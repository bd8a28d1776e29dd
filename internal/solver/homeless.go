package solver

import (
	"math/bits"
	"slices"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// Homeless lists the trust domains of which no component would find a host in the view if nothing else ran there, ascending by id.
// It depends on the arguments alone. Where no policy is in force nothing is placed, and none is listed.
func Homeless(v *fleet.View, now time.Time, hostMappingMaxAge time.Duration) []string {
	s := newSide(v, ImpactOptions{Now: now, HostMappingMaxAge: hostMappingMaxAge})
	if s.empty {
		return nil
	}
	w := &whatIf{sides: [2]*side{s, s}, oneFleet: true}
	housed := map[string]bool{}
	var out []string
	components := w.components()
	for i := range components {
		id := components[i].domain(0)
		if _, known := v.Catalogue.TrustDomains[id]; known && !housed[id] {
			housed[id] = s.houses(components[i].demands[0])
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(id string) bool { return housed[id] })
}

// houses tells whether some host would take a demand if nothing else ran there.
func (s *side) houses(d *placement.Demand) bool {
	p := newProblem(s.view, &placement.Inputs{Demands: []placement.Demand{*d}, Now: s.world.Now, MappingMaxAge: s.world.HostMappingMaxAge})
	f, c := p.newFilter(p.demands[0]), p.demands[0].candidate
	for bi, word := range f.static.Words {
		b := s.view.Blocks[bi]
		for ; word != 0; word &= word - 1 {
			if c.Judge(placement.HostFacts{Host: vacated(b.Hosts[bits.TrailingZeros64(word)])}, nil).Feasible {
				return true
			}
		}
	}
	return false
}
