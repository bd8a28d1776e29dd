package policy

import (
	"slices"

	"ringfence/internal/placement"
)

// claimKernel is the group of claims that keep a shared kernel to one trust domain.
const claimKernel = "kernel-domain"

// claims lists what the placement relies on and neither waiver nor exception lifts, so that the database can hold it as a
// constraint beside the verification: on a host an exclusive trust domain stands
// alone (when a separate-domains rule that never waives for exclusive domains covers everything), and on a
// shared kernel one trust domain (when a one-domain-per-kernel rule does).
func (c *Candidate) claims(s *site) []placement.Claim {
	var out []placement.Claim
	var exclusive, kernel bool
	for i := range c.rules {
		r := &c.rules[i]
		if r.only != nil || !r.Unconditional() {
			continue
		}
		exclusive = exclusive || r.Kind == SeparateDomains && r.Scope == placement.ScopeHost && (r.Waiver == nil || r.Waiver.NeverForExclusive)
		kernel = kernel || r.Kind == OneDomainPerKernel
	}
	if exclusive {
		out = append(out, placement.Claim{Scope: s.Host.ID, Group: placement.ClaimExclusiveDomain, Member: c.domain.ExclusiveMember()})
	}
	if id, shared := Kernel(s.Host, s.runtime.Isolation, s.node); kernel && shared {
		out = append(out, placement.Claim{Scope: s.Host.ID + "/" + id, Group: claimKernel, Member: c.domain.ID})
	}
	return out
}

// Unconditional tells whether a rule holds for every workload and host, without exceptions.
func (r *Rule) Unconditional() bool {
	return r.Enforced() && r.Subject.all() && r.Object.all() && r.Host.all() && len(r.ExceptPairs) == 0 && len(r.Exceptions) == 0
}

func (s *Selector) all() bool {
	domains := s.TrustDomains == nil || slices.Contains(s.TrustDomains, "*")
	return domains && s.Categories == nil && s.NFTypes == nil && !s.HasRoles && s.Components == nil && s.Labels == nil &&
		!s.HasSensitivity && s.AnyOf == nil
}

func (s *HostSelector) all() bool {
	return s.Pools == nil && s.Zones == nil && s.Countries == nil && !s.HasCapabilities && s.Labels == nil && s.NotLabels == nil
}
