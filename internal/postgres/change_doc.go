package postgres

import (
	"encoding/json"
	"fmt"
	"strings"

	"ringfence/internal/placement"
)

const (
	noPoP      = placement.DecisionPoP // of what belongs to no NFVI-PoP
	epochID    = "epoch"
	policiesID = "active"
)

type policyEpochDoc struct {
	Epoch int64 `json:"epoch"`
}

// afterImage encodes what a change says about its object; nil: deleted.
func afterImage(c *placement.Change) ([]byte, error) {
	switch {
	case c.TrustDomain != nil:
		return json.Marshal(trustDomainToDoc(c.TrustDomain))
	case c.TrustRelation != nil:
		return json.Marshal(trustRelationDoc{c.TrustRelation.FromID, c.TrustRelation.ToID, string(c.TrustRelation.Handling), c.TrustRelation.Revision})
	case c.NFVIPoP != nil:
		return json.Marshal(nfviPoPDoc(*c.NFVIPoP))
	case c.ResourceZone != nil:
		return json.Marshal(resourceZoneDoc(*c.ResourceZone))
	case c.HostPool != nil:
		return json.Marshal(hostPoolDoc(*c.HostPool))
	case c.RuntimeClass != nil:
		return json.Marshal(runtimeClassToDoc(c.RuntimeClass))
	case c.Host != nil:
		return json.Marshal(hostToDoc(c.Host))
	case c.Image != nil:
		return json.Marshal(imageToDoc(c.Image))
	case c.VNFProfile != nil:
		return json.Marshal(vnfProfileToDoc(c.VNFProfile))
	case c.Standing != nil:
		return json.Marshal(standingDoc(*c.Standing))
	case c.Residency != nil:
		return json.Marshal(residencyToDoc(c.Residency))
	case c.CacheEntry != nil:
		return json.Marshal(cacheEntryToDoc(c.CacheEntry))
	case c.Kind == placement.ChangePolicies:
		return json.Marshal(convert(append([]placement.ActivePolicy{}, c.Policies...), activePolicyToDoc))
	case c.Kind == placement.ChangePolicyEpoch:
		return json.Marshal(policyEpochDoc{c.Epoch})
	}
	return nil, nil
}

// readAfterImage decodes an after-image into the member of the change's kind. An empty one means deleted.
func readAfterImage(c *placement.Change, after []byte) (err error) {
	if len(after) == 0 {
		return nil
	}
	switch c.Kind {
	case placement.ChangeTrustDomain:
		c.TrustDomain, err = decodeAfter(after, trustDomainFromDoc)
	case placement.ChangeTrustRelation:
		c.TrustRelation, err = decodeAfter(after, func(d *trustRelationDoc) (placement.TrustRelation, error) {
			return placement.TrustRelation{FromID: d.FromID, ToID: d.ToID, Handling: placement.Handling(d.Handling), Revision: d.Revision}, nil
		})
	case placement.ChangeNFVIPoP:
		c.NFVIPoP, err = decodeAfter(after, func(d *nfviPoPDoc) (placement.NFVIPoP, error) { return placement.NFVIPoP(*d), nil })
	case placement.ChangeResourceZone:
		c.ResourceZone, err = decodeAfter(after, func(d *resourceZoneDoc) (placement.ResourceZone, error) { return placement.ResourceZone(*d), nil })
	case placement.ChangeHostPool:
		c.HostPool, err = decodeAfter(after, func(d *hostPoolDoc) (placement.HostPool, error) { return placement.HostPool(*d), nil })
	case placement.ChangeRuntimeClass:
		c.RuntimeClass, err = decodeAfter(after, runtimeClassFromDoc)
	case placement.ChangeHost:
		c.Host, err = decodeAfter(after, hostFromDoc)
	case placement.ChangeImage:
		c.Image, err = decodeAfter(after, imageFromDoc)
	case placement.ChangeVNFProfile:
		c.VNFProfile, err = decodeAfter(after, vnfProfileFromDoc)
	case placement.ChangeStanding:
		c.Standing, err = decodeAfter(after, func(d *standingDoc) (placement.StandingConstraint, error) {
			return placement.StandingConstraint(*d), nil
		})
	case placement.ChangeResidency:
		c.Residency, err = decodeAfter(after, residencyFromDoc)
	case placement.ChangeCacheEntry:
		c.CacheEntry, err = decodeAfter(after, cacheEntryFromDoc)
	default:
		err = readSingleton(c, after)
	}
	if err != nil {
		return fmt.Errorf("change %s of %s %q: %w", c.Position, c.Kind, c.ID, err)
	}
	return nil
}

func readSingleton(c *placement.Change, after []byte) error {
	switch c.Kind {
	case placement.ChangePolicies:
		var docs []activePolicyDoc
		if err := json.Unmarshal(after, &docs); err != nil {
			return err
		}
		c.Policies = convert(docs, activePolicyFromDoc)
	case placement.ChangePolicyEpoch:
		var d policyEpochDoc
		if err := json.Unmarshal(after, &d); err != nil {
			return err
		}
		c.Epoch = d.Epoch
	default:
		return fmt.Errorf("the kind is not known: this ringfence is older than the one that wrote it")
	}
	return nil
}

func decodeAfter[D, T any](after []byte, from func(*D) (T, error)) (*T, error) {
	var d D
	if err := json.Unmarshal(after, &d); err != nil {
		return nil, err
	}
	t, err := from(&d)
	return &t, err
}

// relationID is the id under which a trust relation appears in the feed.
func relationID(fromID, toID string) string { return fromID + ":" + toID }

// cacheEntryID is the id under which a cache entry appears in the feed.
func cacheEntryID(hostID, digest string) string { return hostID + "/" + digest }

// splitCacheEntryID undoes cacheEntryID: a digest holds no slash.
func splitCacheEntryID(id string) (hostID, digest string) {
	if i := strings.LastIndexByte(id, '/'); i >= 0 {
		return id[:i], id[i+1:]
	}
	return id, ""
}
