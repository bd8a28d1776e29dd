package solver

import (
	"math"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// filter is the fast part of a decision: what can be said of all hosts from bitmaps, columns and aggregates.
// It passes every host that the policy accepts, and few others.
type filter struct {
	static   *fleet.Bitmap
	oldest   int64 // attestations before it are too old; the minimum when no rule limits them
	now      int64
	validity bool // a rule looks at validUntil
	needs    []need
	ownBit   uint64
	ownSlots map[int]bool // hosts with residents of the candidate's NF instance; nil when there are none
	changed  map[int]bool // hosts with superseded residents, which columns and aggregates still count; nil when there are none

	rules    []*policy.Rule                 // that hold the members together with others of their NF instance
	together []need                         // of all those of the request that go where a member goes
	reserved func(placement.HostFacts) bool // tells that CIS nodes of others, or where others are, leave no site of a host; nil: never

	// What rejects a host by the aggregate of its residents.
	domains        uint64              // one of these trust domains is there
	exposed        uint64              // one of these is there and exposed
	separateDomain placement.Isolation // a foreign trust domain is there, separated by less
	separateNF     placement.Isolation // another NF instance is there, separated by less
	maxNFs         int                 // distinct NF instances, the candidate's included; 0: no limit
}

// need is how much of a column of free capacity the candidate takes.
type need struct {
	dimension int
	amount    int64
}

func (p *problem) newFilter(d *demand) *filter {
	c := d.candidate
	f := &filter{oldest: math.MinInt64, now: p.in.Now.UnixNano()}
	f.static = p.view.Static(c.Signature(), func(h *placement.Host) (bool, uint16) {
		ok, isolation := c.Static(h)
		return ok, staticCost(p.view.Catalogue, &d.Workload, h, isolation)
	})
	if limit, trusted, _ := c.AttestationLimit(nil); limit > 0 && trusted {
		f.oldest, f.validity = f.now-int64(limit), true
	}
	cols, _ := fleet.Columns(d.Workload.Resources)
	for dim, amount := range cols {
		if amount > 0 {
			f.needs = append(f.needs, need{dim, amount})
		}
	}
	f.ownBit, _ = p.view.DomainBit(d.Workload.TrustDomainID)
	f.ownSlots, f.changed = p.ownSlots(&d.Workload), p.supersededSlots()
	for _, r := range c.Everywhere() {
		if !p.ignored[r.ID] {
			f.add(p, d, r)
		}
	}
	f.holdTogether(p, d)
	return f
}

// add turns a rule that concerns the candidate everywhere into what rejects by aggregates; what it cannot express is
// left to the judge.
func (f *filter) add(p *problem, d *demand, r *policy.Rule) {
	if r.Scope != placement.ScopeHost {
		return
	}
	bit, exact := p.view.DomainBit(d.Workload.TrustDomainID)
	domain := p.view.Catalogue.TrustDomains[d.Workload.TrustDomainID]
	switch r.Kind {
	case policy.SeparateDomains:
		if exact {
			f.separateDomains(p, bit, domain.Exclusive, r.Waiver)
		}
	case policy.SeparateExposure:
		if exact && d.Workload.Exposed {
			f.domains |= p.domains(func(t *placement.TrustDomain) bool { return t.Sensitivity >= r.Params.SensitivityFrom }) &^ bit
		}
		if exact && domain.Sensitivity >= r.Params.SensitivityFrom {
			f.exposed |= ^bit
		}
	case policy.ProdTest:
		if exact {
			test := domain.Category == placement.CategoryTest
			f.domains |= p.domains(func(t *placement.TrustDomain) bool { return (t.Category == placement.CategoryTest) != test })
		}
	case policy.SeparateAdminDomain:
		if exact && r.Waiver == nil {
			f.domains |= p.domains(func(t *placement.TrustDomain) bool { return t.AdminDomain != domain.AdminDomain })
		}
	case policy.SeparateNF:
		if r.Params.Identity == policy.IdentityNFInstance {
			f.separateNF = max(f.separateNF, separationNeeded(r.Waiver))
		}
	case policy.MaxBlastRadius:
		if r.Params.Check == policy.CheckNFInstances && (f.maxNFs == 0 || r.Params.Max < f.maxNFs) {
			f.maxNFs = r.Params.Max
		}
	default:
	}
}

// separateDomains rejects what no separation waives, and demands of the rest what the waiver does.
func (f *filter) separateDomains(p *problem, own uint64, exclusive bool, wv *policy.Waiver) {
	if wv != nil && wv.NeverForExclusive {
		if exclusive {
			wv = nil
		} else {
			f.domains |= p.domains(func(t *placement.TrustDomain) bool { return t.Exclusive }) &^ own
		}
	}
	f.separateDomain = max(f.separateDomain, separationNeeded(wv))
}

// separationNeeded is what a pair on one host must be separated by at least; without a waiver nothing does.
func separationNeeded(wv *policy.Waiver) placement.Isolation {
	if wv == nil {
		return placement.IsolationPhysical
	}
	return wv.MinSeparation
}

// domains is the set of trust domains of a sort that have a bit for themselves.
func (p *problem) domains(sort func(*placement.TrustDomain) bool) uint64 {
	var set uint64
	for id, d := range p.view.Catalogue.TrustDomains {
		if bit, exact := p.view.DomainBit(id); exact && sort(&d) {
			set |= bit
		}
	}
	return set
}

// ownSlots finds the hosts that have residents of the workload's NF instance.
func (p *problem) ownSlots(w *placement.Workload) map[int]bool {
	var slots map[int]bool
	for _, r := range p.view.ResidenciesOf(w.NF.VNFInstanceID) {
		if r.Workload.NF.Instance() == w.NF.Instance() {
			slots = p.with(slots, r)
		}
	}
	return slots
}

// supersededSlots finds the hosts of residents that the request sees as gone.
func (p *problem) supersededSlots() map[int]bool {
	var slots map[int]bool
	for id := range p.superseded {
		if r := p.view.Residency(id); r != nil {
			slots = p.with(slots, r)
		}
	}
	return slots
}

func (p *problem) with(slots map[int]bool, r *placement.Residency) map[int]bool {
	slot, ok := p.view.Slot(r.HostID)
	if !ok {
		return slots
	}
	if slots == nil {
		slots = map[int]bool{}
	}
	slots[slot] = true
	return slots
}

// passes tests slot i of block bi, whose static bit is set. It never rejects a host that the judge accepts.
func (f *filter) passes(b *fleet.Block, bi, i int) bool {
	if b.AttestedAt[i] < f.oldest || f.validity && b.ValidUntil[i] <= f.now {
		return false
	}
	if f.changed != nil && f.changed[bi*fleet.BlockSize+i] {
		return true
	}
	for _, n := range f.needs {
		if b.Free[n.dimension][i] < n.amount {
			return false
		}
	}
	if f.reserved != nil && b.Special&(1<<i) != 0 && f.reserved(placement.HostFacts{Host: b.Hosts[i], Residents: b.Residents[i]}) {
		return false
	}
	return b.Special&(1<<i) != 0 || f.mayJoin(&b.Around[i], isolationOf(f.static.Costs[bi][i]), f.ownSlots != nil && f.ownSlots[bi*fleet.BlockSize+i])
}

// mayJoin tests the residents of a host without CIS nodes: there a pair is separated by the weaker of the two. The
// candidate would have the given isolation; own tells that its NF instance is there already.
func (f *filter) mayJoin(a *fleet.Aggregate, isolation placement.Isolation, own bool) bool {
	if a.Workloads == 0 {
		return true
	}
	if a.Domains&f.domains != 0 || a.Exposed&f.exposed != 0 {
		return false
	}
	if foreign := a.Domains &^ f.ownBit; foreign != 0 {
		if isolation < f.separateDomain || a.Domains == foreign && a.Weakest < f.separateDomain {
			return false
		}
	}
	if own {
		return a.NFs < 2 || isolation >= f.separateNF && (f.maxNFs == 0 || int(a.NFs) <= f.maxNFs)
	}
	return isolation >= f.separateNF && a.Weakest >= f.separateNF && (f.maxNFs == 0 || int(a.NFs) < f.maxNFs)
}
