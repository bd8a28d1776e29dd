package fleet

import "ringfence/internal/placement"

// WithoutLI returns the view as it would be without lawful interception: without its trust domains, the host pools that
// admit them, the hosts of these, its VNF profiles and its residencies. For looks at the whole fleet by those who are not
// cleared; decisions are narrowed by the solver.
func (v *View) WithoutLI() (*View, error) {
	cat := v.Catalogue
	var gone []placement.Change
	remove := func(kind placement.ChangeKind, popID, id string) {
		gone = append(gone, placement.Change{Kind: kind, NFVIPoPID: popID, ID: id})
	}
	pools := cat.LIHostPools()
	for _, b := range v.Blocks {
		for i, h := range b.Hosts {
			if h == nil {
				continue
			}
			for _, r := range b.Residents[i] {
				if pools[h.HostPoolID] || cat.LITrustDomain(r.Workload.TrustDomainID) {
					remove(placement.ChangeResidency, r.NFVIPoPID, r.ID)
				}
			}
			if pools[h.HostPoolID] {
				remove(placement.ChangeHost, h.NFVIPoPID, h.ID)
			}
		}
	}
	for id, p := range cat.VNFProfiles {
		if cat.LIProfile(&p) {
			remove(placement.ChangeVNFProfile, "", id)
		}
	}
	for id := range pools {
		remove(placement.ChangeHostPool, "", id)
	}
	for pair := range cat.Relations {
		if cat.LITrustDomain(pair[0]) || cat.LITrustDomain(pair[1]) {
			remove(placement.ChangeTrustRelation, "", RelationID(pair[0], pair[1]))
		}
	}
	for id := range cat.TrustDomains {
		if cat.LITrustDomain(id) {
			remove(placement.ChangeTrustDomain, "", id)
		}
	}
	if len(gone) == 0 {
		return v, nil
	}
	return v.After(gone...)
}

// For returns the view that a reader may look at: the whole one unless it reads for somebody who is not cleared.
func (v *View) For(reader placement.Viewer, known bool) (*View, error) {
	if !known || reader.LI {
		return v, nil
	}
	return v.WithoutLI()
}
