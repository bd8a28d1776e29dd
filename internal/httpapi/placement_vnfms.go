package httpapi

import (
	"context"
	"net/url"

	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// ListVNFMs returns a page of the VNFMs that are subscribed to.
func (a placementAPI) ListVNFMs(ctx context.Context, req wire.ListVNFMsRequestObject) (wire.ListVNFMsResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.VNFM]{
		read: a.Records.ListVNFMs, key: func(v *placement.VNFM) string { return v.ID },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListVNFMs200JSONResponse{Body: mapped(list, vnfmToWire), Headers: wire.ListVNFMs200ResponseHeaders{Link: link}}, nil
}

// CreateVNFM registers a VNFM. That it is subscribed to is seen later, in its state.
func (a placementAPI) CreateVNFM(ctx context.Context, req wire.CreateVNFMRequestObject) (wire.CreateVNFMResponseObject, error) {
	v, err := a.VNFMs.Add(ctx, placement.VNFM{
		ID: req.Body.ID, APIRoot: req.Body.APIRoot, ClientID: req.Body.ClientID, Credentials: req.Body.Credentials, ActorID: actor(ctx),
	})
	if err != nil {
		return nil, err
	}
	return wire.CreateVNFM201JSONResponse{
		Body:    vnfmToWire(&v),
		Headers: wire.CreateVNFM201ResponseHeaders{Location: a.base(requestOf(ctx)) + "/placement/v1/vnfms/" + url.PathEscape(v.ID)},
	}, nil
}

// GetVNFM returns a VNFM and the state of its subscription.
func (a placementAPI) GetVNFM(ctx context.Context, req wire.GetVNFMRequestObject) (wire.GetVNFMResponseObject, error) {
	v, err := a.Records.GetVNFM(ctx, req.VNFMID)
	if err != nil {
		return nil, err
	}
	return wire.GetVNFM200JSONResponse{Body: vnfmToWire(&v), Headers: wire.GetVNFM200ResponseHeaders{ETag: etag(v.Revision)}}, nil
}

// DeleteVNFM has a VNFM unsubscribed from.
func (a placementAPI) DeleteVNFM(ctx context.Context, req wire.DeleteVNFMRequestObject) (wire.DeleteVNFMResponseObject, error) {
	if err := a.VNFMs.Delete(ctx, req.VNFMID, actor(ctx)); err != nil {
		return nil, err
	}
	return wire.DeleteVNFM204Response{}, nil
}

func vnfmToWire(v *placement.VNFM) wire.VNFM {
	return wire.VNFM{
		ID: v.ID, APIRoot: v.APIRoot, ClientID: v.ClientID, Credentials: v.Credentials, State: wire.VNFMState(v.State), Reason: v.Reason,
		SubscriptionID: v.SubscriptionID, Since: v.Since, CheckedAt: v.CheckedAt, NextCheckAt: v.NextCheckAt, ActorID: v.ActorID,
	}
}
