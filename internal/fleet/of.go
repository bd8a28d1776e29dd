package fleet

import (
	"ringfence/internal/placement"
)

// Of is the view of a fleet that an inventory document describes, with policies in force. The document must have been read without
// findings; what it refers to and does not hold is unknown.
func Of(inv *placement.Inventory, active []placement.ActivePolicy) (*View, error) {
	f := New()
	for _, changes := range [][]placement.Change{
		each(inv.TrustDomains, func(d *placement.TrustDomain) placement.Change {
			return placement.Change{Kind: placement.ChangeTrustDomain, ID: d.ID, TrustDomain: d}
		}),
		each(inv.TrustRelations, func(r *placement.TrustRelation) placement.Change {
			return placement.Change{Kind: placement.ChangeTrustRelation, ID: RelationID(r.FromID, r.ToID), TrustRelation: r}
		}),
		each(inv.NFVIPoPs, func(p *placement.NFVIPoP) placement.Change {
			return placement.Change{Kind: placement.ChangeNFVIPoP, ID: p.ID, NFVIPoP: p}
		}),
		each(inv.ResourceZones, func(z *placement.ResourceZone) placement.Change {
			return placement.Change{Kind: placement.ChangeResourceZone, ID: z.ID, ResourceZone: z}
		}),
		each(inv.HostPools, func(p *placement.HostPool) placement.Change {
			return placement.Change{Kind: placement.ChangeHostPool, ID: p.ID, HostPool: p}
		}),
		each(inv.RuntimeClasses, func(c *placement.RuntimeClass) placement.Change {
			return placement.Change{Kind: placement.ChangeRuntimeClass, ID: c.Name, RuntimeClass: c}
		}),
		each(inv.Images, func(i *placement.Image) placement.Change {
			return placement.Change{Kind: placement.ChangeImage, ID: i.Digest, Image: i}
		}),
		each(inv.VNFProfiles, func(p *placement.VNFProfile) placement.Change {
			return placement.Change{Kind: placement.ChangeVNFProfile, ID: p.VNFDID, VNFProfile: p}
		}),
		each(inv.Hosts, func(h *placement.Host) placement.Change {
			return placement.Change{Kind: placement.ChangeHost, ID: h.ID, Host: h}
		}),
		each(inv.Residencies, func(r *placement.Residency) placement.Change {
			return placement.Change{Kind: placement.ChangeResidency, ID: r.ID, Residency: r}
		}),
		each(inv.CacheEntries, func(e *placement.CacheEntry) placement.Change {
			return placement.Change{Kind: placement.ChangeCacheEntry, ID: e.HostID + "/" + e.Digest, CacheEntry: e}
		}),
		{{Kind: placement.ChangePolicies, Policies: active}},
	} {
		if err := f.Apply(changes...); err != nil {
			return nil, err
		}
	}
	return f.Publish(), nil
}

func each[T any](list []T, change func(*T) placement.Change) []placement.Change {
	out := make([]placement.Change, len(list))
	for i := range list {
		out[i] = change(&list[i])
	}
	return out
}
