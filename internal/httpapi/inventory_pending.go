package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"ringfence/api/common"
	wire "ringfence/api/inventory"
	wireplacement "ringfence/api/placement"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

// reasoned lets what a request writes be written for the reason that it gives.
func reasoned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reason := r.Header.Get("Ringfence-Change-Reason"); reason != "" {
			r = r.WithContext(placement.WithReason(r.Context(), reason))
		}
		next.ServeHTTP(w, r)
	})
}

// reply writes what a handler returns. A write that was proposed instead of done is accepted: the answer is where it waits.
func (a inventoryAPI) reply(w http.ResponseWriter, r *http.Request) func(reply, error) {
	return func(answer reply, err error) {
		if awaits, ok := errors.AsType[*placement.AwaitsApproval](err); ok {
			answer, err = a.pendingChange(r, &awaits.Change), nil
			answer.status, answer.location = http.StatusAccepted, pendingURL(a.base(r), awaits.Change.ID)
		}
		a.Server.reply(w, r)(answer, err)
	}
}

func pendingURL(base, id string) string {
	return base + "/inventory/v1/pending_changes/" + url.PathEscape(id)
}

// wholeChanges is how many pending changes are on a page that shows what they store, which can be a fleet.
const wholeChanges = 10

// ListPendingChanges answers a page of pending changes.
func (a inventoryAPI) ListPendingChanges(w http.ResponseWriter, r *http.Request, p wire.ListPendingChangesParams) {
	a.reply(w, r)(a.listPendingChanges(r, p))
}

func (a inventoryAPI) listPendingChanges(r *http.Request, p wire.ListPendingChangesParams) (reply, error) {
	whole := !leavesOut(r.Context(), "change", "deletions", "base")
	changes := source[placement.PendingChange]{
		read: func(ctx context.Context, page placement.Page) ([]placement.PendingChange, error) {
			return a.Inventory.PendingChanges(ctx, page, whole)
		},
		key: func(p *placement.PendingChange) string { return p.ID },
	}
	if whole {
		changes.size = wholeChanges
	}
	return listed(r, a.Server, p.Filter, p.NextpageOpaqueMarker, changes, func(p *placement.PendingChange) wire.PendingChange { return a.pendingToWire(p, a.base(r)) })
}

// GetPendingChange answers one pending change.
func (a inventoryAPI) GetPendingChange(w http.ResponseWriter, r *http.Request, pendingChangeID string, _ wire.GetPendingChangeParams) {
	p, err := a.Inventory.PendingChange(r.Context(), pendingChangeID)
	a.reply(w, r)(a.pendingChange(r, &p), err)
}

// ApprovePendingChange applies a pending change.
func (a inventoryAPI) ApprovePendingChange(w http.ResponseWriter, r *http.Request, pendingChangeID string, params wire.ApprovePendingChangeParams) {
	p, err := a.Inventory.Approve(r.Context(), auth.FromContext(r.Context()).ClientID, pendingChangeID, params.RingfenceBreakGlass)
	a.reply(w, r)(a.pendingChange(r, &p), err)
}

// RejectPendingChange ends a pending change.
func (a inventoryAPI) RejectPendingChange(w http.ResponseWriter, r *http.Request, pendingChangeID string, _ wire.RejectPendingChangeParams) {
	var body wire.RejectRequest
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		a.writeProblem(w, r, newProblem(http.StatusUnprocessableEntity, "the RejectRequest cannot be read: "+printable(err.Error())))
		return
	}
	p, err := a.Inventory.Reject(r.Context(), auth.FromContext(r.Context()).ClientID, pendingChangeID, body.Reason)
	a.reply(w, r)(a.pendingChange(r, &p), err)
}

// pendingChange is the answer that represents a pending change.
func (a inventoryAPI) pendingChange(r *http.Request, p *placement.PendingChange) reply {
	return reply{status: http.StatusOK, etag: etag(p.Revision), body: a.pendingToWire(p, a.base(r))}
}

func (a inventoryAPI) pendingToWire(p *placement.PendingChange, base string) wire.PendingChange {
	w := wire.PendingChange{
		ID: p.ID, State: wire.PendingState(p.State), ProposedBy: p.ProposedBy, ProposedAt: p.ProposedAt, ExpiresAt: p.ExpiresAt, Reason: p.Reason,
		Differences: mapped(p.Differences, differenceToWire), DecidedBy: p.Decision.By, DecidedAt: p.Decision.At, DecisionReason: p.Decision.Reason,
		Links: wire.PendingChangeLinks{
			Self:     common.Link{Href: pendingURL(base, p.ID)},
			Analysis: common.Link{Href: base + "/placement/v1/pending_changes/" + url.PathEscape(p.ID) + "/analysis"},
		},
	}
	if g := p.Decision.BreakGlass; g != nil {
		w.BreakGlass = wire.PendingBreakGlass{Reason: g.Reason, Until: g.Until, ConfirmedBy: p.Decision.ConfirmedBy}
	}
	var doc placement.Inventory
	for i := range p.Changes {
		if c := &p.Changes[i]; doc.Add(c) {
			w.Change.Kind = wire.InventoryKindInventory
		} else {
			w.Deletions = append(w.Deletions, wire.ObjectRef{Kind: wire.ObjectKind(c.Kind), ID: c.ID})
		}
	}
	a.nouns.addTo(&w.Change, &doc)
	for _, o := range p.Base {
		w.Base = append(w.Base, wire.ObjectRef{Kind: wire.ObjectKind(o.Kind), ID: o.ID, Revision: o.Revision})
	}
	return w
}

// addTo lists the entries of a document on the wire.
func (n *inventoryNouns) addTo(w *wire.Inventory, doc *placement.Inventory) {
	w.TrustDomains = orNil(mapped(doc.TrustDomains, n.trustDomains.toWire))
	w.TrustRelations = orNil(mapped(doc.TrustRelations, n.trustRelations.toWire))
	w.NFVIPoPs = orNil(mapped(doc.NFVIPoPs, n.nfviPoPs.toWire))
	w.ResourceZones = orNil(mapped(doc.ResourceZones, n.resourceZones.toWire))
	w.HostPools = orNil(mapped(doc.HostPools, n.hostPools.toWire))
	w.RuntimeClasses = orNil(mapped(doc.RuntimeClasses, n.runtimeClasses.toWire))
	w.Hosts = orNil(mapped(doc.Hosts, n.hosts.toWire))
	w.Images = orNil(mapped(doc.Images, n.images.toWire))
	w.VNFProfiles = orNil(mapped(doc.VNFProfiles, n.vnfProfiles.toWire))
	w.Residencies = orNil(mapped(doc.Residencies, n.residencies.toWire))
	w.CacheEntries = orNil(mapped(doc.CacheEntries, n.cacheEntries.toWire))
}

func differenceToWire(d *placement.SecurityDifference) wire.SecurityDifference {
	return wire.SecurityDifference{
		Kind: wire.ObjectKind(d.Kind), ID: d.ID, Action: wire.SecurityDifferenceAction(d.Action),
		Attributes: mapped(d.Attributes, func(a *placement.AttributeDifference) wire.AttributeDifference {
			return wire.AttributeDifference{Name: a.Name, Before: a.Before, After: a.After}
		}),
	}
}

// GetPendingChangeAnalysis previews a pending change of the inventory.
func (a placementAPI) GetPendingChangeAnalysis(ctx context.Context, req wireplacement.GetPendingChangeAnalysisRequestObject) (
	wireplacement.GetPendingChangeAnalysisResponseObject, error,
) {
	got, err := a.Inventory.Preview(ctx, req.PendingChangeID)
	if err != nil {
		return nil, err
	}
	return wireplacement.GetPendingChangeAnalysis200JSONResponse{
		PendingChangeID: got.PendingChangeID, At: got.At, PolicyEpoch: got.Epoch, ChangeSeq: got.Position.String(), Impact: impactToWire(&got.Impact),
	}, nil
}
