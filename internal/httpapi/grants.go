package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	wire "ringfence/api/grant"
	"ringfence/internal/auth"
	"ringfence/internal/delivery"
	"ringfence/internal/grant"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

// grantOperation is the operation whose body may be a JSON string that holds the request once more.
const grantOperation = "createGrant"

// grantAPI answers the granting API of SOL003.
type grantAPI struct{ *Server }

func (s *Server) mountGrant(r chi.Router) {
	c := s.apis[openapi.NameGrant]
	strict := wire.NewStrictHandlerWithOptions(grantAPI{s}, nil, wire.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: s.badRequest, ResponseErrorHandlerFunc: s.writeProblem,
	})
	wire.HandlerWithOptions(strict, wire.ChiServerOptions{BaseRouter: s.with(r, c), ErrorHandlerFunc: s.badRequest})
}

// with puts the checks that every API has in front of its routes.
func (s *Server) with(r chi.Router, c *contract) chi.Router {
	return r.With(s.version(c), s.authenticate, s.limit, s.authorize(c), withRequest, s.bounded, s.validate(c), s.represent(c))
}

// bounded limits the time of a request: how long its body may take to come, its answer to be made and to be
// read. Long polls, imports and exports take as long as they need within limits of their own.
func (s *Server) bounded(next http.Handler) http.Handler {
	limited := timeout(requestTimeout)(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		within, h := requestTimeout, limited
		switch {
		case pathPattern(r) == importPath, pathPattern(r) == exportPath, pathPattern(r) == packagesPath && r.Method == http.MethodPost, carriesPackage(r):
			within, h = importTimeout, next
		case r.URL.Query().Has("wait"):
			within, h = delivery.MaxWait+requestTimeout, next
		}
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(time.Now().Add(within))                 // a server without deadlines has its own
		_ = rc.SetWriteDeadline(time.Now().Add(within + writeTimeout)) // likewise
		h.ServeHTTP(w, r)
	})
}

// badRequest answers what the generated code could not read although the contract allowed it.
func (s *Server) badRequest(w http.ResponseWriter, r *http.Request, err error) {
	s.writeProblem(w, r, newProblem(http.StatusBadRequest, "the request could not be read: "+printable(err.Error())))
}

// CreateGrant answers a grant request: 201 with the grant, or 403 with the reasons.
func (a grantAPI) CreateGrant(ctx context.Context, req wire.CreateGrantRequestObject) (wire.CreateGrantResponseObject, error) {
	domain, err := grantRequestFromWire(req.Body)
	if err != nil {
		return nil, err
	}
	p := auth.FromContext(ctx)
	ask := grant.Ask{ClientID: p.ClientID, BodySHA256: bodyDigest(ctx), LI: seesLI(ctx), Request: domain, Body: bodyOf(ctx)}
	if p.PollsGrants {
		id, err := a.Grants.Take(ctx, ask)
		if err != nil {
			return nil, err
		}
		return wire.CreateGrant202Response{Headers: wire.CreateGrant202ResponseHeaders{Location: grantURL(a.base(requestOf(ctx)), id)}}, nil
	}
	res, err := a.Grants.Grant(ctx, ask)
	if err != nil {
		return nil, err
	}
	a.logDecision(ctx, &res)
	if res.Upstream.State == placement.UpstreamRefused {
		return nil, upstreamRefusal(&res)
	}
	if !res.Granted && !res.Observed {
		return nil, refusal(&res.Decision)
	}
	if res.Granted && !res.Replayed {
		a.Delivery.Wake()
	}
	answer := a.grantAnswer(ctx)
	return wire.CreateGrant201JSONResponse{
		Body:    answer.toWire(&res.Grant),
		Headers: wire.CreateGrant201ResponseHeaders{Location: grantURL(answer.base, res.Grant.ID)},
	}, nil
}

// logDecision writes one line per answer, under the ids by which it is found again.
func (s *Server) logDecision(ctx context.Context, res *grant.Result) {
	outcome, id := placement.OutcomeRefuse, res.Decision.ID
	if res.Granted {
		outcome = placement.OutcomeGrant
	}
	if id == "" {
		id = res.Grant.DecisionID
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "decision", slog.String("requestId", requestID(ctx)), slog.String("decisionId", id),
		slog.String("grantId", res.Grant.ID), slog.String("outcome", string(outcome)), slog.String("enforcement", string(modeOf(&res.Decision))), slog.Bool("replayed", res.Replayed),
		slog.String("clientId", auth.FromContext(ctx).ClientID))
}

// GetGrant returns a grant to the client that asked for it.
func (a grantAPI) GetGrant(ctx context.Context, req wire.GetGrantRequestObject) (wire.GetGrantResponseObject, error) {
	client := auth.FromContext(ctx).ClientID
	g, err := a.Grants.Find(ctx, client, req.GrantID)
	if placement.KindOf(err) == placement.NotFound && err != nil {
		return a.pending(ctx, client, req.GrantID)
	}
	if errors.Is(err, grant.ErrNotAgreed) {
		return wire.GetGrant202Response{}, nil
	}
	if err != nil {
		return nil, err
	}
	return wire.GetGrant200JSONResponse(a.grantAnswer(ctx).toWire(&g)), nil
}

// pending answers a request that was taken: 202 until it is decided, then as it would have been answered at once.
func (a grantAPI) pending(ctx context.Context, client, id string) (wire.GetGrantResponseObject, error) {
	p, err := a.Grants.Pending(ctx, client, id)
	switch {
	case err != nil:
		return nil, err
	case !p.Decided:
		return wire.GetGrant202Response{}, nil
	case p.Fault != "":
		return nil, newProblem(http.StatusForbidden, "Refused: "+p.Fault)
	case p.DecisionID != "":
		d, err := a.Grants.Decision(ctx, p.DecisionID)
		if err != nil {
			return nil, err
		}
		return nil, refusal(&d)
	}
	g, err := a.Grants.Find(ctx, client, p.GrantID)
	if err != nil {
		return nil, err
	}
	return wire.GetGrant200JSONResponse(a.grantAnswer(ctx).toWire(&g)), nil
}

// GetAPIVersions lists the versions of the API.
func (a grantAPI) GetAPIVersions(ctx context.Context, _ wire.GetAPIVersionsRequestObject) (wire.GetAPIVersionsResponseObject, error) {
	return wire.GetAPIVersions200JSONResponse(a.apiVersions(ctx, openapi.NameGrant)), nil
}

// GetAPIVersionsOfV1 lists the versions of the API under its major version.
func (a grantAPI) GetAPIVersionsOfV1(ctx context.Context, _ wire.GetAPIVersionsOfV1RequestObject) (wire.GetAPIVersionsOfV1ResponseObject, error) {
	return wire.GetAPIVersionsOfV1200JSONResponse(a.apiVersions(ctx, openapi.NameGrant)), nil
}

type bodyKey struct{}

// bodyOf is the body of a grant request as it was sent, unwrapped where it was wrapped.
func bodyOf(ctx context.Context) []byte {
	b, _ := ctx.Value(bodyKey{}).([]byte)
	return b
}

type digestKey struct{}

// bodyDigest is the SHA-256 of the request's body as it was sent.
func bodyDigest(ctx context.Context) [sha256.Size]byte {
	d, _ := ctx.Value(digestKey{}).([sha256.Size]byte)
	return d
}
