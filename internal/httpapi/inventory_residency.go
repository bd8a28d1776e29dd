package httpapi

import (
	"cmp"
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func residencyNoun(s *Server, records *inventory.Collection[placement.Residency]) noun[wire.Residency, placement.Residency] {
	return noun[wire.Residency, placement.Residency]{
		server: s, records: records, path: "residencies", listName: "residencies", schema: "Residency", keys: []string{"id"},
		toWire: residencyToWire, fromWire: residencyFromWire,
	}
}

func residencyToWire(r *placement.Residency) wire.Residency {
	l := &r.Workload
	return wire.Residency{
		ID: r.ID, HostID: r.HostID, CISNodeID: r.CISNodeID, PodID: r.PodID, VNFInstanceID: l.NF.VNFInstanceID, NF: nfToWire(l.NF),
		ComponentID: l.ComponentID, TrustDomainID: l.TrustDomainID, Roles: named[wire.Role](l.Roles.Names()), Exposed: l.Exposed, Runtime: l.Runtime,
		CutThrough: named[wire.CutThrough](l.CutThrough.Names()), Privileged: named[wire.Privilege](l.Privileged.Names()), Images: l.Images,
		Resources: wire.Dimensions(l.Resources), Kind: wire.ResidencyKind(r.Kind), State: wire.ResidencyState(r.State), GrantID: r.GrantID,
		VIMResourceIDs: r.VIMResourceIDs, ExpiresAt: r.ExpiresAt,
	}
}

func residencyFromWire(w *wire.Residency, in *reading) placement.Residency {
	nf := nfFromWire(w.NF)
	nf.VNFInstanceID = w.VNFInstanceID
	return placement.Residency{
		ID: w.ID, HostID: w.HostID, CISNodeID: w.CISNodeID, PodID: w.PodID,
		Workload: placement.Workload{
			NF: nf, ComponentID: w.ComponentID, TrustDomainID: w.TrustDomainID, Roles: in.roles(w.Roles, "/roles"), Exposed: w.Exposed, Runtime: w.Runtime,
			CutThrough: in.cutThrough(w.CutThrough, "/cutThrough"), Privileged: in.privileged(w.Privileged, "/privileged"), Images: orNil(w.Images),
			Resources: amounts(w.Resources),
		},
		Kind: cmp.Or(placement.ResidencyKind(w.Kind), placement.ResidencyWorkload), State: cmp.Or(placement.ResidencyState(w.State), placement.StateRunning),
		GrantID: w.GrantID, VIMResourceIDs: orNil(w.VIMResourceIDs), ExpiresAt: exactTime(w.ExpiresAt),
	}
}

// ListResidencies answers a page of residencies.
func (a inventoryAPI) ListResidencies(w http.ResponseWriter, r *http.Request, p wire.ListResidenciesParams) {
	a.reply(w, r)(a.nouns.residencies.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetResidency answers one residency.
func (a inventoryAPI) GetResidency(w http.ResponseWriter, r *http.Request, residencyID string, _ wire.GetResidencyParams) {
	a.reply(w, r)(a.nouns.residencies.get(r, inventory.ID(residencyID)))
}

// PutResidency creates or replaces a residency.
func (a inventoryAPI) PutResidency(w http.ResponseWriter, r *http.Request, residencyID string, p wire.PutResidencyParams) {
	a.reply(w, r)(a.nouns.residencies.put(r, inventory.ID(residencyID), p.IfMatch, p.IfNoneMatch))
}

// PatchResidency changes attributes of a residency.
func (a inventoryAPI) PatchResidency(w http.ResponseWriter, r *http.Request, residencyID string, p wire.PatchResidencyParams) {
	a.reply(w, r)(a.nouns.residencies.patch(r, inventory.ID(residencyID), p.IfMatch))
}

// DeleteResidency deletes a residency.
func (a inventoryAPI) DeleteResidency(w http.ResponseWriter, r *http.Request, residencyID string, p wire.DeleteResidencyParams) {
	a.reply(w, r)(a.nouns.residencies.remove(r, inventory.ID(residencyID), p.IfMatch))
}
