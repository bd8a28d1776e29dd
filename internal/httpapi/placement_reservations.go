package httpapi

import (
	"context"

	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// ListReservations returns a page of what grants hold.
func (a placementAPI) ListReservations(ctx context.Context, req wire.ListReservationsRequestObject) (wire.ListReservationsResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.Residency]{
		read: func(ctx context.Context, page placement.Page) ([]placement.Residency, error) {
			return a.Records.ListReservations(ctx, own(ctx), page)
		},
		key: func(r *placement.Residency) string { return r.ID },
	})
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

// ListPlacedResidencies returns a page of the residencies, of one grant or of all, that the caller may know.
func (a placementAPI) ListPlacedResidencies(ctx context.Context, req wire.ListPlacedResidenciesRequestObject) (wire.ListPlacedResidenciesResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.Residency]{
		read: func(ctx context.Context, page placement.Page) ([]placement.Residency, error) {
			return a.Records.ListPlacedResidencies(ctx, own(ctx), req.Params.GrantID, page)
		},
		key: func(r *placement.Residency) string { return r.ID },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListPlacedResidencies200JSONResponse{
		Body:    mapped(list, residencyToWire),
		Headers: wire.ListPlacedResidencies200ResponseHeaders{Link: link},
	}, nil
}
