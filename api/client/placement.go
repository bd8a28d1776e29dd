package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"ringfence/api/inventory"
	"ringfence/api/placement"
)

const placementPath = "/placement/v1"

// Decisions lists what was decided and asked, newest first.
func (c *Client) Decisions(ctx context.Context, query url.Values) iter.Seq2[placement.Decision, error] {
	return List[placement.Decision](ctx, c, placementPath+"/decisions", query)
}

// Decision reads a decision.
func (c *Client) Decision(ctx context.Context, id string) (placement.Decision, error) {
	return read[placement.Decision](ctx, c, escaped(placementPath+"/decisions", id), nil)
}

// CreateDecision asks what would be decided, and why. Nothing is reserved.
func (c *Client) CreateDecision(ctx context.Context, request placement.DecisionRequest) (placement.Decision, error) {
	return post[placement.Decision](ctx, c, placementPath+"/decisions", request)
}

// ReplayDecision decides again from the recorded inputs, and compares.
func (c *Client) ReplayDecision(ctx context.Context, id string) (placement.Replay, error) {
	return post[placement.Replay](ctx, c, escaped(placementPath+"/decisions", id, "replay"), nil)
}

// CreateCacheDecision asks how an image may lie in a host's cache.
func (c *Client) CreateCacheDecision(ctx context.Context, request placement.CacheDecisionRequest) (placement.CacheDecision, error) {
	return post[placement.CacheDecision](ctx, c, placementPath+"/cache_decisions", request)
}

// Reservations lists what is reserved.
func (c *Client) Reservations(ctx context.Context, query url.Values) iter.Seq2[placement.Reservation, error] {
	return List[placement.Reservation](ctx, c, placementPath+"/reservations", query)
}

// Reservation reads a reservation.
func (c *Client) Reservation(ctx context.Context, id string) (placement.Reservation, error) {
	return read[placement.Reservation](ctx, c, escaped(placementPath+"/reservations", id), nil)
}

// ReleaseReservation gives back one reservation that nobody will use.
func (c *Client) ReleaseReservation(ctx context.Context, id string, request placement.ReleaseRequest) (placement.Reservation, error) {
	return post[placement.Reservation](ctx, c, escaped(placementPath+"/reservations", id, "release"), request)
}

// CreateReservations reserves for an NFVO that only wants the placement. It may be sent several times, as CreateGrant.
func (c *Client) CreateReservations(ctx context.Context, request placement.ReservationRequest) (placement.ReservationSet, error) {
	var reserved placement.ReservationSet
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: placementPath + "/reservations", JSON: request, Idempotent: true}, &reserved)
	return reserved, err
}

// ConfirmReservations says that the VNF LCM operation of a set of reservations succeeded. Confirming twice is one confirmation.
func (c *Client) ConfirmReservations(ctx context.Context, grantID string) error {
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: escaped(placementPath+"/reservation_sets", grantID, "confirm"), Idempotent: true}, nil)
	return err
}

// ReleaseReservations gives back a set of reservations. Releasing twice is one release.
func (c *Client) ReleaseReservations(ctx context.Context, grantID string) error {
	_, err := c.Do(ctx, Request{Method: http.MethodPost, Path: escaped(placementPath+"/reservation_sets", grantID, "release"), Idempotent: true}, nil)
	return err
}

// Violations lists what runs against the rules.
func (c *Client) Violations(ctx context.Context, query url.Values) iter.Seq2[placement.RecordedViolation, error] {
	return List[placement.RecordedViolation](ctx, c, placementPath+"/violations", query)
}

// Violation reads a violation.
func (c *Client) Violation(ctx context.Context, id string) (placement.RecordedViolation, error) {
	return read[placement.RecordedViolation](ctx, c, escaped(placementPath+"/violations", id), nil)
}

// EnforcementModes lists who is enforced and who only observed.
func (c *Client) EnforcementModes(ctx context.Context, query url.Values) iter.Seq2[placement.EnforcementMode, error] {
	return List[placement.EnforcementMode](ctx, c, placementPath+"/enforcement_modes", query)
}

// EnforcementMode reads a mode.
func (c *Client) EnforcementMode(ctx context.Context, id string) (placement.EnforcementMode, error) {
	return read[placement.EnforcementMode](ctx, c, escaped(placementPath+"/enforcement_modes", id), nil)
}

// PutEnforcementMode sets a mode.
func (c *Client) PutEnforcementMode(ctx context.Context, id string, request placement.EnforcementModeRequest, w Write) (placement.EnforcementMode, error) {
	var mode placement.EnforcementMode
	_, err := c.Do(ctx, Request{
		Method: http.MethodPut, Path: escaped(placementPath+"/enforcement_modes", id), Header: w.Header(), JSON: request,
	}, &mode)
	return mode, err
}

// EnforcementReport says what enforcing would change. since is an RFC 3339 time; empty: since the mode was set.
func (c *Client) EnforcementReport(ctx context.Context, id, since string) (placement.EnforcementReport, error) {
	var query url.Values
	if since != "" {
		query = url.Values{"since": {since}}
	}
	return read[placement.EnforcementReport](ctx, c, escaped(placementPath+"/enforcement_modes", id, "report"), query)
}

// PlacedResidencies lists where the caller's own workloads run.
func (c *Client) PlacedResidencies(ctx context.Context, query url.Values) iter.Seq2[inventory.Residency, error] {
	return List[inventory.Residency](ctx, c, placementPath+"/residencies", query)
}

// NotificationDeliveries lists what is sent to subscribers, and what became of it.
func (c *Client) NotificationDeliveries(ctx context.Context, query url.Values) iter.Seq2[placement.NotificationDelivery, error] {
	return List[placement.NotificationDelivery](ctx, c, placementPath+"/notification_deliveries", query)
}

// PolicyAnalysis says what a version of a policy contradicts and would change; compareTo may name another version, or be empty.
func (c *Client) PolicyAnalysis(ctx context.Context, policyID, version, compareTo string) (placement.PolicyAnalysis, error) {
	r := Request{Path: escaped(placementPath+"/policies", policyID, "versions", version, "analysis"), Patient: true}
	if compareTo != "" {
		r.Query = url.Values{"compareTo": {compareTo}}
	}
	var analysis placement.PolicyAnalysis
	_, err := c.Do(ctx, r, &analysis)
	return analysis, err
}

// PendingChangeAnalysis says what a change that waits for a second person would do.
func (c *Client) PendingChangeAnalysis(ctx context.Context, id string) (placement.PendingChangeAnalysis, error) {
	var analysis placement.PendingChangeAnalysis
	_, err := c.Do(ctx, Request{Path: escaped(placementPath+"/pending_changes", id, "analysis"), Patient: true}, &analysis)
	return analysis, err
}

// AccessRefusals lists callers who were answered 401, or 403 for what their roles do not allow, newest first.
func (c *Client) AccessRefusals(ctx context.Context, query url.Values) iter.Seq2[placement.AccessRefusal, error] {
	return List[placement.AccessRefusal](ctx, c, placementPath+"/access_refusals", query)
}
