package postgres

import (
	"time"

	"ringfence/internal/placement"
)

type trustDomainDoc struct {
	ID                       string    `json:"id"`
	Name                     string    `json:"name,omitempty"`
	OwnerPLMN                string    `json:"ownerPlmn,omitempty"`
	AdminDomain              string    `json:"adminDomain,omitempty"`
	Category                 string    `json:"category"`
	Sensitivity              int       `json:"sensitivity"`
	SecurityCritical         bool      `json:"securityCritical,omitempty"`
	Exclusive                bool      `json:"exclusive,omitempty"`
	RequiresPhysicalSecurity bool      `json:"requiresPhysicalSecurity,omitempty"`
	AllowedCountries         *[]string `json:"allowedCountries,omitempty"` // absent: any; empty: none
	MaxAttestationAge        string    `json:"maxAttestationAge,omitempty"`
	MinIsolation             string    `json:"minIsolation,omitempty"`
	SNSSAIs                  []string  `json:"snssais,omitempty"`
	ParentID                 string    `json:"parentId,omitempty"`
	Revision                 int64     `json:"revision"`
}

func trustDomainToDoc(t *placement.TrustDomain) trustDomainDoc {
	d := trustDomainDoc{
		ID: t.ID, Name: t.Name, OwnerPLMN: t.OwnerPLMN, AdminDomain: t.AdminDomain, Category: string(t.Category), Sensitivity: t.Sensitivity,
		SecurityCritical: t.SecurityCritical, Exclusive: t.Exclusive, RequiresPhysicalSecurity: t.RequiresPhysicalSecurity,
		MinIsolation: isolationName(t.MinIsolation), SNSSAIs: t.SNSSAIs, ParentID: t.ParentID, Revision: t.Revision,
	}
	if t.AllowedCountries != nil {
		d.AllowedCountries = &t.AllowedCountries
	}
	if t.MaxAttestationAge != 0 {
		d.MaxAttestationAge = t.MaxAttestationAge.String()
	}
	return d
}

func trustDomainFromDoc(d *trustDomainDoc) (t placement.TrustDomain, err error) {
	t = placement.TrustDomain{
		ID: d.ID, Name: d.Name, OwnerPLMN: d.OwnerPLMN, AdminDomain: d.AdminDomain, Category: placement.Category(d.Category),
		Sensitivity: d.Sensitivity, SecurityCritical: d.SecurityCritical, Exclusive: d.Exclusive,
		RequiresPhysicalSecurity: d.RequiresPhysicalSecurity, SNSSAIs: d.SNSSAIs, ParentID: d.ParentID, Revision: d.Revision,
	}
	if d.AllowedCountries != nil {
		t.AllowedCountries = append([]string{}, *d.AllowedCountries...)
	}
	if d.MaxAttestationAge != "" {
		if t.MaxAttestationAge, err = time.ParseDuration(d.MaxAttestationAge); err != nil {
			return t, err
		}
	}
	t.MinIsolation, err = isolationFromName(d.MinIsolation)
	return t, err
}

type trustRelationDoc struct {
	FromID   string `json:"fromId"`
	ToID     string `json:"toId"`
	Handling string `json:"handling"`
	Revision int64  `json:"revision"`
}

type nfviPoPDoc struct {
	ID       string `json:"id"`
	Country  string `json:"country,omitempty"`
	Revision int64  `json:"revision"`
}

type resourceZoneDoc struct {
	ID           string   `json:"id"`
	NFVIPoPID    string   `json:"nfviPopId"`
	ZoneGroupIDs []string `json:"zoneGroupIds,omitempty"`
	Revision     int64    `json:"revision"`
}

type hostPoolDoc struct {
	ID                    string   `json:"id"`
	AllowedTrustDomainIDs []string `json:"allowedTrustDomainIds,omitempty"`
	FabricDigests         []string `json:"fabricDigests,omitempty"`
	Revision              int64    `json:"revision"`
}

type runtimeClassDoc struct {
	Name      string              `json:"name"`
	Isolation string              `json:"isolation"`
	Overhead  placement.Resources `json:"overhead,omitempty"`
	Revision  int64               `json:"revision"`
}

func runtimeClassToDoc(c *placement.RuntimeClass) runtimeClassDoc {
	return runtimeClassDoc{Name: c.Name, Isolation: c.Isolation.String(), Overhead: c.Overhead, Revision: c.Revision}
}

func runtimeClassFromDoc(d *runtimeClassDoc) (placement.RuntimeClass, error) {
	isolation, err := placement.ParseIsolation(d.Isolation)
	return placement.RuntimeClass{Name: d.Name, Isolation: isolation, Overhead: d.Overhead, Revision: d.Revision}, err
}

type imageDoc struct {
	Digest          string     `json:"digest"`
	Reference       string     `json:"reference,omitempty"`
	Kind            string     `json:"kind"`
	Layers          []layerDoc `json:"layers,omitempty"`
	Sensitivity     int        `json:"sensitivity,omitempty"`
	ContainsSecrets bool       `json:"containsSecrets,omitempty"`
	PublicBase      bool       `json:"publicBase,omitempty"`
	Signature       string     `json:"signature,omitempty"`
	Revision        int64      `json:"revision"`
}

type layerDoc struct {
	Digest    string `json:"digest"`
	DiffID    string `json:"diffId,omitempty"`
	SizeBytes int64  `json:"sizeBytes,omitempty"`
}

func layerToDoc(l placement.Layer) layerDoc   { return layerDoc(l) }
func layerFromDoc(d layerDoc) placement.Layer { return placement.Layer(d) }

func imageToDoc(i *placement.Image) imageDoc {
	return imageDoc{
		Digest: i.Digest, Reference: i.Reference, Kind: string(i.Kind), Layers: convert(i.Layers, layerToDoc), Sensitivity: i.Sensitivity,
		ContainsSecrets: i.ContainsSecrets, PublicBase: i.PublicBase, Signature: i.Signature, Revision: i.Revision,
	}
}

func imageFromDoc(d *imageDoc) (placement.Image, error) {
	return placement.Image{
		Digest: d.Digest, Reference: d.Reference, Kind: placement.ArtefactKind(d.Kind), Layers: convert(d.Layers, layerFromDoc),
		Sensitivity: d.Sensitivity, ContainsSecrets: d.ContainsSecrets, PublicBase: d.PublicBase, Signature: d.Signature, Revision: d.Revision,
	}, nil
}

type cacheEntryDoc struct {
	NFVIPoPID     string    `json:"nfviPopId"`
	HostID        string    `json:"hostId"`
	Digest        string    `json:"digest"`
	Mode          string    `json:"mode"`
	TrustDomainID string    `json:"trustDomainId,omitempty"`
	ObservedAt    time.Time `json:"observedAt"`
	Revision      int64     `json:"revision"`
}

func cacheEntryToDoc(c *placement.CacheEntry) cacheEntryDoc {
	return cacheEntryDoc{
		NFVIPoPID: c.NFVIPoPID, HostID: c.HostID, Digest: c.Digest, Mode: c.Mode.String(), TrustDomainID: c.TrustDomainID,
		ObservedAt: c.ObservedAt, Revision: c.Revision,
	}
}

func cacheEntryFromDoc(d *cacheEntryDoc) (placement.CacheEntry, error) {
	mode, err := placement.ParseCacheMode(d.Mode)
	return placement.CacheEntry{
		NFVIPoPID: d.NFVIPoPID, HostID: d.HostID, Digest: d.Digest, Mode: mode, TrustDomainID: d.TrustDomainID,
		ObservedAt: d.ObservedAt, Revision: d.Revision,
	}, err
}

type activePolicyDoc struct {
	ID           string   `json:"policyId"`
	Version      string   `json:"version"`
	SHA256       string   `json:"sha256"`
	Content      []byte   `json:"content"` // base64: byte for byte
	Associations []string `json:"associations,omitempty"`
}

func activePolicyToDoc(p placement.ActivePolicy) activePolicyDoc {
	return activePolicyDoc{ID: p.Ref.ID, Version: p.Ref.Version, SHA256: p.Ref.SHA256, Content: p.Content, Associations: p.Associations}
}

func activePolicyFromDoc(d activePolicyDoc) placement.ActivePolicy {
	return placement.ActivePolicy{
		Ref:     placement.PolicyRef{ID: d.ID, Version: d.Version, SHA256: d.SHA256},
		Content: d.Content, Associations: d.Associations,
	}
}
