package httpapi

import (
	"context"

	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// ListAccessRefusals returns a page of callers who were refused.
func (a placementAPI) ListAccessRefusals(ctx context.Context, req wire.ListAccessRefusalsRequestObject) (wire.ListAccessRefusalsResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.AccessRefusal]{
		read: a.Records.ListAccessRefusals,
		key:  func(r *placement.AccessRefusal) string { return r.ID },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListAccessRefusals200JSONResponse{
		Body: mapped(list, accessRefusalToWire), Headers: wire.ListAccessRefusals200ResponseHeaders{Link: link},
	}, nil
}

func accessRefusalToWire(r *placement.AccessRefusal) wire.AccessRefusal {
	return wire.AccessRefusal{
		ID: r.ID, Kind: wire.AccessRefusalKind(r.Kind), Reason: r.Reason, ClientID: r.ClientID, Address: r.Address, CertificateSHA256: r.CertificateSHA256,
		Operation: r.Operation, Count: r.Count, FirstAt: r.FirstAt, LastAt: r.LastAt, LastRequestID: r.LastRequestID,
	}
}
