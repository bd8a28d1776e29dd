package synthetic

import (
	"ringfence/internal/placement"
)

// sites lists the NFVI-PoPs and zones that the hosts stand in, in the order of the hosts.
func (f *Fleet) sites() ([]placement.NFVIPoP, []placement.ResourceZone) {
	var pops []placement.NFVIPoP
	var zones []placement.ResourceZone
	seen := map[string]bool{}
	for rack := range (f.Hosts + rackSize - 1) / rackSize {
		c := classOf(rack)
		pop, zone := f.site(rack, c)
		country := "GB"
		if c.abroad {
			country = "IE"
		}
		if !seen["pop "+pop] {
			seen["pop "+pop] = true
			pops = append(pops, placement.NFVIPoP{ID: pop, Country: country})
		}
		if !seen["zone "+zone] {
			seen["zone "+zone] = true
			zones = append(zones, placement.ResourceZone{ID: zone, NFVIPoPID: pop})
		}
	}
	return pops, zones
}

// Changes calls fn with everything of the fleet and its policies, as the change feed would bring it.
func (f *Fleet) Changes(policies []placement.ActivePolicy, fn func(placement.Change) error) error {
	changes := f.catalogue()
	changes = append(changes, placement.Change{Kind: placement.ChangePolicies, ID: "active", Policies: policies})
	for i := range changes {
		if err := fn(changes[i]); err != nil {
			return err
		}
	}
	for n := range f.Hosts {
		h := f.Host(n)
		if err := fn(placement.Change{Kind: placement.ChangeHost, ID: h.ID, NFVIPoPID: h.NFVIPoPID, Host: h}); err != nil {
			return err
		}
		for _, r := range f.ResidentsOf(n) {
			if err := fn(placement.Change{Kind: placement.ChangeResidency, ID: r.ID, NFVIPoPID: r.NFVIPoPID, Residency: r}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Fleet) catalogue() []placement.Change {
	var out []placement.Change
	for _, d := range trustDomains() {
		out = append(out, placement.Change{Kind: placement.ChangeTrustDomain, ID: d.ID, TrustDomain: &d})
	}
	pops, zones := f.sites()
	for _, p := range pops {
		out = append(out, placement.Change{Kind: placement.ChangeNFVIPoP, ID: p.ID, NFVIPoP: &p})
	}
	for _, z := range zones {
		out = append(out, placement.Change{Kind: placement.ChangeResourceZone, ID: z.ID, ResourceZone: &z})
	}
	for _, p := range hostPools() {
		out = append(out, placement.Change{Kind: placement.ChangeHostPool, ID: p.ID, HostPool: &p})
	}
	for _, c := range runtimeClasses() {
		out = append(out, placement.Change{Kind: placement.ChangeRuntimeClass, ID: c.Name, RuntimeClass: &c})
	}
	for _, p := range vnfProfiles() {
		out = append(out, placement.Change{Kind: placement.ChangeVNFProfile, ID: p.VNFDID, VNFProfile: &p})
	}
	return out
}
