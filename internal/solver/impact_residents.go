package solver

import (
	"cmp"
	"runtime"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// residencies judges everything that runs, where it runs, on both sides: what Check finds on each of them. It takes less time,
// because the rules that both sides have are judged once, and prepared once for all whom the same rules concern.
func (w *whatIf) residencies() placement.ResidencyImpact {
	blocks := len(w.sides[0].view.Blocks)
	n := min(blocks, runtime.GOMAXPROCS(0))
	parts := make([]examination, n)
	parallel(n, func(i int) {
		parts[i] = examination{w: w, rules: map[ruleKey]placement.BeforeAfter{}}
		parts[i].kin = map[string]*kin{}
		after := w.sides[1]
		parts[i].after = newInspection(after.view, w.options.Now, w.options.HostMappingMaxAge)
		for b := blocks * i / n; b < blocks*(i+1)/n; b++ {
			parts[i].block(b)
		}
	})
	total := examination{w: w, rules: map[ruleKey]placement.BeforeAfter{}}
	for i := range parts {
		total.add(&parts[i])
	}
	total.cut()
	for k, v := range total.rules {
		total.out.ByRule = append(total.out.ByRule, placement.RuleViolations{PolicyID: k.policyID, RuleID: k.ruleID, Violating: v})
	}
	slices.SortFunc(total.out.ByRule, func(a, b placement.RuleViolations) int {
		return cmp.Or(cmp.Compare(a.PolicyID, b.PolicyID), cmp.Compare(a.RuleID, b.RuleID))
	})
	return total.out
}

// examination is what was found on some of the hosts.
type examination struct {
	w     *whatIf
	out   placement.ResidencyImpact
	rules map[ruleKey]placement.BeforeAfter
	kin   map[string]*kin
	after *inspection // by the rules of the other side, for whom they evict
	evict bool        // such a rule does not hold on the host that is looked at
	key   []byte
	rest  []*placement.Residency
}

// kin are the candidates of workloads that the same rules concern: with the rules of both sides, and with those of one alone.
type kin struct {
	both, before, after *policy.Candidate
	replicas            bool // some rule counts them
	together            bool // some rule holds them together with others
}

func (n *examination) add(part *examination) {
	o, p := &n.out, &part.out
	o.Checked += p.Checked
	o.Violating.Before += p.Violating.Before
	o.Violating.After += p.Violating.After
	o.Evicted += p.Evicted
	o.New += p.New
	o.Resolved += p.Resolved
	o.Listed = append(o.Listed, p.Listed...)
	for k, v := range part.rules {
		sum := n.rules[k]
		n.rules[k] = placement.BeforeAfter{Before: sum.Before + v.Before, After: sum.After + v.After}
	}
}

// cut keeps the first of what is listed.
func (n *examination) cut() {
	slices.SortFunc(n.out.Listed, func(a, b placement.ResidencyViolation) int {
		return cmp.Or(cmp.Compare(a.Reason.PolicyID, b.Reason.PolicyID), cmp.Compare(a.Reason.RuleID, b.Reason.RuleID),
			cmp.Compare(a.HostID, b.HostID), cmp.Compare(a.ResidencyID, b.ResidencyID))
	})
	n.out.Listed = n.out.Listed[:min(len(n.out.Listed), n.w.options.MaxViolations)]
}

// listSlack is how many times more violations than are listed are collected before the first of them are picked.
const listSlack = 8

func (n *examination) block(bi int) {
	b := n.w.sides[0].view.Blocks[bi]
	for i, residents := range b.Residents {
		if b.Hosts[i] == nil {
			continue
		}
		n.evict = false
		for k, r := range residents {
			if r.Kind == placement.ResidencyFabric {
				continue
			}
			n.rest = append(append(n.rest[:0], residents[:k]...), residents[k+1:]...)
			if n.w.oneFleet {
				before, after := n.judge(placement.HostFacts{Host: hostBefore(b.Hosts[i], r), Residents: n.rest}, r)
				n.residency(r, before, after)
			} else {
				n.residency(r, n.judgeOn(0, r), n.judgeOn(1, r))
			}
		}
		if then := n.w.sides[1].view.Blocks[bi]; n.evict && then.Hosts[i] != nil {
			n.out.Evicted += len(n.after.evictees(then.Hosts[i], then.Residents[i]))
		}
	}
	if len(n.out.Listed) > listSlack*n.w.options.MaxViolations {
		n.cut()
	}
}

// residency counts what the rules of both sides have against a residency, each rule once.
func (n *examination) residency(r *placement.Residency, before, after []placement.Reason) {
	n.out.Checked++
	if len(before) == 0 && len(after) == 0 {
		return
	}
	if len(before) > 0 {
		n.out.Violating.Before++
	}
	if len(after) > 0 {
		n.out.Violating.After++
	}
	for i := range before {
		k := ruleKey{before[i].PolicyID, before[i].RuleID}
		v := n.rules[k]
		v.Before++
		n.rules[k] = v
		if !hasRule(after, k) {
			n.out.Resolved++
		}
	}
	for i := range after {
		k := ruleKey{after[i].PolicyID, after[i].RuleID}
		v := n.rules[k]
		v.After++
		n.rules[k] = v
		n.evict = n.evict || n.after.rules[k].Evicts()
		if !hasRule(before, k) {
			n.out.New++
			n.out.Listed = append(n.out.Listed, placement.ResidencyViolation{
				ResidencyID: r.ID, HostID: r.HostID, VNFInstanceID: r.Workload.NF.VNFInstanceID, ComponentID: r.Workload.ComponentID,
				TrustDomainID: r.Workload.TrustDomainID, Reason: after[i],
			})
		}
	}
}

func hasRule(reasons []placement.Reason, k ruleKey) bool {
	return slices.ContainsFunc(reasons, func(r placement.Reason) bool { return r.PolicyID == k.policyID && r.RuleID == k.ruleID })
}

// judge returns what the rules of both sides have against a residency: the first reason of each.
func (n *examination) judge(f placement.HostFacts, r *placement.Residency) (before, after []placement.Reason) {
	view := n.w.sides[0].view
	if _, known := view.Catalogue.TrustDomains[r.Workload.TrustDomainID]; !known {
		return nil, nil
	}
	k := n.kinOf(&r.Workload)
	replicas := k.replicasOf(view, r)
	standing := func(c *policy.Candidate) []placement.Reason { return firstOfEach(c, f, r, replicas) }
	both := standing(k.both)
	return append(slices.Clip(both), standing(k.before)...), append(slices.Clip(both), standing(k.after)...)
}

// judgeOn returns what the rules of one side have against a residency, where it is and with whom on that side: the first reason
// of each. One that the change ends has nothing against it.
func (n *examination) judgeOn(side int, r *placement.Residency) []placement.Reason {
	s := n.w.sides[side]
	if r = s.view.Residency(r.ID); r == nil {
		return nil
	}
	slot, known := s.view.Slot(r.HostID)
	if _, declared := s.view.Catalogue.TrustDomains[r.Workload.TrustDomainID]; !known || !declared {
		return nil
	}
	k := n.kinOf(&r.Workload)
	candidate := k.before
	if side == 1 {
		candidate = k.after
	}
	f := s.view.Facts(slot)
	f.Host, f.Residents = hostBefore(f.Host, r), slices.DeleteFunc(slices.Clone(f.Residents), func(o *placement.Residency) bool { return o.ID == r.ID })
	return firstOfEach(candidate, f, r, k.replicasOf(s.view, r))
}

// replicasOf counts the other replicas of a residency's component, and finds those it is held together with, where a rule asks.
func (k *kin) replicasOf(v *fleet.View, r *placement.Residency) policy.Replicas {
	replicas := (&inspection{spans: k.replicas, siblings: v.ResidenciesOf, hostOf: func(o *placement.Residency) *placement.Host { return hostOf(v, o) }}).replicas(r)
	if k.together {
		replicas.Siblings = siblings(v, &r.Workload.NF)
	}
	return replicas
}

// firstOfEach returns the first reason of each rule of a candidate.
func firstOfEach(c *policy.Candidate, f placement.HostFacts, r *placement.Residency, replicas policy.Replicas) []placement.Reason {
	if c.Idle() {
		return nil
	}
	c.Retarget(&r.Workload, replicas)
	return slices.CompactFunc(c.Standing(f, r.CISNodeID), func(a, b placement.Reason) bool { return a.PolicyID == b.PolicyID && a.RuleID == b.RuleID })
}

// maxKin bounds the candidates that are kept, which no fleet in order reaches.
const maxKin = 10_000

func (n *examination) kinOf(w *placement.Workload) *kin {
	n.key = n.key[:0]
	for _, s := range n.w.sides {
		n.key = s.view.Policies.Kin(n.key, w)
	}
	if k := n.kin[string(n.key)]; k != nil {
		return k
	}
	if len(n.kin) >= maxKin {
		clear(n.kin)
	}
	before := policy.Prepare(n.w.sides[0].world, *w, placement.IsolationNone, policy.Replicas{})
	after := policy.Prepare(n.w.sides[1].world, *w, placement.IsolationNone, policy.Replicas{})
	k := &kin{replicas: before.CountsReplicas() || after.CountsReplicas(), together: before.HeldTogether() || after.HeldTogether()}
	if k.before, k.after = before, after; n.w.oneFleet {
		k.both, k.before, k.after = policy.Split(before, after)
	}
	n.kin[string(n.key)] = k
	return k
}
