package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/go-chi/chi/v5"

	wire "ringfence/api/nfvpolicy"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
	"ringfence/openapi"
)

// transferOperation takes a document that its own parser judges, with positions, and not the contract's schema.
const transferOperation = "transferPolicyVersion"

// nfvPolicyAPI answers the policy management API of SOL012.
type nfvPolicyAPI struct{ *Server }

func (s *Server) mountNFVPolicy(r chi.Router) {
	c := s.apis[openapi.NameNFVPolicy]
	strict := wire.NewStrictHandlerWithOptions(nfvPolicyAPI{s}, nil, wire.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: s.badRequest, ResponseErrorHandlerFunc: s.writeProblem,
	})
	wire.HandlerWithOptions(strict, wire.ChiServerOptions{BaseRouter: s.with(r, c), ErrorHandlerFunc: s.badRequest})
}

// CreatePolicy makes a policy without content.
func (a nfvPolicyAPI) CreatePolicy(ctx context.Context, req wire.CreatePolicyRequestObject) (wire.CreatePolicyResponseObject, error) {
	p, err := a.Policies.Create(ctx, actor(ctx), policies.Draft{
		Designer: req.Body.Designer, Name: req.Body.Name, PFID: req.Body.PFID, Associations: req.Body.Associations,
	})
	if err != nil {
		return nil, err
	}
	base := a.base(requestOf(ctx))
	return wire.CreatePolicy201JSONResponse{
		Body:    policyToWire(&p, base),
		Headers: wire.CreatePolicy201ResponseHeaders{Location: policyURL(base, p.ID), ETag: etag(p.Revision)},
	}, nil
}

// ListPolicies returns a page of policies.
func (a nfvPolicyAPI) ListPolicies(ctx context.Context, req wire.ListPoliciesRequestObject) (wire.ListPoliciesResponseObject, error) {
	base := a.base(requestOf(ctx))
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.PolicyRecord]{
		read: a.Policies.List, key: policies.PageKey,
	})
	if err != nil {
		return nil, err
	}
	return wire.ListPolicies200JSONResponse{
		Body:    mapped(list, func(p *placement.PolicyRecord) wire.Policy { return policyToWire(p, base) }),
		Headers: wire.ListPolicies200ResponseHeaders{Link: link},
	}, nil
}

// GetPolicy returns a policy without its content.
func (a nfvPolicyAPI) GetPolicy(ctx context.Context, req wire.GetPolicyRequestObject) (wire.GetPolicyResponseObject, error) {
	p, err := a.Policies.Get(ctx, req.PolicyID)
	if err != nil {
		return nil, err
	}
	return wire.GetPolicy200JSONResponse{
		Body: policyToWire(&p, a.base(requestOf(ctx))), Headers: wire.GetPolicy200ResponseHeaders{ETag: etag(p.Revision)},
	}, nil
}

// ModifyPolicy applies changes together or not at all, and repeats them.
func (a nfvPolicyAPI) ModifyPolicy(ctx context.Context, req wire.ModifyPolicyRequestObject) (wire.ModifyPolicyResponseObject, error) {
	revision, err := ifMatch(req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	m := modificationFromWire(req.Body)
	m.BreakGlass = strings.TrimSpace(req.Params.RingfenceBreakGlass)
	p, evicted, err := a.Policies.Modify(ctx, actor(ctx), req.PolicyID, revision, m)
	if err != nil {
		return nil, err
	}
	return wire.ModifyPolicy200JSONResponse{Body: *req.Body, Headers: wire.ModifyPolicy200ResponseHeaders{ETag: etag(p.Revision), RingfenceEvictions: evicted}}, nil
}

// DeletePolicy removes a policy that is not in force.
func (a nfvPolicyAPI) DeletePolicy(ctx context.Context, req wire.DeletePolicyRequestObject) (wire.DeletePolicyResponseObject, error) {
	revision, err := ifMatch(req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := a.Policies.Delete(ctx, actor(ctx), req.PolicyID, revision); err != nil {
		return nil, err
	}
	return wire.DeletePolicy204Response{}, nil
}

// TransferPolicyVersion stores the content of a version, byte for byte.
func (a nfvPolicyAPI) TransferPolicyVersion(ctx context.Context, req wire.TransferPolicyVersionRequestObject) (wire.TransferPolicyVersionResponseObject, error) {
	content, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read policy content: %w", err)
	}
	if _, err := a.Policies.Transfer(ctx, actor(ctx), req.PolicyID, req.Version, req.ContentType, content); err != nil {
		return nil, err
	}
	return wire.TransferPolicyVersion201Response{Headers: wire.TransferPolicyVersion201ResponseHeaders{
		Location: versionURL(a.base(requestOf(ctx)), req.PolicyID, req.Version),
	}}, nil
}

// GetPolicyVersion returns the content of a version as it was transferred.
func (a nfvPolicyAPI) GetPolicyVersion(ctx context.Context, req wire.GetPolicyVersionRequestObject) (wire.GetPolicyVersionResponseObject, error) {
	v, err := a.Policies.Version(ctx, req.PolicyID, req.Version)
	if err != nil {
		return nil, err
	}
	if err := accepted(requestOf(ctx), v.MediaType); err != nil {
		return nil, err
	}
	return wire.GetPolicyVersion200AsteriskResponse{
		Body: bytes.NewReader(v.Content), ContentType: v.MediaType, ContentLength: int64(len(v.Content)),
	}, nil
}

// GetSelectedPolicyVersion returns the content of the selected version.
func (a nfvPolicyAPI) GetSelectedPolicyVersion(ctx context.Context, req wire.GetSelectedPolicyVersionRequestObject) (wire.GetSelectedPolicyVersionResponseObject, error) {
	v, err := a.Policies.Selected(ctx, req.PolicyID)
	if err != nil {
		return nil, err
	}
	if err := accepted(requestOf(ctx), v.MediaType); err != nil {
		return nil, err
	}
	return wire.GetSelectedPolicyVersion200AsteriskResponse{
		Body: bytes.NewReader(v.Content), ContentType: v.MediaType, ContentLength: int64(len(v.Content)),
	}, nil
}

// DeletePolicyVersion removes a version that is not selected.
func (a nfvPolicyAPI) DeletePolicyVersion(ctx context.Context, req wire.DeletePolicyVersionRequestObject) (wire.DeletePolicyVersionResponseObject, error) {
	if err := a.Policies.DeleteVersion(ctx, actor(ctx), req.PolicyID, req.Version); err != nil {
		return nil, err
	}
	return wire.DeletePolicyVersion204Response{}, nil
}

// GetAPIVersions lists the versions of the API.
func (a nfvPolicyAPI) GetAPIVersions(ctx context.Context, _ wire.GetAPIVersionsRequestObject) (wire.GetAPIVersionsResponseObject, error) {
	return wire.GetAPIVersions200JSONResponse(a.apiVersions(ctx, openapi.NameNFVPolicy)), nil
}

// GetAPIVersionsOfV1 lists the versions of the API under its major version.
func (a nfvPolicyAPI) GetAPIVersionsOfV1(ctx context.Context, _ wire.GetAPIVersionsOfV1RequestObject) (wire.GetAPIVersionsOfV1ResponseObject, error) {
	return wire.GetAPIVersionsOfV1200JSONResponse(a.apiVersions(ctx, openapi.NameNFVPolicy)), nil
}

// actor names who acts, for the audit trail.
func actor(ctx context.Context) string { return auth.FromContext(ctx).ClientID }
