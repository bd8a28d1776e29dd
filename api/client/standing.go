package client

import (
	"context"
	"iter"
	"net/url"

	"ringfence/api/placement"
)

const (
	constraintsPath = placementPath + "/constraints"
	vnfmsPath       = placementPath + "/vnfms"
)

// StandingConstraints lists what every request must meet.
func (c *Client) StandingConstraints(ctx context.Context, query url.Values) iter.Seq2[placement.StandingConstraint, error] {
	return List[placement.StandingConstraint](ctx, c, constraintsPath, query)
}

// StandingConstraint reads a standing constraint.
func (c *Client) StandingConstraint(ctx context.Context, id string) (placement.StandingConstraint, error) {
	return read[placement.StandingConstraint](ctx, c, escaped(constraintsPath, id), nil)
}

// CreateStandingConstraint states what every later request must meet.
func (c *Client) CreateStandingConstraint(ctx context.Context, request placement.StandingConstraintRequest) (placement.StandingConstraint, error) {
	return post[placement.StandingConstraint](ctx, c, constraintsPath, request)
}

// DeleteStandingConstraint lifts a standing constraint.
func (c *Client) DeleteStandingConstraint(ctx context.Context, id string) error {
	return c.remove(ctx, escaped(constraintsPath, id))
}

// VNFMs lists the VNFMs that ringfence subscribes to.
func (c *Client) VNFMs(ctx context.Context, query url.Values) iter.Seq2[placement.VNFM, error] {
	return List[placement.VNFM](ctx, c, vnfmsPath, query)
}

// VNFM reads a VNFM and the state of its subscription.
func (c *Client) VNFM(ctx context.Context, id string) (placement.VNFM, error) {
	return read[placement.VNFM](ctx, c, escaped(vnfmsPath, id), nil)
}

// CreateVNFM subscribes to the operations of a VNFM.
func (c *Client) CreateVNFM(ctx context.Context, request placement.VNFMRequest) (placement.VNFM, error) {
	return post[placement.VNFM](ctx, c, vnfmsPath, request)
}

// DeleteVNFM unsubscribes from a VNFM.
func (c *Client) DeleteVNFM(ctx context.Context, id string) error {
	return c.remove(ctx, escaped(vnfmsPath, id))
}
