package literal

import "ringfence/internal/placement"

// picks tells whether a selector picks a workload: every key given must match, a list by one of its values.
func (w *World) picks(s *Selector, wl *placement.Workload, roles []string) bool {
	if s == nil {
		return true
	}
	if s.TrustDomains != nil {
		found := false
		for id := wl.TrustDomainID; id != ""; id = w.domain(id).ParentID { // the rules of a parent apply to its children
			found = found || has(s.TrustDomains, id) || has(s.TrustDomains, "*")
		}
		if !found {
			return false
		}
	}
	if s.Categories != nil && !has(s.Categories, string(w.domain(wl.TrustDomainID).Category)) {
		return false
	}
	if s.NFTypes != nil && !has(s.NFTypes, wl.NF.Type) {
		return false
	}
	if s.Roles != nil && !meet(s.Roles, roles) {
		return false
	}
	if s.Components != nil && !has(s.Components, wl.ComponentID) {
		return false
	}
	if s.Labels != nil && !carries(wl.Labels, s.Labels) {
		return false
	}
	if s.SensitivityFrom != nil && w.domain(wl.TrustDomainID).Sensitivity < *s.SensitivityFrom {
		return false
	}
	if s.AnyOf != nil {
		for i := range s.AnyOf {
			if w.picks(&s.AnyOf[i], wl, roles) {
				return true
			}
		}
		return false
	}
	return true
}

// picksHost tells whether a host selector picks a host.
func (w *World) picksHost(s *HostSelector, h *placement.Host) bool {
	if s == nil {
		return true
	}
	if s.Pools != nil && !has(s.Pools, h.HostPoolID) {
		return false
	}
	if s.Zones != nil && !has(s.Zones, h.ResourceZoneID) {
		return false
	}
	if s.Countries != nil && !has(s.Countries, w.country(h)) {
		return false
	}
	if s.Capabilities != nil {
		if len(s.Capabilities) == 0 {
			return false
		}
		for _, c := range s.Capabilities {
			if !capable(h.Capabilities, c) {
				return false
			}
		}
	}
	for k, v := range s.NotLabels { // none of them, and who says nothing has none
		if h.Labels[k] == v {
			return false
		}
	}
	return s.Labels == nil || carries(h.Labels, s.Labels)
}

func meet(a, b []string) bool {
	for _, x := range a {
		if has(b, x) {
			return true
		}
	}
	return false
}

func carries(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return len(want) > 0
}

// capable tells whether a set has a capability; a TEE of a kind is a TEE.
func capable(set placement.Capabilities, name string) bool {
	names := set.Names()
	if name == "TEE" {
		return meet([]string{"TEE", "TEE_SEV_SNP", "TEE_TDX", "TEE_CCA", "TEE_SGX"}, names)
	}
	return has(names, name)
}

// applies tells whether a policy applies to a VNF instance.
func (p *Policy) applies(vnfInstanceID string) bool {
	return len(p.Associations) == 0 || has(p.Associations, vnfInstanceID)
}

// excepted tells whether an exception takes a rule's reasons away: for a pair, when either side is named.
func (w *World) excepted(p *Policy, r *Rule, h *placement.Host, vnfInstanceIDs ...string) bool {
	for i := range p.Document.Exceptions {
		e := &p.Document.Exceptions[i]
		if e.RuleID != r.ID || !w.Now.Before(e.ExpiresAt) || e.Hosts != nil && !has(e.Hosts, h.ID) {
			continue
		}
		if e.VNFInstances == nil || meet(e.VNFInstances, vnfInstanceIDs) {
			return true
		}
	}
	return false
}
