package policy

import (
	"slices"

	"ringfence/internal/placement"
)

// matches tells whether the selector picks the workload. The roles are given apart, because cache-mode rules
// see some workloads with more roles than they have.
func (s *Selector) matches(cat *placement.Catalogue, w *placement.Workload, roles placement.Roles) bool {
	switch {
	case s.TrustDomains != nil && !matchesDomain(cat, s.TrustDomains, w.TrustDomainID),
		s.Categories != nil && !slices.Contains(s.Categories, cat.TrustDomains[w.TrustDomainID].Category),
		s.NFTypes != nil && !slices.Contains(s.NFTypes, w.NF.Type),
		s.HasRoles && s.Roles&roles == 0,
		s.Components != nil && !slices.Contains(s.Components, w.ComponentID),
		s.Labels != nil && !matchesLabels(s.Labels, w.Labels),
		s.HasSensitivity && cat.TrustDomains[w.TrustDomainID].Sensitivity < s.SensitivityFrom:
		return false
	case s.AnyOf == nil:
		return true
	}
	for i := range s.AnyOf {
		if s.AnyOf[i].matches(cat, w, roles) {
			return true
		}
	}
	return false
}

// matchesDomain looks for the trust domain or one of its ancestors: the rules of a parent apply to its children.
func matchesDomain(cat *placement.Catalogue, want []string, id string) bool {
	for range len(cat.TrustDomains) + 1 {
		if slices.Contains(want, id) || slices.Contains(want, "*") {
			return true
		}
		if id = cat.TrustDomains[id].ParentID; id == "" {
			return false
		}
	}
	return false
}

// matchesLabels wants every label of want. An empty map picks nothing, as every empty list of a selector does.
func matchesLabels(want, have map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return len(want) > 0
}

func (s *HostSelector) matches(cat *placement.Catalogue, h *placement.Host) bool {
	switch {
	case s.Pools != nil && !slices.Contains(s.Pools, h.HostPoolID),
		s.Zones != nil && !slices.Contains(s.Zones, h.ResourceZoneID),
		s.Countries != nil && !slices.Contains(s.Countries, cat.Country(h)),
		s.HasCapabilities && (s.Capabilities == 0 || !h.Capabilities.Has(s.Capabilities)),
		s.Labels != nil && !matchesLabels(s.Labels, h.Labels),
		s.NotLabels != nil && matchesAnyLabel(s.NotLabels, h.Labels):
		return false
	}
	return true
}

func matchesAnyLabel(list, have map[string]string) bool {
	for k, v := range list {
		if have[k] == v {
			return true
		}
	}
	return false
}
