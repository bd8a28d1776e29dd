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
	needs    [8]int64
	ownBit   uint64
	pairs    []pairFilter
	maxNFs   int // distinct NF instances, the candidate's included; 0: no limit
}

// pairFilter rejects a host from the aggregate of its residents; there is one for each kind of pairwise rule.
type pairFilter func(a *fleet.Aggregate) (reject bool)

func (p *problem) newFilter(d *demand) *filter {
	c := d.candidate
	f := &filter{oldest: math.MinInt64, now: p.in.Now.UnixNano()}
	f.static = p.view.Static(c.Signature(), func(h *placement.Host) (bool, uint16) {
		ok, isolation := c.Static(h)
		return ok, staticCost(p.view.Catalogue, &d.Workload, h, isolation)
	})
	if limit, any := c.MaxAttestationAges(); any {
		f.validity = true
		if limit > 0 {
			f.oldest = f.now - limit
		}
	}
	f.needs, _ = fleet.Columns(d.Workload.Resources)
	f.ownBit, _ = p.view.DomainBit(d.Workload.TrustDomainID)
	for _, r := range c.Rules() {
		f.add(p, d, r)
	}
	return f
}

// add turns a rule that applies to everything into a test of aggregates; other rules are left to the judge.
func (f *filter) add(p *problem, d *demand, r *policy.Rule) {
	if !r.Unconditional() || r.Scope != placement.ScopeHost || p.ignored[r.ID] {
		return
	}
	bit, exact := p.view.DomainBit(d.Workload.TrustDomainID)
	domain := p.view.Catalogue.TrustDomains[d.Workload.TrustDomainID]
	switch r.Kind {
	case policy.SeparateDomains:
		if exact {
			f.pairs = append(f.pairs, rejectForeignDomains(bit, domain.Exclusive, r.Waiver))
		}
	case policy.SeparateExposure:
		if exact && d.Workload.Exposed {
			f.pairs = append(f.pairs, rejectSensitive(p.sensitive(r.Params.SensitivityFrom)&^bit))
		}
		if exact && domain.Sensitivity >= r.Params.SensitivityFrom {
			f.pairs = append(f.pairs, rejectExposed(bit))
		}
	case policy.SeparateNF:
		if r.Params.Identity == policy.IdentityNFInstance {
			f.pairs = append(f.pairs, rejectOtherNFs(r.Waiver))
		}
	case policy.MaxBlastRadius:
		if r.Params.Check == policy.CheckNFInstances {
			f.maxNFs = r.Params.Max
		}
	default:
	}
}

// rejectForeignDomains: another domain is there, and either nothing may waive the separation, or something
// there is too weak for any waiver.
func rejectForeignDomains(own uint64, exclusive bool, wv *policy.Waiver) pairFilter {
	return func(a *fleet.Aggregate) bool {
		foreign := a.Domains &^ own
		if foreign == 0 {
			return false
		}
		if wv == nil || wv.NeverForExclusive && exclusive {
			return true
		}
		return a.Domains == foreign && a.Weakest < wv.MinSeparation
	}
}

// rejectOtherNFs: two NF instances at least are there, so one is another's, and everything there is too weak.
func rejectOtherNFs(wv *policy.Waiver) pairFilter {
	return func(a *fleet.Aggregate) bool { return a.NFs >= 2 && wv == nil }
}

// rejectSensitive: the candidate is exposed and a sensitive domain is there.
func rejectSensitive(sensitive uint64) pairFilter {
	return func(a *fleet.Aggregate) bool { return a.Domains&sensitive != 0 }
}

// rejectExposed: the candidate is sensitive and something exposed of another domain is there.
func rejectExposed(own uint64) pairFilter {
	return func(a *fleet.Aggregate) bool { return a.Exposed&^own != 0 }
}

// sensitive is the set of domains from a sensitivity on that have a bit for themselves.
func (p *problem) sensitive(from int) uint64 {
	var set uint64
	for id, d := range p.view.Catalogue.TrustDomains {
		if bit, exact := p.view.DomainBit(id); exact && d.Sensitivity >= from {
			set |= bit
		}
	}
	return set
}

// passes tests slot i of a block whose static bit is set.
func (f *filter) passes(b *fleet.Block, i int) bool {
	if b.AttestedAt[i] < f.oldest || f.validity && b.ValidUntil[i] <= f.now {
		return false
	}
	for d, need := range f.needs {
		if need > 0 && b.Free[d][i] < need {
			return false
		}
	}
	if b.Special&(1<<i) != 0 {
		return true
	}
	a := &b.Around[i]
	if f.maxNFs > 0 && int(a.NFs) > f.maxNFs {
		return false
	}
	for _, reject := range f.pairs {
		if reject(a) {
			return false
		}
	}
	return true
}
