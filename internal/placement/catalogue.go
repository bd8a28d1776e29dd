package placement

// Catalogue is everything that a decision reads beside hosts and residencies: small, changed rarely and only
// together with the policy epoch. A Catalogue in use is never changed.
type Catalogue struct {
	TrustDomains   map[string]TrustDomain
	Relations      map[[2]string]Handling // {from, to}
	NFVIPoPs       map[string]NFVIPoP
	ResourceZones  map[string]ResourceZone
	HostPools      map[string]HostPool
	RuntimeClasses map[string]RuntimeClass
	Images         map[string]Image
	VNFProfiles    map[string]VNFProfile
	Standing       map[string]StandingConstraint

	layers layerIndex // nil: the images are not indexed
}

// NewCatalogue returns an empty catalogue.
func NewCatalogue() *Catalogue {
	return &Catalogue{
		TrustDomains: map[string]TrustDomain{}, Relations: map[[2]string]Handling{}, NFVIPoPs: map[string]NFVIPoP{},
		ResourceZones: map[string]ResourceZone{}, HostPools: map[string]HostPool{}, RuntimeClasses: map[string]RuntimeClass{},
		Images: map[string]Image{}, VNFProfiles: map[string]VNFProfile{}, Standing: map[string]StandingConstraint{},
	}
}

// Relation returns the handling from one trust domain to another and whether it was declared; an undeclared
// direction is BORDER.
func (c *Catalogue) Relation(from, to string) (Handling, bool) {
	if h, ok := c.Relations[[2]string{from, to}]; ok {
		return h, true
	}
	return HandlingBorder, false
}

// Country returns where a host stands: its own country or its NFVI-PoP's. Empty means unknown.
func (c *Catalogue) Country(h *Host) string {
	if h.Country != "" {
		return h.Country
	}
	return c.NFVIPoPs[h.NFVIPoPID].Country
}

// Isolation returns the level of a runtime class; an unknown class counts as NONE.
func (c *Catalogue) Isolation(runtime string) Isolation { return c.RuntimeClasses[runtime].Isolation }
