package httpapi

import (
	"context"
	"net/url"
	"slices"

	"github.com/google/uuid"

	wire "ringfence/api/placement"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

// Constraints keeps the standing constraints.
type Constraints interface {
	// ListStandingConstraints returns a page of what the caller may know, ascending by id.
	ListStandingConstraints(ctx context.Context, page placement.Page) ([]placement.StandingConstraint, error)
	GetStandingConstraint(ctx context.Context, id string) (placement.StandingConstraint, error)
	// AddStandingConstraint states a constraint: whatever is decided after it returns meets it.
	AddStandingConstraint(ctx context.Context, c placement.StandingConstraint) (placement.StandingConstraint, error)
	// DeleteStandingConstraint lifts a constraint; with ifRevision only that revision of it. PreconditionFailed.
	DeleteStandingConstraint(ctx context.Context, id string, ifRevision *int64, actor string) error
	// VNFInstanceParams says whose a VNF instance is.
	VNFInstanceParams(ctx context.Context, vnfInstanceID string) (placement.VNFInstanceParams, error)
}

// ListStandingConstraints returns a page of the standing constraints that the caller may know.
func (a placementAPI) ListStandingConstraints(ctx context.Context, req wire.ListStandingConstraintsRequestObject) (wire.ListStandingConstraintsResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.StandingConstraint]{
		read: a.Constraints.ListStandingConstraints, key: func(c *placement.StandingConstraint) string { return c.ID },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListStandingConstraints200JSONResponse{
		Body: mapped(list, standingToWire), Headers: wire.ListStandingConstraints200ResponseHeaders{Link: link},
	}, nil
}

// GetStandingConstraint returns a standing constraint.
func (a placementAPI) GetStandingConstraint(ctx context.Context, req wire.GetStandingConstraintRequestObject) (wire.GetStandingConstraintResponseObject, error) {
	c, err := a.Constraints.GetStandingConstraint(ctx, req.ConstraintID)
	if err != nil {
		return nil, err
	}
	return wire.GetStandingConstraint200JSONResponse{
		Body: standingToWire(&c), Headers: wire.GetStandingConstraint200ResponseHeaders{ETag: etag(c.Revision)},
	}, nil
}

// CreateStandingConstraint states what every later request must meet.
func (a placementAPI) CreateStandingConstraint(ctx context.Context, req wire.CreateStandingConstraintRequestObject) (wire.CreateStandingConstraintResponseObject, error) {
	c := standingFromWire(req.Body)
	c.ID, c.ActorID = uuid.NewString(), actor(ctx)
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := a.mayState(ctx, &c); err != nil {
		return nil, err
	}
	c, err := a.Constraints.AddStandingConstraint(ctx, c)
	if err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "standing constraint stated", "requestId", requestID(ctx), "constraintId", c.ID, "kind", string(c.Kind), "clientId", actor(ctx))
	return wire.CreateStandingConstraint201JSONResponse{
		Body: standingToWire(&c), Headers: wire.CreateStandingConstraint201ResponseHeaders{
			ETag: etag(c.Revision), Location: a.base(requestOf(ctx)) + "/placement/v1/constraints/" + url.PathEscape(c.ID),
		},
	}, nil
}

// mayState refuses an NFVO what is not its own to speak of. What nobody was granted yet it may speak of where a delegation covers it.
func (a placementAPI) mayState(ctx context.Context, c *placement.StandingConstraint) error {
	p := auth.FromContext(ctx)
	if p.Has(auth.RoleOperator) {
		return nil
	}
	if c.VNFDID != "" {
		return placement.Errorf(placement.Forbidden, "vnfdId: what holds for all VNF instances of a VNFD is stated with the role OPERATOR; an NFVO lists vnfInstanceIds")
	}
	for _, id := range c.VNFInstanceIDs {
		known, err := a.Constraints.VNFInstanceParams(ctx, id)
		if err != nil {
			return err
		}
		if !p.SpeaksFor(known.ClientID, id) && (known.ClientID != "" || !p.Delegated(id)) {
			return placement.Errorf(placement.Forbidden, "vnfInstanceIds: VNF instance %q is not yours, and you have no delegation to speak for whose it is", printable(id))
		}
	}
	return nil
}

// DeleteStandingConstraint lifts a standing constraint.
func (a placementAPI) DeleteStandingConstraint(ctx context.Context, req wire.DeleteStandingConstraintRequestObject) (wire.DeleteStandingConstraintResponseObject, error) {
	revision, err := ifMatch(req.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := a.Constraints.GetStandingConstraint(ctx, req.ConstraintID) // to who may not know it, it does not exist
	if err != nil {
		return nil, err
	}
	if !auth.FromContext(ctx).Has(auth.RoleOperator) && c.ActorID != actor(ctx) {
		return nil, placement.Errorf(placement.Forbidden, "another client stated this constraint: that client lifts it, or somebody with the role OPERATOR")
	}
	if err := a.Constraints.DeleteStandingConstraint(ctx, c.ID, revision, actor(ctx)); err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "standing constraint lifted", "requestId", requestID(ctx), "constraintId", c.ID, "clientId", actor(ctx))
	return wire.DeleteStandingConstraint204Response{}, nil
}

func standingFromWire(w *wire.StandingConstraintRequest) placement.StandingConstraint {
	ascending := func(ids []string) []string {
		slices.Sort(ids)
		return ids
	}
	return placement.StandingConstraint{
		VNFDID: w.VNFDID, VNFInstanceIDs: ascending(w.VNFInstanceIDs), NSInstanceID: w.NSInstanceID, ComponentIDs: ascending(w.ComponentIDs),
		Kind: placement.StandingKind(w.Kind), Scope: placement.Scope(w.Scope), UnitIDs: ascending(w.UnitIDs), Reason: w.Reason,
	}
}

func standingToWire(c *placement.StandingConstraint) wire.StandingConstraint {
	return wire.StandingConstraint{
		ID: c.ID, VNFDID: c.VNFDID, VNFInstanceIDs: c.VNFInstanceIDs, NSInstanceID: c.NSInstanceID, ComponentIDs: c.ComponentIDs,
		Kind: wire.StandingKind(c.Kind), Scope: wire.StandingScope(c.Scope), UnitIDs: c.UnitIDs, Reason: c.Reason, ActorID: c.ActorID, CreatedAt: c.CreatedAt,
	}
}
