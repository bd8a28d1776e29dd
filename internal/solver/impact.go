package solver

import (
	"cmp"
	"maps"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// ImpactOptions are what a preview of policies is computed with.
type ImpactOptions struct {
	Now               time.Time
	HostMappingMaxAge time.Duration
	MaxComponents     int // listed
	MaxViolations     int // listed
}

// Impact compares the policies in force with others, on a view. It depends on the arguments alone, and takes seconds on a fleet
// of 100,000 hosts.
func Impact(v *fleet.View, after *policy.Set, o ImpactOptions) placement.PolicyImpact {
	w := &whatIf{sides: [2]*side{newSide(v, o), newSide(v.With(after), o)}, options: o, oneFleet: true}
	return w.impact()
}

// ImpactOfChange compares a view with what it would be after a change (fleet.View.After): the same policies, another inventory.
func ImpactOfChange(before, after *fleet.View, o ImpactOptions) placement.PolicyImpact {
	w := &whatIf{sides: [2]*side{newSide(before, o), newSide(after, o)}, options: o}
	return w.impact()
}

func (w *whatIf) impact() placement.PolicyImpact {
	o := &w.options
	out := placement.PolicyImpact{HostsTotal: w.sides[1].view.Size}
	components := w.components()
	parallel(len(components), func(i int) { components[i].count(w) })
	parallel(len(components), func(i int) { components[i].missed(w) })
	out.TrustDomains = w.domains(components)
	for i := range components {
		if c := &components[i]; c.ComponentID != "" {
			out.Components = append(out.Components, c.ComponentImpact)
		}
	}
	slices.SortStableFunc(out.Components, func(a, b placement.ComponentImpact) int { return cmp.Compare(weight(&a), weight(&b)) })
	if n := len(out.Components); n > o.MaxComponents {
		out.Components, out.LeftOut = out.Components[:o.MaxComponents], n-o.MaxComponents
	}
	out.Residencies = w.residencies()
	return out
}

// weight puts first what somebody has to look at.
func weight(c *placement.ComponentImpact) int {
	switch {
	case c.Eligible.After == 0 || len(c.Never) > 0:
		return 0
	case c.Eligible.Before != c.Eligible.After, c.Free.Before != c.Free.After:
		return 1
	}
	return 2
}

// parallel calls fn for each of n numbers.
func parallel(n int, fn func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// whatIf is the fleet as it is, and under other policies or after a change.
type whatIf struct {
	sides    [2]*side
	options  ImpactOptions
	oneFleet bool // only the policies differ
}

type side struct {
	view  *fleet.View
	world *policy.World
	empty bool // no policy applies to everybody: nothing is placed
}

func newSide(v *fleet.View, o ImpactOptions) *side {
	return &side{
		view: v, empty: len(v.Policies.For("")) == 0,
		world: &policy.World{Catalogue: v.Catalogue, Set: v.Policies, Now: o.Now, HostMappingMaxAge: o.HostMappingMaxAge},
	}
}

// counted is a component, or a trust domain without any, on its way to being counted.
type counted struct {
	placement.ComponentImpact

	demands  [2]*placement.Demand // nil: there is no such component on that side
	eligible [2][]uint64          // by slot
}

// domain is the trust domain of a component on a side; empty when it is not there.
func (c *counted) domain(side int) string {
	if c.demands[side] == nil {
		return ""
	}
	return c.demands[side].Workload.TrustDomainID
}

// components are those of the VNF profiles, and one that asks for nothing for each trust domain that has none.
func (w *whatIf) components() []counted {
	var out []counted
	at := map[[2]string]int{} // by VNFD and component; by none and the trust domain
	add := func(side int, vnfdID, componentID string, d *placement.Demand) {
		key := [2]string{vnfdID, cmp.Or(componentID, d.Workload.TrustDomainID)}
		i, known := at[key]
		if !known {
			i = len(out)
			at[key], out = i, append(out, counted{})
		}
		c := &out[i]
		c.VNFDID, c.ComponentID, c.TrustDomainID, c.demands[side] = vnfdID, componentID, d.Workload.TrustDomainID, d
	}
	for i, s := range w.sides {
		cat, has := s.view.Catalogue, map[string]bool{}
		for _, id := range slices.Sorted(maps.Keys(cat.VNFProfiles)) {
			profile := cat.VNFProfiles[id]
			for k := range profile.Components {
				d := componentDemand(cat, &profile, &profile.Components[k])
				add(i, id, profile.Components[k].ID, &d)
				has[d.Workload.TrustDomainID] = true
			}
		}
		for _, id := range slices.Sorted(maps.Keys(cat.TrustDomains)) {
			if !has[id] {
				add(i, "", "", &placement.Demand{Workload: placement.Workload{TrustDomainID: id}})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b counted) int { // what only one side has, in its place
		return cmp.Or(cmp.Compare(min(len(b.VNFDID), 1), min(len(a.VNFDID), 1)), cmp.Compare(a.VNFDID, b.VNFDID))
	})
	return out
}

// componentDemand is the demand of one replica of a component, of a VNF instance that does not exist yet.
func componentDemand(cat *placement.Catalogue, profile *placement.VNFProfile, c *placement.Component) placement.Demand {
	derived := profile.Derive(cat, c.ID)
	w := placement.Workload{
		NF: c.NF, VNFDID: profile.VNFDID, ComponentID: c.ID, TrustDomainID: profile.DomainOf(c), Roles: derived.Roles, Exposed: derived.Exposed,
		ProtectedPeer: derived.ProtectedPeer, UndeclaredPeers: derived.UndeclaredPeers, CutThrough: c.CutThrough, Privileged: c.Privileged,
		AdministersHostPools: c.AdministersHostPools, Images: c.Images, Labels: c.Labels, Runtime: c.Runtime, Resources: c.Resources,
	}
	if w.NF.Type == "" {
		w.NF.Type = profile.NFType
	}
	return placement.Demand{Workload: w, Isolation: c.Isolation, ResourceDefinitionIDs: []string{c.ID}}
}

// count finds the hosts of a component on both sides; once, where the same rules concern it on one fleet.
func (c *counted) count(w *whatIf) {
	var eligible, free [2]int
	for i, s := range w.sides {
		c.eligible[i] = make([]uint64, len(s.view.Blocks))
		if _, known := s.view.Catalogue.TrustDomains[c.domain(i)]; !known || s.empty {
			continue
		}
		if i == 1 && w.oneFleet && !w.sides[0].empty &&
			policy.Alike(candidateFor(w.sides[0].world, c.demands[0], policy.Replicas{}), candidateFor(s.world, c.demands[1], policy.Replicas{})) {
			eligible[1], free[1] = eligible[0], free[0]
			copy(c.eligible[1], c.eligible[0])
			continue
		}
		eligible[i], free[i] = s.hostsFor(c.demands[i], c.eligible[i])
	}
	c.Eligible = placement.BeforeAfter{Before: eligible[0], After: eligible[1]}
	c.Free = placement.BeforeAfter{Before: free[0], After: free[1]}
}

// hostsFor counts the hosts that would take a demand if nothing else ran there, which it marks, and those that would take it now.
func (s *side) hostsFor(d *placement.Demand, marks []uint64) (eligible, free int) {
	p := newProblem(s.view, &placement.Inputs{Demands: []placement.Demand{*d}, Now: s.world.Now, MappingMaxAge: s.world.HostMappingMaxAge})
	f, c := p.newFilter(p.demands[0]), p.demands[0].candidate
	for bi, word := range f.static.Words {
		b := s.view.Blocks[bi]
		for ; word != 0; word &= word - 1 {
			i := bits.TrailingZeros64(word)
			if !c.Judge(placement.HostFacts{Host: vacated(b.Hosts[i])}, nil).Feasible {
				continue
			}
			marks[bi] |= 1 << i
			eligible++
			if len(b.Residents[i]) == 0 && b.Hosts[i].DedicatedTo == nil ||
				f.passes(b, bi, i) && c.Judge(s.view.Facts(bi*fleet.BlockSize+i), nil).Feasible {
				free++
			}
		}
	}
	return eligible, free
}

// vacated is a host without anybody to whom it is dedicated.
func vacated(h *placement.Host) *placement.Host {
	if h.DedicatedTo == nil {
		return h
	}
	v := *h
	v.DedicatedTo = nil
	return &v
}

// missed says why no host is left for a component with the policies to come.
func (c *counted) missed(w *whatIf) {
	s := w.sides[1]
	if _, known := s.view.Catalogue.TrustDomains[c.domain(1)]; s.empty || !known {
		return
	}
	candidate := candidateFor(s.world, c.demands[1], policy.Replicas{})
	for _, r := range candidate.Never() {
		c.Never = append(c.Never, r.ID)
	}
	if c.Eligible.After > 0 {
		return
	}
	for _, b := range s.view.Blocks {
		for _, h := range b.Hosts {
			if h == nil {
				continue
			}
			reasons := candidate.Judge(placement.HostFacts{Host: vacated(h)}, nil).Reasons
			if m := c.NearestMiss; m == nil || len(reasons) < len(m.Reasons) || len(reasons) == len(m.Reasons) && h.ID < m.HostID {
				c.NearestMiss = &placement.Rejection{HostID: h.ID, Reasons: reasons}
			}
		}
	}
}

// domains counts, for each trust domain, the hosts that are eligible for one of its components at least.
func (w *whatIf) domains(components []counted) []placement.DomainImpact {
	var out []placement.DomainImpact
	known := maps.Clone(w.sides[0].view.Catalogue.TrustDomains)
	maps.Copy(known, w.sides[1].view.Catalogue.TrustDomains)
	for _, id := range slices.Sorted(maps.Keys(known)) {
		var n [2]int
		for i := range n {
			union := make([]uint64, len(w.sides[i].view.Blocks))
			for k := range components {
				if components[k].domain(i) == id {
					for b, word := range components[k].eligible[i] {
						union[b] |= word
					}
				}
			}
			for _, word := range union {
				n[i] += bits.OnesCount64(word)
			}
		}
		out = append(out, placement.DomainImpact{TrustDomainID: id, Eligible: placement.BeforeAfter{Before: n[0], After: n[1]}})
	}
	return out
}
