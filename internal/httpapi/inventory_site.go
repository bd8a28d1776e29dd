package httpapi

import (
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func nfviPoPNoun(s *Server, records *inventory.Collection[placement.NFVIPoP]) noun[wire.NFVIPoP, placement.NFVIPoP] {
	return noun[wire.NFVIPoP, placement.NFVIPoP]{
		server: s, records: records, path: "nfvi_pops", listName: "nfviPops", schema: "NfviPop", keys: []string{"id"},
		toWire: nfviPoPToWire, fromWire: nfviPoPFromWire,
	}
}

func nfviPoPToWire(p *placement.NFVIPoP) wire.NFVIPoP {
	return wire.NFVIPoP{ID: p.ID, Country: p.Country}
}

func nfviPoPFromWire(w *wire.NFVIPoP, _ *reading) placement.NFVIPoP {
	return placement.NFVIPoP{ID: w.ID, Country: w.Country}
}

func resourceZoneNoun(s *Server, records *inventory.Collection[placement.ResourceZone]) noun[wire.ResourceZone, placement.ResourceZone] {
	return noun[wire.ResourceZone, placement.ResourceZone]{
		server: s, records: records, path: "resource_zones", listName: "resourceZones", schema: "ResourceZone", keys: []string{"id"},
		toWire: resourceZoneToWire, fromWire: resourceZoneFromWire,
	}
}

func resourceZoneToWire(z *placement.ResourceZone) wire.ResourceZone {
	return wire.ResourceZone{ID: z.ID, NFVIPoPID: z.NFVIPoPID, ZoneGroupIDs: z.ZoneGroupIDs}
}

func resourceZoneFromWire(w *wire.ResourceZone, _ *reading) placement.ResourceZone {
	return placement.ResourceZone{ID: w.ID, NFVIPoPID: w.NFVIPoPID, ZoneGroupIDs: orNil(w.ZoneGroupIDs)}
}

// ListNFVIPoPs answers a page of NFVI-PoPs.
func (a inventoryAPI) ListNFVIPoPs(w http.ResponseWriter, r *http.Request, p wire.ListNFVIPoPsParams) {
	a.reply(w, r)(a.nouns.nfviPoPs.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetNFVIPoP answers one NFVI-PoP.
func (a inventoryAPI) GetNFVIPoP(w http.ResponseWriter, r *http.Request, nfviPoPID string, _ wire.GetNFVIPoPParams) {
	a.reply(w, r)(a.nouns.nfviPoPs.get(r, inventory.ID(nfviPoPID)))
}

// PutNFVIPoP creates or replaces an NFVI-PoP.
func (a inventoryAPI) PutNFVIPoP(w http.ResponseWriter, r *http.Request, nfviPoPID string, p wire.PutNFVIPoPParams) {
	a.reply(w, r)(a.nouns.nfviPoPs.put(r, inventory.ID(nfviPoPID), p.IfMatch, p.IfNoneMatch))
}

// PatchNFVIPoP changes attributes of an NFVI-PoP.
func (a inventoryAPI) PatchNFVIPoP(w http.ResponseWriter, r *http.Request, nfviPoPID string, p wire.PatchNFVIPoPParams) {
	a.reply(w, r)(a.nouns.nfviPoPs.patch(r, inventory.ID(nfviPoPID), p.IfMatch))
}

// DeleteNFVIPoP deletes an NFVI-PoP.
func (a inventoryAPI) DeleteNFVIPoP(w http.ResponseWriter, r *http.Request, nfviPoPID string, p wire.DeleteNFVIPoPParams) {
	a.reply(w, r)(a.nouns.nfviPoPs.remove(r, inventory.ID(nfviPoPID), p.IfMatch))
}

// ListResourceZones answers a page of resource zones.
func (a inventoryAPI) ListResourceZones(w http.ResponseWriter, r *http.Request, p wire.ListResourceZonesParams) {
	a.reply(w, r)(a.nouns.resourceZones.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetResourceZone answers one resource zone.
func (a inventoryAPI) GetResourceZone(w http.ResponseWriter, r *http.Request, resourceZoneID string, _ wire.GetResourceZoneParams) {
	a.reply(w, r)(a.nouns.resourceZones.get(r, inventory.ID(resourceZoneID)))
}

// PutResourceZone creates or replaces a resource zone.
func (a inventoryAPI) PutResourceZone(w http.ResponseWriter, r *http.Request, resourceZoneID string, p wire.PutResourceZoneParams) {
	a.reply(w, r)(a.nouns.resourceZones.put(r, inventory.ID(resourceZoneID), p.IfMatch, p.IfNoneMatch))
}

// PatchResourceZone changes attributes of a resource zone.
func (a inventoryAPI) PatchResourceZone(w http.ResponseWriter, r *http.Request, resourceZoneID string, p wire.PatchResourceZoneParams) {
	a.reply(w, r)(a.nouns.resourceZones.patch(r, inventory.ID(resourceZoneID), p.IfMatch))
}

// DeleteResourceZone deletes a resource zone.
func (a inventoryAPI) DeleteResourceZone(w http.ResponseWriter, r *http.Request, resourceZoneID string, p wire.DeleteResourceZoneParams) {
	a.reply(w, r)(a.nouns.resourceZones.remove(r, inventory.ID(resourceZoneID), p.IfMatch))
}
