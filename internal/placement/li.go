package placement

import (
	"maps"
	"slices"
)

// What belongs to lawful interception, and what of the inventory shows it. Whoever is not cleared for it gets the same
// answers whether it is there or not, so hosts that admit it are no hosts for others, and its VNFDs are unknown.

// LITrustDomain tells whether a trust domain is one of lawful interception.
func (c *Catalogue) LITrustDomain(id string) bool {
	t, ok := c.TrustDomains[id]
	return ok && t.Category == CategoryLI
}

func (c *Catalogue) hasLI() bool {
	for _, t := range c.TrustDomains {
		if t.Category == CategoryLI {
			return true
		}
	}
	return false
}

// LIHostPools are the pools that admit such a trust domain; nil: none does.
func (c *Catalogue) LIHostPools() map[string]bool {
	var out map[string]bool
	if !c.hasLI() {
		return nil
	}
	for id := range c.HostPools {
		if !slices.ContainsFunc(c.HostPools[id].AllowedTrustDomainIDs, c.LITrustDomain) {
			continue
		}
		if out == nil {
			out = map[string]bool{}
		}
		out[id] = true
	}
	return out
}

// LIProfile tells whether a VNF has a part in such a trust domain.
func (c *Catalogue) LIProfile(p *VNFProfile) bool {
	if c.LITrustDomain(p.TrustDomainID) {
		return true
	}
	for i := range p.Components {
		if c.LITrustDomain(p.Components[i].TrustDomainID) {
			return true
		}
	}
	return false
}

// WithoutLI returns the catalogue without such VNF profiles; itself where there are none.
func (c *Catalogue) WithoutLI() *Catalogue {
	if !c.hasLI() {
		return c
	}
	var hidden []string
	for id, p := range c.VNFProfiles {
		if c.LIProfile(&p) {
			hidden = append(hidden, id)
		}
	}
	if len(hidden) == 0 {
		return c
	}
	out := *c
	out.VNFProfiles = maps.Clone(c.VNFProfiles)
	for _, id := range hidden {
		delete(out.VNFProfiles, id)
	}
	return &out
}

// LIImage tells whether such profiles, and no others, use an image.
func (c *Catalogue) LIImage(digest string) bool {
	used := false
	for _, p := range c.VNFProfiles {
		for i := range p.Components {
			if slices.Contains(p.Components[i].Images, digest) {
				if !c.LIProfile(&p) {
					return false
				}
				used = true
			}
		}
	}
	return used
}
