package httpapi

import (
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func trustDomainNoun(s *Server, records *inventory.Collection[placement.TrustDomain]) noun[wire.TrustDomain, placement.TrustDomain] {
	return noun[wire.TrustDomain, placement.TrustDomain]{
		server: s, records: records, path: "trust_domains", listName: "trustDomains", schema: "TrustDomain", keys: []string{"id"},
		toWire: trustDomainToWire, fromWire: trustDomainFromWire,
	}
}

func trustDomainToWire(t *placement.TrustDomain) wire.TrustDomain {
	w := wire.TrustDomain{
		ID: t.ID, Name: t.Name, OwnerPLMN: t.OwnerPLMN, AdminDomain: t.AdminDomain, Category: wire.Category(t.Category), Sensitivity: t.Sensitivity,
		SecurityCritical: t.SecurityCritical, Exclusive: t.Exclusive, RequiresPhysicalSecurity: t.RequiresPhysicalSecurity,
		MaxAttestationAge: durationToWire(t.MaxAttestationAge), MinIsolation: isolationToWire(t.MinIsolation), SNSSAIs: t.SNSSAIs, ParentID: t.ParentID,
	}
	if t.AllowedCountries != nil {
		w.AllowedCountries = &t.AllowedCountries
	}
	return w
}

func trustDomainFromWire(w *wire.TrustDomain, in *reading) placement.TrustDomain {
	t := placement.TrustDomain{
		ID: w.ID, Name: w.Name, OwnerPLMN: w.OwnerPLMN, AdminDomain: w.AdminDomain, Category: placement.Category(w.Category), Sensitivity: w.Sensitivity,
		SecurityCritical: w.SecurityCritical, Exclusive: w.Exclusive, RequiresPhysicalSecurity: w.RequiresPhysicalSecurity,
		MaxAttestationAge: in.limit(w.MaxAttestationAge, "/maxAttestationAge"), MinIsolation: in.isolation(w.MinIsolation, "/minIsolation"),
		SNSSAIs: orNil(w.SNSSAIs), ParentID: w.ParentID,
	}
	if w.AllowedCountries != nil {
		t.AllowedCountries = *w.AllowedCountries
	}
	return t
}

func trustRelationNoun(s *Server, records *inventory.Collection[placement.TrustRelation]) noun[wire.TrustRelation, placement.TrustRelation] {
	return noun[wire.TrustRelation, placement.TrustRelation]{
		server: s, records: records, path: "trust_relations", listName: "trustRelations", schema: "TrustRelation", keys: []string{"fromId", "toId"},
		toWire: trustRelationToWire, fromWire: trustRelationFromWire,
	}
}

func trustRelationToWire(t *placement.TrustRelation) wire.TrustRelation {
	return wire.TrustRelation{FromID: t.FromID, ToID: t.ToID, Handling: wire.Handling(t.Handling)}
}

func trustRelationFromWire(w *wire.TrustRelation, _ *reading) placement.TrustRelation {
	return placement.TrustRelation{FromID: w.FromID, ToID: w.ToID, Handling: placement.Handling(w.Handling)}
}

// ListTrustDomains answers a page of trust domains.
func (a inventoryAPI) ListTrustDomains(w http.ResponseWriter, r *http.Request, p wire.ListTrustDomainsParams) {
	a.reply(w, r)(a.nouns.trustDomains.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetTrustDomain answers one trust domain.
func (a inventoryAPI) GetTrustDomain(w http.ResponseWriter, r *http.Request, trustDomainID string, _ wire.GetTrustDomainParams) {
	a.reply(w, r)(a.nouns.trustDomains.get(r, inventory.ID(trustDomainID)))
}

// PutTrustDomain creates or replaces a trust domain.
func (a inventoryAPI) PutTrustDomain(w http.ResponseWriter, r *http.Request, trustDomainID string, p wire.PutTrustDomainParams) {
	a.reply(w, r)(a.nouns.trustDomains.put(r, inventory.ID(trustDomainID), p.IfMatch, p.IfNoneMatch))
}

// PatchTrustDomain changes attributes of a trust domain.
func (a inventoryAPI) PatchTrustDomain(w http.ResponseWriter, r *http.Request, trustDomainID string, p wire.PatchTrustDomainParams) {
	a.reply(w, r)(a.nouns.trustDomains.patch(r, inventory.ID(trustDomainID), p.IfMatch))
}

// DeleteTrustDomain deletes a trust domain.
func (a inventoryAPI) DeleteTrustDomain(w http.ResponseWriter, r *http.Request, trustDomainID string, p wire.DeleteTrustDomainParams) {
	a.reply(w, r)(a.nouns.trustDomains.remove(r, inventory.ID(trustDomainID), p.IfMatch))
}

// ListTrustRelations answers a page of trust relations.
func (a inventoryAPI) ListTrustRelations(w http.ResponseWriter, r *http.Request, p wire.ListTrustRelationsParams) {
	a.reply(w, r)(a.nouns.trustRelations.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetTrustRelation answers one trust relation.
func (a inventoryAPI) GetTrustRelation(w http.ResponseWriter, r *http.Request, fromID, toID string, _ wire.GetTrustRelationParams) {
	a.reply(w, r)(a.nouns.trustRelations.get(r, inventory.Key{fromID, toID}))
}

// PutTrustRelation creates or replaces a trust relation.
func (a inventoryAPI) PutTrustRelation(w http.ResponseWriter, r *http.Request, fromID, toID string, p wire.PutTrustRelationParams) {
	a.reply(w, r)(a.nouns.trustRelations.put(r, inventory.Key{fromID, toID}, p.IfMatch, p.IfNoneMatch))
}

// PatchTrustRelation changes attributes of a trust relation.
func (a inventoryAPI) PatchTrustRelation(w http.ResponseWriter, r *http.Request, fromID, toID string, p wire.PatchTrustRelationParams) {
	a.reply(w, r)(a.nouns.trustRelations.patch(r, inventory.Key{fromID, toID}, p.IfMatch))
}

// DeleteTrustRelation deletes a trust relation.
func (a inventoryAPI) DeleteTrustRelation(w http.ResponseWriter, r *http.Request, fromID, toID string, p wire.DeleteTrustRelationParams) {
	a.reply(w, r)(a.nouns.trustRelations.remove(r, inventory.Key{fromID, toID}, p.IfMatch))
}
