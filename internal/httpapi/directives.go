package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	wire "ringfence/api/directives"
	"ringfence/internal/auth"
	"ringfence/internal/delivery"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

// directivesAPI answers the directives API, over which the NFVI is told what was decided.
type directivesAPI struct{ *Server }

func (s *Server) mountDirectives(r chi.Router) {
	c := s.apis[openapi.NameDirectives]
	strict := wire.NewStrictHandlerWithOptions(directivesAPI{s}, nil, wire.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: s.badRequest, ResponseErrorHandlerFunc: s.writeProblem,
	})
	wire.HandlerWithOptions(strict, wire.ChiServerOptions{BaseRouter: s.with(r, c), ErrorHandlerFunc: s.badRequest})
}

// mayRead refuses who may not read what a host is told: agents that do not stand for it.
func (s *Server) mayRead(ctx context.Context, hostID string) error {
	switch p := auth.FromContext(ctx); {
	case p.ActsFor(hostID, s.Delivery.VIMConnection(hostID)):
		return nil
	case !p.Has(auth.RoleOperator, auth.RoleAuditor):
		return s.standsFor(ctx, hostID)
	case !seesLI(ctx) && s.Delivery.LIHost(hostID):
		return placement.NoSuch("host", hostID)
	}
	return nil
}

// standsFor refuses an agent that does not stand for a host, whether or not there is such a host and whatever else the
// agent may read: it is asked before the host's own words are taken.
func (s *Server) standsFor(ctx context.Context, hostID string) error {
	if auth.FromContext(ctx).ActsFor(hostID, s.Delivery.VIMConnection(hostID)) {
		return nil
	}
	return placement.Errorf(placement.Forbidden, "this client does not stand for host %q", hostID)
}

// ListHostDirectives returns the directives of one host after a number.
func (a directivesAPI) ListHostDirectives(ctx context.Context, req wire.ListHostDirectivesRequestObject) (wire.ListHostDirectivesResponseObject, error) {
	wait, err := waitFor(req.Params.Wait)
	if err != nil {
		return nil, err
	}
	if err := a.mayRead(ctx, req.HostID); err != nil {
		return nil, err
	}
	list, err := a.Delivery.HostDirectives(ctx, req.HostID, req.Params.After, wait)
	if err != nil {
		return nil, err
	}
	signed, err := a.signed(list)
	return wire.ListHostDirectives200JSONResponse(signed), err
}

// ListDirectives returns the directives of all hosts behind a VIM connection after a marker.
func (a directivesAPI) ListDirectives(ctx context.Context, req wire.ListDirectivesRequestObject) (wire.ListDirectivesResponseObject, error) {
	wait, err := waitFor(req.Params.Wait)
	if err != nil {
		return nil, err
	}
	after, err := feedPosition(req.Params.Marker)
	if err != nil {
		return nil, err
	}
	p := auth.FromContext(ctx)
	own := p.ActsForVIM(req.Params.VIMConnectionID)
	if !own && !p.Has(auth.RoleOperator, auth.RoleAuditor) {
		return nil, placement.Errorf(placement.Forbidden, "this client does not stand for the VIM connection %q", req.Params.VIMConnectionID)
	}
	list, next, err := a.Delivery.Directives(ctx, req.Params.VIMConnectionID, after.String(), !own && !seesLI(ctx), wait)
	if err != nil {
		return nil, err
	}
	signed, err := a.signed(list)
	if err != nil {
		return nil, err
	}
	return wire.ListDirectives200JSONResponse{Body: signed, Headers: wire.ListDirectives200ResponseHeaders{
		Link: a.nextLink(requestOf(ctx), feedMarkerParam, base64.RawURLEncoding.EncodeToString([]byte(next))),
	}}, nil
}

// feedMarkerParam is the query parameter that says where the feed of a VIM connection goes on.
const feedMarkerParam = "marker"

// feedPosition reads a marker of the feed; none is the position before the first directive.
func feedPosition(marker string) (placement.FeedPosition, error) {
	if marker == "" {
		return placement.FeedPosition{}, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(marker)
	var at placement.FeedPosition
	if err == nil {
		at, err = placement.ParseFeedPosition(string(data))
	}
	if err != nil || at.String() != string(data) {
		p := newProblem(http.StatusBadRequest, "the marker was not issued for this feed; follow the Link header of the answer before, or start without it")
		p.InvalidParams = []invalidParam{{Pointer: feedMarkerParam, Reason: "not a marker of this feed"}}
		return at, p
	}
	return at, nil
}

// waitFor reads how long a poll may wait.
func waitFor(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d > delivery.MaxWait {
		p := newProblem(http.StatusBadRequest, "wait is a duration of at most "+delivery.MaxWait.String()+", such as 30s")
		p.InvalidParams = []invalidParam{{Pointer: "wait", Reason: "longer than " + delivery.MaxWait.String() + ", or no duration"}}
		return 0, p
	}
	return d, nil
}

// CreateAck records what became of a directive.
func (a directivesAPI) CreateAck(ctx context.Context, req wire.CreateAckRequestObject) (wire.CreateAckResponseObject, error) {
	if err := a.standsFor(ctx, req.Body.HostID); err != nil {
		return nil, err
	}
	err := a.Delivery.Acknowledge(ctx, actor(ctx), placement.Ack{
		HostID: req.Body.HostID, Seq: req.Body.Seq, Outcome: placement.AckOutcome(req.Body.Outcome), Detail: req.Body.Detail,
	})
	if err != nil {
		return nil, pointed(err, "/seq") // all else was checked
	}
	return wire.CreateAck204Response{}, nil
}

// PutObservedState takes what a host reports of itself.
func (a directivesAPI) PutObservedState(ctx context.Context, req wire.PutObservedStateRequestObject) (wire.PutObservedStateResponseObject, error) {
	cond, err := observationCondition(req.Params.IfMatch, req.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	state, err := observedFromWire(req.HostID, req.Body)
	if err != nil {
		return nil, err
	}
	if err := a.standsFor(ctx, req.HostID); err != nil {
		return nil, err
	}
	state.Reporter = actor(ctx)
	digest, result, err := a.Delivery.Observe(ctx, state, cond)
	if err != nil {
		return nil, err
	}
	return wire.PutObservedState200JSONResponse{
		Body: observationToWire(&result), Headers: wire.PutObservedState200ResponseHeaders{ETag: strconv.Quote(digest)},
	}, nil
}

func observationCondition(match, noneMatch string) (placement.ObservationCondition, error) {
	switch {
	case match != "" && noneMatch != "":
		return placement.ObservationCondition{}, newProblem(http.StatusBadRequest, "If-Match and If-None-Match exclude each other")
	case noneMatch != "" && noneMatch != "*":
		return placement.ObservationCondition{}, newProblem(http.StatusBadRequest, "If-None-Match of a report can only be *, which means: the first one")
	case match == anyTag:
		return placement.ObservationCondition{Next: true}, nil
	case strings.Contains(match, ","):
		return placement.ObservationCondition{}, newProblem(http.StatusBadRequest, "If-Match takes one entity tag here, or *: the ETag of the report before")
	case match == "":
		return placement.ObservationCondition{First: noneMatch == "*"}, nil
	}
	digest, err := strconv.Unquote(match)
	if err != nil || digest == "" || strconv.Quote(digest) != match {
		return placement.ObservationCondition{}, newProblem(http.StatusPreconditionFailed, "the entity tag "+printable(match)+" is none of a report")
	}
	return placement.ObservationCondition{Digest: digest}, nil
}

// CreateScrubOrder tells a host to clean itself.
func (a directivesAPI) CreateScrubOrder(ctx context.Context, req wire.CreateScrubOrderRequestObject) (wire.CreateScrubOrderResponseObject, error) {
	level, err := placement.ParseScrubLevel(string(req.Body.Level))
	if err != nil {
		return nil, err
	}
	seq, err := a.Delivery.Scrub(ctx, actor(ctx), req.HostID, placement.ScrubDirective{
		Level: level, DeviceReset: req.Body.DeviceReset, Reason: req.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	return wire.CreateScrubOrder201JSONResponse{DirectiveSeq: seq}, nil
}

// ListKeys lists the keys that verify directives.
func (a directivesAPI) ListKeys(context.Context, wire.ListKeysRequestObject) (wire.ListKeysResponseObject, error) {
	set := wire.JSONWebKeySet{Keys: []wire.JSONWebKey{}}
	for _, k := range a.Signer.PublicKeys() {
		set.Keys = append(set.Keys, wire.JSONWebKey{
			Kty: wire.JSONWebKeyKtyOKP, Crv: wire.JSONWebKeyCrvEd25519, X: k.X, Kid: k.KeyID, Alg: wire.JSONWebKeyAlgEdDSA, Use: wire.JSONWebKeyUseSig,
		})
	}
	return wire.ListKeys200JSONResponse{Body: set}, nil
}

// GetAPIVersions lists the versions of the API.
func (a directivesAPI) GetAPIVersions(ctx context.Context, _ wire.GetAPIVersionsRequestObject) (wire.GetAPIVersionsResponseObject, error) {
	return wire.GetAPIVersions200JSONResponse(a.apiVersions(ctx, openapi.NameDirectives)), nil
}

// GetAPIVersionsOfV1 lists the versions of the API under its major version.
func (a directivesAPI) GetAPIVersionsOfV1(ctx context.Context, _ wire.GetAPIVersionsOfV1RequestObject) (wire.GetAPIVersionsOfV1ResponseObject, error) {
	return wire.GetAPIVersionsOfV1200JSONResponse(a.apiVersions(ctx, openapi.NameDirectives)), nil
}
