package literal

import "ringfence/internal/placement"

// pairwise returns, for a kind that is about pairs, whether two workloads are of the sort that it keeps apart.
func (t *trial) pairwise(r *Rule) func(a, b *placement.Workload) bool {
	switch r.Kind {
	case "separate-domains":
		return func(a, b *placement.Workload) bool { return a.TrustDomainID != b.TrustDomainID }
	case "separate-nf":
		return func(a, b *placement.Workload) bool { return differ(r.text("identity", "NF_INSTANCE"), a, b) }
	case "separate-role":
		return func(a, b *placement.Workload) bool {
			if r.text("within", "NF_INSTANCE") != "ANY" && a.NF.Instance() != b.NF.Instance() {
				return false
			}
			return meet(r.words("a"), a.Roles.Names()) && meet(r.words("b"), b.Roles.Names()) ||
				meet(r.words("b"), a.Roles.Names()) && meet(r.words("a"), b.Roles.Names())
		}
	case "separate-exposure":
		return func(a, b *placement.Workload) bool {
			n := r.number("sensitivityFrom")
			return a.TrustDomainID != b.TrustDomainID &&
				(a.Exposed && t.domain(b.TrustDomainID).Sensitivity >= n || b.Exposed && t.domain(a.TrustDomainID).Sensitivity >= n)
		}
	case "prod-test":
		return func(a, b *placement.Workload) bool { return t.test(a.TrustDomainID) != t.test(b.TrustDomainID) }
	case "separate-admin-domain":
		return func(a, b *placement.Workload) bool {
			return t.domain(a.TrustDomainID).AdminDomain != t.domain(b.TrustDomainID).AdminDomain
		}
	case "separate-slice":
		return func(a, b *placement.Workload) bool {
			return !meet(a.SNSSAIs, b.SNSSAIs) && (len(a.SNSSAIs) > 0 || len(b.SNSSAIs) > 0)
		}
	case "oversight":
		if r.text("check", "") != "SEPARATE" {
			return nil
		}
		return func(a, b *placement.Workload) bool {
			return t.domain(a.TrustDomainID).Category == placement.CategoryOversight && t.domain(b.TrustDomainID).Category == placement.CategoryOversight &&
				differ(r.text("identity", "NF_INSTANCE"), a, b)
		}
	}
	return nil
}

func (t *trial) test(domainID string) bool {
	return t.domain(domainID).Category == placement.CategoryTest
}

// differ compares the network functions of two workloads by an identity; what neither has tells nothing, then the instances do.
func differ(identity string, a, b *placement.Workload) bool {
	switch {
	case identity == "NF_TYPE" && a.NF.Type+b.NF.Type != "":
		return a.NF.Type != b.NF.Type
	case identity == "NF_SET" && a.NF.SetID+b.NF.SetID != "":
		return a.NF.SetID != b.NF.SetID
	}
	return a.NF.Instance() != b.NF.Instance()
}

// failsPairs lists the residents that the rule keeps apart from the candidate.
func (t *trial) failsPairs(p *Policy, r *Rule, apart func(a, b *placement.Workload) bool) (against []string) {
	c := &t.ask.Workload
	picks := func(s *Selector, wl *placement.Workload) bool { return t.picks(s, wl, wl.Roles.Names()) }
	object := r.Object
	if object == nil {
		object = r.Subject
	}
	itself := r.Kind == "separate-role" && meet(r.words("a"), c.Roles.Names()) && meet(r.words("b"), c.Roles.Names())
	if r.Kind == "prod-test" { // on the pool as on the host
		for _, id := range t.Catalogue.HostPools[t.host.HostPoolID].AllowedTrustDomainIDs {
			itself = itself || t.test(id) != t.test(c.TrustDomainID)
		}
	}
	if itself && t.concerns(p, r) && !t.excepted(p, r, t.host, c.NF.VNFInstanceID) {
		against = append(against, "")
	}
	for _, o := range t.others {
		wl := &o.Workload
		at := where(t.host, o.CISNodeID)
		switch {
		case !apart(c, wl),
			!p.applies(c.NF.VNFInstanceID) && !p.applies(wl.NF.VNFInstanceID),
			!(picks(r.Subject, c) && picks(object, wl)) && !(picks(object, c) && picks(r.Subject, wl)),
			r.Scope == "KERNEL" && !t.sameKernel(c, t.runtime, t.at, wl, wl.Runtime, at),
			t.waived(r.Waiver, wl, at),
			t.excepted(p, r, t.host, c.NF.VNFInstanceID, wl.NF.VNFInstanceID):
			continue
		}
		exempt := false
		for i := range r.ExceptPairs {
			exempt = exempt || picks(&r.ExceptPairs[i], c) && picks(&r.ExceptPairs[i], wl)
		}
		if !exempt {
			against = append(against, o.ID)
		}
	}
	return against
}

// waived tells whether what separates the pair satisfies the waiver.
func (t *trial) waived(wv *Waiver, o *placement.Workload, at place) bool {
	if wv == nil {
		return false
	}
	c := &t.ask.Workload
	if wv.NeverForExclusive && c.TrustDomainID != o.TrustDomainID && (t.domain(c.TrustDomainID).Exclusive || t.domain(o.TrustDomainID).Exclusive) {
		return false
	}
	return t.separation(c, t.runtime, t.at, o, o.Runtime, at) >= isolation(wv.MinSeparation)
}
