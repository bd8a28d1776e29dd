package solver

import (
	"cmp"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// What rules that hold a network function together (co-locate-in-vm) ask of the search: to know where the others are, to look
// nowhere else once one member has its place, and to begin only where all of them have room.

// siblings lists the workloads of an NF instance in the whole fleet.
func siblings(v *fleet.View, nf *placement.NF) []*placement.Residency {
	return ofNF(v.ResidenciesOf(nf.VNFInstanceID), nf)
}

// ofNF picks the workloads of an NF instance.
func ofNF(list []*placement.Residency, nf *placement.NF) []*placement.Residency {
	var out []*placement.Residency
	for _, r := range list {
		if r.Kind != placement.ResidencyFabric && r.Workload.NF.Instance() == nf.Instance() {
			out = append(out, r)
		}
	}
	return out
}

// siblings adds the members placed so far to those of an NF instance that exist.
func (j *joint) siblings(nf *placement.NF, existing []*placement.Residency) []*placement.Residency {
	out := slices.Clip(existing)
	for _, p := range j.placed {
		if p.resident.Workload.NF.Instance() == nf.Instance() {
			out = append(out, p.resident)
		}
	}
	return out
}

// TogetherOf lists the NF instances of a request that a rule in force holds together, so that the commit must lock them and read
// where they are.
func TogetherOf(v *fleet.View, in *placement.Inputs) []placement.NFKey {
	var out []placement.NFKey
	for i := range in.Demands {
		w := &in.Demands[i].Workload
		k := placement.NFKey{VNFInstanceID: w.NF.VNFInstanceID, InstanceKey: w.NF.InstanceKey}
		if !slices.Contains(out, k) && v.Policies.MustHoldTogether(v.Catalogue, w) {
			out = append(out, k)
		}
	}
	return out
}

// holdTogether notes in the filter of a demand by which rules its members are held together, and what all whom one of them concerns
// need of their host.
func (f *filter) holdTogether(p *problem, d *demand) {
	if d.candidate.ReservesVMs() {
		f.reserved = func(facts placement.HostFacts) bool { return !d.candidate.AnySiteInVM(facts, p.ignored) }
	}
	f.rules = slices.DeleteFunc(d.candidate.Together(), func(r *policy.Rule) bool { return p.ignored[r.ID] })
	if len(p.members) == 1 || p.ignored[placement.RuleCapacity] {
		return
	}
	for _, r := range f.rules {
		sum, _ := fleet.Columns(nil)
		for _, e := range p.demands {
			if e.Workload.NF.Instance() == d.Workload.NF.Instance() && slices.Contains(e.candidate.Together(), r) {
				each, _ := fleet.Columns(e.Workload.Resources)
				for i := range sum {
					sum[i] += each[i] * int64(len(e.ResourceDefinitionIDs))
				}
			}
		}
		for i, amount := range sum {
			if amount > 0 {
				f.together = append(f.together, need{i, amount})
			}
		}
	}
}

// roomForAll tells whether a host has, as the view shows it, what all members need that go where this one goes.
func (f *filter) roomForAll(b *fleet.Block, bi, i int) bool {
	if f.changed != nil && f.changed[bi*fleet.BlockSize+i] {
		return true
	}
	return !slices.ContainsFunc(f.together, func(n need) bool { return b.Free[n.dimension][i] < n.amount })
}

// anchor is the host of a member placed so far that a rule holds together with this one.
func (p *problem) anchor(st *state, filters []*filter, m *member) (slot int, ok bool) {
	for i := range st.placed {
		o := p.members[st.placed[i].member].demand
		if p.demands[o].Workload.NF.Instance() != p.demands[m.demand].Workload.NF.Instance() {
			continue
		}
		if slices.ContainsFunc(filters[m.demand].rules, func(r *policy.Rule) bool { return slices.Contains(filters[o].rules, r) }) {
			return st.placed[i].slot, true
		}
	}
	return 0, false
}

// otherSites judges a member on the sites of a host that are left beside the best one. Where a member is decides for others, the
// best site for it need not be the one for all.
func (p *problem) otherSites(m *member, slot int, st *state, best string) []policy.Verdict {
	var out []policy.Verdict
	c, facts := p.candidate(m, st), st.on(p.facts(slot))
	for _, nodeID := range policy.Sites(facts.Host) {
		if nodeID == best {
			continue
		}
		p.budget--
		v := c.JudgeSite(facts, nodeID, st.reasons(m.id))
		if p.keep(&v); v.Feasible {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(a, b policy.Verdict) int { return cmp.Compare(a.Isolation, b.Isolation) })
	return out
}
