package httpapi

import (
	"context"
	"strings"

	wire "ringfence/api/placement"
	"ringfence/internal/auth"
	"ringfence/internal/grant"
	"ringfence/internal/placement"
)

// CreateReservations places and reserves what a grant request lists, for an NFVO that grants itself.
func (a placementAPI) CreateReservations(ctx context.Context, req wire.CreateReservationsRequestObject) (wire.CreateReservationsResponseObject, error) {
	request, err := grantRequestFromWire(&req.Body.GrantRequest)
	if err != nil {
		return nil, within("/grantRequest", err)
	}
	p := auth.FromContext(ctx)
	client := p.ClientID
	if req.Body.OnBehalfOf != "" {
		client = req.Body.OnBehalfOf
	}
	if !p.SpeaksFor(client, request.VNFInstanceID) {
		return nil, placement.Errorf(placement.Forbidden, "onBehalfOf: you have no delegation to speak for %q about this VNF instance", printable(client))
	}
	asClient := placement.WithViewer(ctx, placement.Viewer{ClientID: client, LI: seesLI(ctx)}) // whose answer may be read again
	res, err := a.Grants.Grant(asClient, grant.Ask{ClientID: client, BodySHA256: bodyDigest(ctx), LI: seesLI(ctx), Request: request, PlacementOnly: true})
	if err != nil {
		return nil, err
	}
	a.logDecision(ctx, &res)
	if !res.Granted {
		return nil, refusal(&res.Decision)
	}
	if !res.Replayed {
		a.Delivery.Wake()
	}
	g := &res.Grant
	set := wire.ReservationSet{GrantID: g.ID, DecisionID: g.DecisionID, VNFInstanceID: g.Request.VNFInstanceID, VNFLcmOpOccID: g.Request.VNFLcmOpOccID, ValidUntil: g.ValidUntil}
	for i := range g.Placements {
		set.Placements = append(set.Placements, grantedPlacementToWire(&g.Placements[i]))
		set.ReservationIDs = append(set.ReservationIDs, g.Placements[i].ResidencyID)
	}
	return wire.CreateReservations201JSONResponse(set), nil
}

// ConfirmReservations says that what was reserved runs.
func (a placementAPI) ConfirmReservations(ctx context.Context, req wire.ConfirmReservationsRequestObject) (wire.ConfirmReservationsResponseObject, error) {
	if err := a.settle(ctx, req.GrantID, placement.OperationCompleted); err != nil {
		return nil, err
	}
	return wire.ConfirmReservations204Response{}, nil
}

// ReleaseReservations gives back what was reserved.
func (a placementAPI) ReleaseReservations(ctx context.Context, req wire.ReleaseReservationsRequestObject) (wire.ReleaseReservationsResponseObject, error) {
	if err := a.settle(ctx, req.GrantID, placement.OperationRolledBack); err != nil {
		return nil, err
	}
	return wire.ReleaseReservations204Response{}, nil
}

func (a placementAPI) settle(ctx context.Context, grantID string, state placement.OperationState) error {
	return a.Delivery.Settle(ctx, grantID, state, actor(ctx), auth.FromContext(ctx).SpeaksFor, a.ReservationTTL)
}

// TestVNFLcmNotification tells a VNFM that notifications are taken here.
func (a placementAPI) TestVNFLcmNotification(context.Context, wire.TestVNFLcmNotificationRequestObject) (wire.TestVNFLcmNotificationResponseObject, error) {
	return wire.TestVNFLcmNotification204Response{}, nil
}

// lcmNotificationsPath is where VNFMs notify.
const lcmNotificationsPath = "/placement/v1/vnf_lcm_notifications"

// offeredToVNFM are the versions that a notification may have. It belongs to the VNFM's VNF LCM interface, of whose versions 1.x and 2.x
// nothing is read that differs.
func offeredToVNFM(offered, asked []string) []string {
	if len(asked) == 1 && (strings.HasPrefix(asked[0], "1.") || strings.HasPrefix(asked[0], "2.")) {
		return asked
	}
	return offered
}

// notificationOfOperation is the type of the notifications that something follows from.
const notificationOfOperation = "VnfLcmOperationOccurrenceNotification"

// NotifyVNFLcm takes what a VNFM tells of its operations.
func (a placementAPI) NotifyVNFLcm(ctx context.Context, req wire.NotifyVNFLcmRequestObject) (wire.NotifyVNFLcmResponseObject, error) {
	n := req.Body
	if n.NotificationType != notificationOfOperation {
		return wire.NotifyVNFLcm204Response{}, nil
	}
	if n.VNFLcmOpOccID == "" || n.OperationState == "" || n.VNFInstanceID == "" {
		return nil, newProblem(422, "a "+notificationOfOperation+" needs vnfInstanceId, vnfLcmOpOccId and operationState")
	}
	p := auth.FromContext(ctx)
	ev := placement.OperationEvent{
		VNFInstanceID: n.VNFInstanceID, VNFLcmOpOccID: n.VNFLcmOpOccID, State: placement.OperationState(n.OperationState), At: n.TimeStamp, Actor: p.ClientID,
		MayTell: func(client string) bool { return p.SpeaksFor(client, n.VNFInstanceID) },
	}
	ev.VIMResourceID, ev.Unnamed = addedVNFCs(n.AffectedVnfcs)
	out, err := a.Delivery.FollowOperation(ctx, ev, a.ReservationTTL)
	if err != nil {
		return nil, err
	}
	a.log.InfoContext(ctx, "operation", "requestId", requestID(ctx), "clientId", p.ClientID, "state", string(ev.State), "granted", out.Granted,
		"late", out.Late, "confirmed", out.Confirmed, "ended", out.Ended)
	return wire.NotifyVNFLcm204Response{}, nil
}

// addedVNFCs are what VIMs call the components that an operation left: by resource definition, and of those that name none.
func addedVNFCs(affected []wire.AffectedVNFC) (named map[string]string, unnamed []placement.AddedVNFC) {
	named = map[string]string{}
	for i := range affected {
		c := &affected[i]
		added := c.ChangeType == "" || c.ChangeType == wire.AffectedVNFCChangeTypeADDED
		switch {
		case c.ComputeResource.ResourceID == "" || c.ChangeType == wire.AffectedVNFCChangeTypeREMOVED:
		case c.ResourceDefinitionID != "":
			named[c.ResourceDefinitionID] = c.ComputeResource.ResourceID
		case c.VDUID != "" && added:
			unnamed = append(unnamed, placement.AddedVNFC{
				ComponentID: c.VDUID, VIMConnectionID: c.ComputeResource.VIMConnectionID, VIMResourceID: c.ComputeResource.ResourceID,
			})
		}
	}
	return named, unnamed
}
