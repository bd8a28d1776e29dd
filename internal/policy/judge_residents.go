package policy

import (
	"slices"
	"strconv"

	"ringfence/internal/placement"
)

// The kinds that look at who else is on the host. FABRIC residents are no partner in any of them.

// others calls fn for every other workload on the host until it returns false.
func (s *site) others(fn func(r *placement.Residency) bool) {
	for _, r := range s.Residents {
		if r.Kind != placement.ResidencyFabric && !fn(r) {
			return
		}
	}
}

func (c *Candidate) oneDomainPerKernel(s *site) map[string]string {
	levels := c.levels()
	kernel, shared := Kernel(s.Host, s.runtime.Isolation, s.node)
	if !shared {
		return nil
	}
	var foreign string
	s.others(func(r *placement.Residency) bool {
		if levels.sharesKernel(s.Host, kernel, r) && r.Workload.TrustDomainID != c.domain.ID {
			foreign = r.Workload.TrustDomainID
		}
		return foreign == ""
	})
	if foreign == "" {
		return nil
	}
	return failed("domain", c.domain.ID, "foreign", foreign)
}

// sameSensitivity holds when those on the candidate's kernel, it included, differ in sensitivity by no more than the delta.
func (c *Candidate) sameSensitivity(r *Rule, s *site) map[string]string {
	cat, levels := c.world.Catalogue, c.levels()
	kernel, shared := Kernel(s.Host, s.runtime.Isolation, s.node)
	if !shared {
		return nil
	}
	least, most := c.domain.Sensitivity, c.domain.Sensitivity
	s.others(func(o *placement.Residency) bool {
		if levels.sharesKernel(s.Host, kernel, o) {
			n := cat.TrustDomains[o.Workload.TrustDomainID].Sensitivity
			least, most = min(least, n), max(most, n)
		}
		return true
	})
	if most-least <= r.Params.Delta {
		return nil
	}
	return failed("least", strconv.Itoa(least), "most", strconv.Itoa(most), "delta", strconv.Itoa(r.Params.Delta))
}

func (c *Candidate) requireIsolation(r *Rule, s *site) map[string]string {
	if s.eff >= r.Params.Level {
		return nil
	}
	if id := r.Params.OrDedicatedHost; id != "" && c.alone(s, id) {
		c.dedicate(r, s, id)
		return nil
	}
	return s.weak(failed("isolation", s.eff.String(), "needed", r.Params.Level.String(), "runtime", s.runtime.Name))
}

// alone tells whether every other workload on the host has the candidate's identity.
func (c *Candidate) alone(s *site, id placement.DedicationIdentity) bool {
	own, ok := c.identity(id, &c.Workload), true
	s.others(func(r *placement.Residency) bool {
		ok = c.identity(id, &r.Workload) == own
		return ok
	})
	return ok
}

// dedicate notes that granting here dedicates the host, if the rule is in force. The narrowest dedication wins: among those of
// the rules, the one that the host has, and the one that other members of the request cause.
func (c *Candidate) dedicate(r *Rule, s *site, id placement.DedicationIdentity) {
	if !r.Enforced() {
		return
	}
	to := &placement.Dedication{Identity: id, ID: c.identity(id, &c.Workload)}
	s.dedicate = to.Narrower(s.dedicate).Narrower(s.Host.DedicatedTo).Narrower(s.Dedicated)
}

func (c *Candidate) dedicateHost(r *Rule, s *site) map[string]string {
	id := dedicationOf(r.Params.Identity)
	if c.alone(s, id) {
		c.dedicate(r, s, id)
		return nil
	}
	return failed("identity", string(id))
}

func dedicationOf(id Identity) placement.DedicationIdentity {
	switch id {
	case IdentityTrustDomain:
		return placement.DedicatedToTrustDomain
	case IdentityTenant:
		return placement.DedicatedToTenant
	default:
		return placement.DedicatedToNFInstance
	}
}

func (c *Candidate) blastRadius(r *Rule, s *site) map[string]string {
	if r.Params.Check == CheckReplicaShare {
		return c.replicaShare(r, s)
	}
	own := c.Workload.NF.Instance()
	key := func(w *placement.Workload) string { return w.NF.Instance() }
	if r.Params.Check == CheckDomains {
		own = c.domain.ID
		key = func(w *placement.Workload) string { return w.TrustDomainID }
	}
	distinct := map[string]bool{own: true}
	s.others(func(o *placement.Residency) bool {
		distinct[key(&o.Workload)] = true
		return true
	})
	if len(distinct) <= r.Params.Max {
		return nil
	}
	return failed("count", strconv.Itoa(len(distinct)), "max", strconv.Itoa(r.Params.Max))
}

// replicaShare: replicas of one (NF instance, component) in the scope may be at most the share, rounded up, of
// those that exist and those that the request asks for.
func (c *Candidate) replicaShare(r *Rule, s *site) map[string]string {
	total := int64(c.Replicas.Existing + max(c.Replicas.Requested, 1))
	most := (total*r.Params.ShareNum + r.Params.ShareDen - 1) / r.Params.ShareDen
	here := int64(1)
	if c.Replicas.In != nil {
		here += int64(c.Replicas.In(r.Scope, s.Host))
	}
	if here <= most {
		return nil
	}
	return failed("replicas", strconv.FormatInt(here, 10), "max", strconv.FormatInt(most, 10), "scope", string(r.Scope))
}

// judgePairs judges a pairwise rule against every other workload on the host: one reason for each that it
// separates from the candidate, ordered by resident.
func (c *Candidate) judgePairs(r *appliedRule, s *site) []placement.Reason {
	var out []placement.Reason
	if r.Kind == SeparateRole && r.subject && r.only == nil && c.Workload.Roles&r.Params.A != 0 && c.Workload.Roles&r.Params.B != 0 && !r.excepted(c, s.Host, nil) {
		out = append(out, r.reason(s, failed("why", "the container holds both sides itself")))
	}
	if r.Kind == ProdTest && r.subject && r.only == nil && !r.excepted(c, s.Host, nil) {
		if other := c.sharesPool(s); other != "" {
			out = append(out, r.reason(s, failed("pool", s.Host.HostPoolID, "foreign", other)))
		}
	}
	s.others(func(o *placement.Residency) bool {
		if c.separates(r, s, o) && !r.excepted(c, s.Host, o) {
			reason := r.reason(s, failed("against", o.ID, "domain", o.Workload.TrustDomainID, "nf", o.Workload.NF.Instance()))
			reason.AgainstID = o.ID
			out = append(out, reason)
		}
		return true
	})
	placement.SortAgainst(out)
	return out
}

// sharesPool finds a trust domain that the host's pool permits and that is a test where the candidate is none, or the reverse.
func (c *Candidate) sharesPool(s *site) string {
	for _, id := range c.world.Catalogue.HostPools[s.Host.HostPoolID].AllowedTrustDomainIDs {
		if other := c.world.Catalogue.TrustDomains[id]; isTest(&other) != isTest(&c.domain) {
			return id
		}
	}
	return ""
}

func isTest(d *placement.TrustDomain) bool { return d.Category == placement.CategoryTest }

// separates tells whether the rule forbids the pair.
func (c *Candidate) separates(r *appliedRule, s *site, o *placement.Residency) bool {
	cat, w := c.world.Catalogue, &o.Workload
	if r.only != nil && !slices.Contains(r.only, w.NF.VNFInstanceID) {
		return false
	}
	if !c.concerns(r, w) || r.Scope == placement.ScopeKernel && !c.sameKernel(s, o) {
		return false
	}
	matches := func(sel *Selector) bool { return sel.matches(cat, w, w.Roles) }
	if !(r.subject && matches(&r.Object) || r.object && matches(&r.Subject)) {
		return false
	}
	for i := range r.ExceptPairs {
		e := &r.ExceptPairs[i]
		if e.matches(cat, &c.Workload, c.Workload.Roles) && matches(e) {
			return false
		}
	}
	return !c.waived(r.Waiver, s, o)
}

// concerns tells whether the pair is of the sort that the kind keeps apart.
func (c *Candidate) concerns(r *appliedRule, w *placement.Workload) bool {
	cat, own := c.world.Catalogue, &c.Workload
	other := cat.TrustDomains[w.TrustDomainID]
	switch r.Kind {
	case SeparateDomains:
		return w.TrustDomainID != own.TrustDomainID
	case SeparateNF:
		return differentNF(r.Params.Identity, own, w)
	case Oversight:
		return c.domain.Category == placement.CategoryOversight && other.Category == placement.CategoryOversight &&
			differentNF(r.Params.Identity, own, w)
	case SeparateRole:
		if !r.Params.WithinAny && own.NF.Instance() != w.NF.Instance() {
			return false
		}
		a, b := r.Params.A, r.Params.B
		return w.Roles&a != 0 && own.Roles&b != 0 || w.Roles&b != 0 && own.Roles&a != 0
	case ProdTest:
		return isTest(&c.domain) != isTest(&other)
	case SeparateAdminDomain:
		return c.domain.AdminDomain != other.AdminDomain
	case SeparateSlice:
		return differentSlices(own.SNSSAIs, w.SNSSAIs)
	case SeparateExposure:
		n := r.Params.SensitivityFrom
		return w.TrustDomainID != own.TrustDomainID &&
			(own.Exposed && other.Sensitivity >= n || w.Exposed && c.domain.Sensitivity >= n)
	default:
		return false
	}
}

// differentNF compares two workloads by the identity; where both lack it, by their NF instances.
func differentNF(id Identity, a, b *placement.Workload) bool {
	switch {
	case id == IdentityNFType && (a.NF.Type != "" || b.NF.Type != ""):
		return a.NF.Type != b.NF.Type
	case id == IdentityNFSet && (a.NF.SetID != "" || b.NF.SetID != ""):
		return a.NF.SetID != b.NF.SetID
	}
	return a.NF.Instance() != b.NF.Instance()
}

// differentSlices tells whether two workloads serve no slice together. What serves none at all is not kept apart from its like.
func differentSlices(a, b []string) bool {
	return len(a)+len(b) > 0 && !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func (c *Candidate) sameKernel(s *site, o *placement.Residency) bool {
	kernel, shared := Kernel(s.Host, s.runtime.Isolation, s.node)
	return shared && c.levels().sharesKernel(s.Host, kernel, o)
}

// waived tells whether what separates the pair satisfies the waiver. A VM boundary counts as one only on a
// TYPE1 hypervisor, so a waiver that requires TYPE1 asks no more than its minimum separation already does.
func (c *Candidate) waived(wv *Waiver, s *site, o *placement.Residency) bool {
	if wv == nil {
		return false
	}
	cat := c.world.Catalogue
	if wv.NeverForExclusive && o.Workload.TrustDomainID != c.domain.ID &&
		(c.domain.Exclusive || cat.TrustDomains[o.Workload.TrustDomainID].Exclusive) {
		return false
	}
	w := c.Workload
	w.Runtime = s.runtime.Name
	return c.levels().Separation(s.Host, &w, s.node, &o.Workload, o.CISNodeID) >= wv.MinSeparation
}
