package fleet

import (
	"errors"
	"maps"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

var errUnknownKind = errors.New("this version does not know the kind of change")

// apply dispatches one change. Everything but hosts, residencies and cache entries lives in the catalogue.
func (f *Fleet) apply(c *placement.Change) error {
	switch c.Kind {
	case placement.ChangeHost:
		f.setHost(c.ID, c.Host)
	case placement.ChangeResidency:
		f.setResidency(c.ID, c.Residency)
	case placement.ChangeCacheEntry:
		f.setCacheEntry(c.ID, c.CacheEntry)
	case placement.ChangePolicyEpoch:
		f.epoch = c.Epoch
		f.deciding = true
	case placement.ChangePolicies:
		set, err := policy.CompileSet(c.Policies)
		if err != nil {
			return err
		}
		f.policies, f.deciding = set, true
	default:
		return f.applyCatalogue(c)
	}
	return nil
}

func (f *Fleet) applyCatalogue(c *placement.Change) error {
	f.ownCat()
	cat := f.catalogue
	f.deciding = true
	switch c.Kind {
	case placement.ChangeTrustDomain:
		setOrDelete(cat.TrustDomains, c.ID, c.TrustDomain)
		f.reindex = true
	case placement.ChangeTrustRelation:
		f.applyRelation(c)
	case placement.ChangeNFVIPoP:
		setOrDelete(cat.NFVIPoPs, c.ID, c.NFVIPoP)
	case placement.ChangeResourceZone:
		setOrDelete(cat.ResourceZones, c.ID, c.ResourceZone)
	case placement.ChangeHostPool:
		setOrDelete(cat.HostPools, c.ID, c.HostPool)
	case placement.ChangeRuntimeClass:
		setOrDelete(cat.RuntimeClasses, c.ID, c.RuntimeClass)
		f.reindex = true
	case placement.ChangeImage:
		setOrDelete(cat.Images, c.ID, c.Image)
		f.relayer = true
	case placement.ChangeVNFProfile:
		setOrDelete(cat.VNFProfiles, c.ID, c.VNFProfile)
	case placement.ChangeStanding:
		setOrDelete(cat.Standing, c.ID, c.Standing)
	default:
		return errUnknownKind
	}
	return nil
}

func (f *Fleet) applyRelation(c *placement.Change) {
	if r := c.TrustRelation; r != nil {
		f.catalogue.Relations[[2]string{r.FromID, r.ToID}] = r.Handling
		return
	}
	for k := range f.catalogue.Relations {
		if RelationID(k[0], k[1]) == c.ID {
			delete(f.catalogue.Relations, k)
		}
	}
}

// RelationID is the id of a trust relation in the change feed.
func RelationID(from, to string) string { return from + ":" + to }

func setOrDelete[V any](m map[string]V, id string, v *V) {
	if v == nil {
		delete(m, id)
		return
	}
	m[id] = *v
}

// ownCat copies the catalogue before its first change since the last publication.
func (f *Fleet) ownCat() {
	if f.ownCatalogue {
		return
	}
	old := f.catalogue
	f.catalogue = &placement.Catalogue{
		TrustDomains: maps.Clone(old.TrustDomains), Relations: maps.Clone(old.Relations), NFVIPoPs: maps.Clone(old.NFVIPoPs),
		ResourceZones: maps.Clone(old.ResourceZones), HostPools: maps.Clone(old.HostPools), RuntimeClasses: maps.Clone(old.RuntimeClasses),
		Images: maps.Clone(old.Images), VNFProfiles: maps.Clone(old.VNFProfiles), Standing: maps.Clone(old.Standing),
	}
	f.ownCatalogue, f.relayer = true, true
}
