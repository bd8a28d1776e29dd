package httpapi

import (
	"context"

	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// residencyAttributes are those by which residencies can be filtered.
func residencyAttributes() filterable[placement.Residency] {
	return filterable[placement.Residency]{
		"id":            byText(func(r *placement.Residency) string { return r.ID }),
		"hostId":        byText(func(r *placement.Residency) string { return r.HostID }),
		"vnfInstanceId": byText(func(r *placement.Residency) string { return r.Workload.NF.VNFInstanceID }),
		"trustDomainId": byText(func(r *placement.Residency) string { return r.Workload.TrustDomainID }),
		"state":         byName(func(r *placement.Residency) placement.ResidencyState { return r.State }),
		"kind":          byName(func(r *placement.Residency) placement.ResidencyKind { return r.Kind }),
		"grantId":       byText(func(r *placement.Residency) string { return r.GrantID }),
	}
}

// reservationAttributes are those by which reservations can be filtered.
func reservationAttributes() filterable[placement.Residency] {
	attrs := residencyAttributes()
	delete(attrs, "trustDomainId")
	delete(attrs, "kind")
	return attrs
}

// reservations reads what a caller may know, narrowed by what the filter wants exactly.
func (a placementAPI) reservations(ctx context.Context, f *filter[placement.Residency]) source[placement.Residency] {
	narrow := placement.ReservationFilter{
		ClientID: own(ctx), VNFInstanceID: f.equal["vnfInstanceId"], HostID: f.equal["hostId"], GrantID: f.equal["grantId"],
	}
	if state := f.equal["state"]; state != "" {
		narrow.States = []placement.ResidencyState{placement.ResidencyState(state)}
	}
	return source[placement.Residency]{
		read: func(ctx context.Context, page placement.Page) ([]placement.Residency, error) {
			return a.Records.ListReservations(ctx, narrow, page)
		},
		key: func(r *placement.Residency) string { return r.ID },
	}
}

// ListReservations returns a page of what grants hold.
func (a placementAPI) ListReservations(ctx context.Context, req wire.ListReservationsRequestObject) (wire.ListReservationsResponseObject, error) {
	f, err := reservationAttributes().parse(req.Params.Filter)
	if err != nil {
		return nil, err
	}
	list, link, err := readPage(ctx, a.Server, req.Params.NextpageOpaqueMarker, f, a.reservations(ctx, f))
	if err != nil {
		return nil, err
	}
	return wire.ListReservations200JSONResponse{
		Body: mapped(list, reservationToWire), Headers: wire.ListReservations200ResponseHeaders{Link: link},
	}, nil
}

// GetReservation returns what a grant holds for one resource.
func (a placementAPI) GetReservation(ctx context.Context, req wire.GetReservationRequestObject) (wire.GetReservationResponseObject, error) {
	r, err := a.Records.GetReservation(ctx, req.ReservationID)
	if err != nil {
		return nil, err
	}
	if client := own(ctx); client != "" {
		switch _, err := a.Grants.Find(ctx, client, r.GrantID); {
		case placement.KindOf(err) == placement.NotFound:
			return nil, placement.NoSuch("reservation", req.ReservationID)
		case err != nil:
			return nil, err
		}
	}
	return wire.GetReservation200JSONResponse{
		Body: reservationToWire(&r), Headers: wire.GetReservation200ResponseHeaders{ETag: etag(r.Revision)},
	}, nil
}

// ReleaseReservation ends a reservation: the operator vouches that nothing runs under it.
func (a placementAPI) ReleaseReservation(ctx context.Context, req wire.ReleaseReservationRequestObject) (wire.ReleaseReservationResponseObject, error) {
	revision, err := ifMatch(req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	r, err := a.Delivery.Release(ctx, actor(ctx), req.ReservationID, req.Body.Reason, revision)
	if err != nil {
		return nil, err
	}
	w := reservationToWire(&r)
	w.State = wire.ReservationStateRELEASED
	return wire.ReleaseReservation200JSONResponse(w), nil
}

// ListPlacedResidencies returns a page of the residencies, of one grant or of all.
func (a placementAPI) ListPlacedResidencies(ctx context.Context, req wire.ListPlacedResidenciesRequestObject) (wire.ListPlacedResidenciesResponseObject, error) {
	f, err := residencyAttributes().parse(req.Params.Filter)
	if err != nil {
		return nil, err
	}
	list, link, err := readPage(ctx, a.Server, req.Params.NextpageOpaqueMarker, f, a.residencies(ctx, f, req.Params.GrantID))
	if err != nil {
		return nil, err
	}
	return wire.ListPlacedResidencies200JSONResponse{
		Body:    mapped(list, residencyToWire),
		Headers: wire.ListPlacedResidencies200ResponseHeaders{Link: link},
	}, nil
}

// residencies reads those of a grant, else all that the caller may know.
func (a placementAPI) residencies(ctx context.Context, f *filter[placement.Residency], grantID string) source[placement.Residency] {
	src := a.reservations(ctx, f)
	switch {
	case grantID != "":
		src.read = func(ctx context.Context, page placement.Page) ([]placement.Residency, error) {
			return a.ofGrant(ctx, grantID, page)
		}
	case readsAll(ctx):
		src.read = a.Inventory.Residencies.List
	}
	return src
}

// ofGrant returns what a grant placed, to those who may know the grant.
func (a placementAPI) ofGrant(ctx context.Context, grantID string, page placement.Page) ([]placement.Residency, error) {
	if client := own(ctx); client != "" {
		if _, err := a.Grants.Find(ctx, client, grantID); placement.KindOf(err) == placement.NotFound {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	all, err := a.Records.ListGrantResidencies(ctx, grantID)
	if err != nil {
		return nil, err
	}
	for len(all) > 0 && all[0].ID <= page.After {
		all = all[1:]
	}
	return all[:min(len(all), page.Limit)], nil
}
