package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	wire "ringfence/api/placement"
	"ringfence/internal/auth"
	"ringfence/internal/grant"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

// dryRunOperation carries a grant request, which is read as leniently as in the granting API.
const dryRunOperation = "createDecision"

// lenientOperations are those whose bodies VNFMs and NFVOs of others write: null means absent.
func lenientOperations() []string {
	return []string{grantOperation, dryRunOperation, "createReservations", "notifyVnfLcm"}
}

// Records are the stored decisions and reservations.
type Records interface {
	// ListDecisions returns a page of decisions, newest first; with a client only those that it asked for.
	ListDecisions(ctx context.Context, clientID string, page placement.Page) ([]placement.Decision, error)
	// ListReservations returns a page of what was granted and has not ended, ascending by id; with a client only what it was granted.
	ListReservations(ctx context.Context, clientID string, page placement.Page) ([]placement.Residency, error)
	GetReservation(ctx context.Context, id string) (placement.Residency, error)
	// ListPlacedResidencies returns a page of residencies, ascending by id; with a client only what it was granted, with a grant only
	// what that one placed.
	ListPlacedResidencies(ctx context.Context, clientID, grantID string, page placement.Page) ([]placement.Residency, error)
	// ListDeliveries returns a page of the deliveries of notifications, newest first.
	ListDeliveries(ctx context.Context, page placement.Page) ([]placement.DeliveryRecord, error)
	// ListVNFMs returns a page of the VNFMs that are subscribed to, ascending by id.
	ListVNFMs(ctx context.Context, page placement.Page) ([]placement.VNFM, error)
	GetVNFM(ctx context.Context, id string) (placement.VNFM, error)
	// ListAccessRefusals returns a page of callers who were refused, newest first.
	ListAccessRefusals(ctx context.Context, page placement.Page) ([]placement.AccessRefusal, error)
	// RecordAccessRefusals adds some, all or none.
	RecordAccessRefusals(ctx context.Context, list []placement.AccessRefusal) error
}

// placementAPI answers the placement API.
type placementAPI struct{ *Server }

func (s *Server) mountPlacement(r chi.Router) {
	c := s.apis[openapi.NamePlacement]
	strict := wire.NewStrictHandlerWithOptions(placementAPI{s}, nil, wire.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: s.badRequest, ResponseErrorHandlerFunc: s.writeProblem,
	})
	wire.HandlerWithOptions(strict, wire.ChiServerOptions{BaseRouter: s.with(r, c), ErrorHandlerFunc: s.badRequest})
}

// readsAll tells whether a caller may know what others run. Anybody else knows only what it asked itself.
func readsAll(ctx context.Context) bool {
	return auth.FromContext(ctx).Has(readers()...)
}

// own is the client whose records the caller is limited to; empty: not limited.
func own(ctx context.Context) string {
	if readsAll(ctx) {
		return ""
	}
	return actor(ctx)
}

func decisionURL(base, id string) string {
	return base + "/placement/v1/decisions/" + url.PathEscape(id)
}

// CreateDecision decides without reserving anything.
func (a placementAPI) CreateDecision(ctx context.Context, req wire.CreateDecisionRequestObject) (wire.CreateDecisionResponseObject, error) {
	request, err := grantRequestFromWire(&req.Body.GrantRequest)
	if err != nil {
		return nil, within("/grantRequest", err)
	}
	q := grant.Question{
		ClientID: actor(ctx), ReadsAll: readsAll(ctx), LI: seesLI(ctx), Request: request, Level: placement.ExplainLevel(req.Body.Explain), Limit: req.Body.Limit,
		HostIDs: req.Body.HostIDs,
	}
	if q.Level == "" {
		q.Level = placement.ExplainFunnel
	}
	if c := req.Body.CandidatePolicy; c.PolicyID != "" {
		if !readsAll(ctx) { // what is being prepared is not for those who are judged by it
			return nil, placement.Errorf(placement.Forbidden, "candidatePolicy needs one of the roles %s: ask without it, by the policies in force", readers())
		}
		if q.Candidates, err = a.Policies.Candidates(ctx, c.PolicyID, c.Version); err != nil {
			return nil, err
		}
	}
	d, err := a.Grants.Decide(ctx, q)
	if err != nil {
		return nil, recordProblem(err)
	}
	return wire.CreateDecision201JSONResponse{
		Body:    decisionToWire(&d, readsAll(ctx)),
		Headers: wire.CreateDecision201ResponseHeaders{Location: decisionURL(a.base(requestOf(ctx)), d.ID)},
	}, nil
}

// within moves the pointers of a problem into the attribute that holds what they point into.
func within(attribute string, err error) error {
	var p *problem
	if !errors.As(err, &p) {
		return err
	}
	moved := *p
	moved.InvalidParams = slices.Clone(p.InvalidParams)
	for i := range moved.InvalidParams {
		moved.InvalidParams[i].Pointer = attribute + moved.InvalidParams[i].Pointer
	}
	return &moved
}

// decisionPage is smaller than other pages: a decision may hold an explanation of every host.
const decisionPage = 50

// ListDecisions returns a page of the recorded decisions.
func (a placementAPI) ListDecisions(ctx context.Context, req wire.ListDecisionsRequestObject) (wire.ListDecisionsResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.Decision]{
		read: func(ctx context.Context, page placement.Page) ([]placement.Decision, error) {
			return a.Records.ListDecisions(ctx, own(ctx), page)
		},
		key:  func(d *placement.Decision) string { return d.ID },
		size: decisionPage,
	})
	if err != nil {
		return nil, err
	}
	full := readsAll(ctx)
	return wire.ListDecisions200JSONResponse{
		Body:    mapped(list, func(d *placement.Decision) wire.Decision { return decisionToWire(d, full) }),
		Headers: wire.ListDecisions200ResponseHeaders{Link: link},
	}, nil
}

// visibleDecision returns a decision that the caller may read; to others it does not exist.
func (a placementAPI) visibleDecision(ctx context.Context, id string) (placement.Decision, error) {
	d, err := a.Grants.Decision(ctx, id)
	if err == nil && !readsAll(ctx) && d.ClientID != actor(ctx) {
		return placement.Decision{}, placement.NoSuch("decision", id)
	}
	return d, err
}

// GetDecision returns a recorded decision.
func (a placementAPI) GetDecision(ctx context.Context, req wire.GetDecisionRequestObject) (wire.GetDecisionResponseObject, error) {
	d, err := a.visibleDecision(ctx, req.DecisionID)
	if err != nil {
		return nil, err
	}
	return wire.GetDecision200JSONResponse{Body: decisionToWire(&d, readsAll(ctx))}, nil
}

// ReplayDecision decides again and compares.
func (a placementAPI) ReplayDecision(ctx context.Context, req wire.ReplayDecisionRequestObject) (wire.ReplayDecisionResponseObject, error) {
	recorded, err := a.visibleDecision(ctx, req.DecisionID)
	if err != nil {
		return nil, err
	}
	replay, err := a.Grants.ReplayDecision(ctx, a.Feed, req.DecisionID)
	if err != nil {
		return nil, err
	}
	full := readsAll(ctx)
	again := decisionToWire(&replay.Decision, full)
	differences, err := compareJSON(decisionToWire(&recorded, full), again)
	if err != nil {
		return nil, err
	}
	return wire.ReplayDecision200JSONResponse{Identical: len(differences) == 0, Differences: differences, Decision: again}, nil
}

// CreateCacheDecision answers whether an artefact may lie on a host.
func (a placementAPI) CreateCacheDecision(ctx context.Context, req wire.CreateCacheDecisionRequestObject) (wire.CreateCacheDecisionResponseObject, error) {
	if !readsAll(ctx) {
		if err := a.standsFor(ctx, req.Body.HostID); err != nil {
			return nil, err
		}
	}
	if err := a.mayOrder(ctx, &req); err != nil {
		return nil, err
	}
	ans, err := a.Grants.DecideCache(ctx, grant.CacheQuestion{
		ClientID: actor(ctx), Digest: req.Body.Digest, HostID: req.Body.HostID, TrustDomainID: req.Body.TrustDomainID,
		Purpose: grant.CachePurpose(req.Body.Purpose), Order: req.Body.Order,
		LI: seesLI(ctx) || auth.FromContext(ctx).ActsFor(req.Body.HostID, a.Delivery.VIMConnection(req.Body.HostID)),
	})
	if err != nil {
		return nil, err
	}
	body := wire.CacheDecision{DecisionID: ans.Decision.ID, Outcome: wire.CacheOutcomeDENY, Reasons: reasonsToWire(ans.Reasons, readsAll(ctx))}
	if ans.Allowed {
		body.Outcome, body.Mode, body.DirectiveSeq = wire.CacheOutcomeALLOW, cacheModeToWire(ans.Mode), ans.Seq
	}
	return wire.CreateCacheDecision201JSONResponse{
		Body:    body,
		Headers: wire.CreateCacheDecision201ResponseHeaders{Location: decisionURL(a.base(requestOf(ctx)), ans.Decision.ID)},
	}, nil
}

// mayOrder tells whether the caller may have a host told to fetch what it asks about.
func (a placementAPI) mayOrder(ctx context.Context, req *wire.CreateCacheDecisionRequestObject) error {
	switch {
	case !req.Body.Order:
		return nil
	case req.Body.Purpose != wire.CachePurposePREPULL:
		return newProblem(http.StatusUnprocessableEntity, "only with the purpose PRE_PULL a host can be told to fetch an artefact; for START the grant has told it")
	case auth.FromContext(ctx).Has(auth.RoleOperator):
		return nil
	case !auth.FromContext(ctx).ActsFor(req.Body.HostID, a.Delivery.VIMConnection(req.Body.HostID)):
		return placement.Errorf(placement.Forbidden, "to have a host fetch an artefact takes the role OPERATOR, or AGENT of that host; leave out order to only ask")
	}
	return nil
}

// GetAPIVersions lists the versions of the API.
func (a placementAPI) GetAPIVersions(ctx context.Context, _ wire.GetAPIVersionsRequestObject) (wire.GetAPIVersionsResponseObject, error) {
	return wire.GetAPIVersions200JSONResponse(a.apiVersions(ctx, openapi.NamePlacement)), nil
}

// GetAPIVersionsOfV1 lists the versions of the API under its major version.
func (a placementAPI) GetAPIVersionsOfV1(ctx context.Context, _ wire.GetAPIVersionsOfV1RequestObject) (wire.GetAPIVersionsOfV1ResponseObject, error) {
	return wire.GetAPIVersionsOfV1200JSONResponse(a.apiVersions(ctx, openapi.NamePlacement)), nil
}
