package vnfm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"ringfence/internal/peer"
	"ringfence/internal/placement"
)

// occurrence is what is read of a VnfLcmOpOcc of SOL003.
type occurrence struct {
	ID               string                   `json:"id"`
	VNFInstanceID    string                   `json:"vnfInstanceId"`
	OperationState   placement.OperationState `json:"operationState"`
	StateEnteredTime time.Time                `json:"stateEnteredTime"`
	ResourceChanges  struct {
		AffectedVNFCs []struct {
			ResourceDefinitionID string `json:"resourceDefinitionId"`
			ComputeResource      struct {
				ResourceID string `json:"resourceId"`
			} `json:"computeResource"`
		} `json:"affectedVnfcs"`
	} `json:"resourceChanges"`
}

// reconcile asks a VNFM about operations whose reservations are about to expire, and has followed what it says. An operation that it
// does not know, or says something unknown of, is left to expire.
func (s *Service) reconcile(ctx context.Context, v *placement.VNFM) {
	list, err := s.store.ExpiringOperations(ctx, v.ClientID, min(soon, s.settings.ReservationTTL/4), maxAsked)
	if err != nil {
		s.log.WarnContext(ctx, "operations with reservations that expire could not be looked for", "vnfmId", v.ID, "error", err.Error())
		return
	}
	for i := range list {
		g := &list[i]
		if !isID(g.VNFLcmOpOccID) {
			continue // it would be another path
		}
		ev, found, err := s.ask(ctx, v, g)
		if err != nil {
			s.log.WarnContext(ctx, "a VNFM could not be asked about an operation", "vnfmId", v.ID, "grantId", g.GrantID, "error", err.Error())
			return // it does not answer: the others expire as well
		}
		if !found {
			continue
		}
		out, err := s.operations.FollowOperation(ctx, ev, s.settings.ReservationTTL)
		if err != nil {
			s.log.WarnContext(ctx, "what a VNFM says of an operation was not followed", "vnfmId", v.ID, "grantId", g.GrantID, "error", err.Error())
			continue
		}
		s.log.InfoContext(ctx, "operation was asked about", "vnfmId", v.ID, "grantId", g.GrantID, "state", string(ev.State), "confirmed", out.Confirmed, "ended", out.Ended)
	}
}

// ask asks a VNFM what became of an operation.
func (s *Service) ask(ctx context.Context, v *placement.VNFM, g *placement.GrantedOperation) (ev placement.OperationEvent, found bool, err error) {
	a, err := s.caller.Call(ctx, peerOf(v), peer.Request{
		Method: http.MethodGet, Path: occurrencesPath + "/" + url.PathEscape(g.VNFLcmOpOccID), Version: apiVersion,
	})
	switch {
	case err != nil:
		return ev, false, err
	case a.Status == http.StatusNotFound:
		return ev, false, nil
	case a.Status != http.StatusOK:
		return ev, false, unexpectedly("to read an operation", &a)
	}
	var o occurrence
	if err := json.Unmarshal(a.Body, &o); err != nil {
		return ev, false, errors.New("to read an operation: the answer is no VNF LCM operation occurrence")
	}
	if o.ID != g.VNFLcmOpOccID || o.VNFInstanceID != g.VNFInstanceID || !known(o.OperationState) {
		return ev, false, nil
	}
	ev = placement.OperationEvent{
		VNFInstanceID: g.VNFInstanceID, VNFLcmOpOccID: g.VNFLcmOpOccID, GrantID: g.GrantID, State: o.OperationState, At: o.StateEnteredTime, Actor: v.ClientID,
		VIMResourceID: map[string]string{}, MayTell: func(client string) bool { return client == v.ClientID },
	}
	for i := range o.ResourceChanges.AffectedVNFCs {
		if c := &o.ResourceChanges.AffectedVNFCs[i]; c.ResourceDefinitionID != "" && c.ComputeResource.ResourceID != "" {
			ev.VIMResourceID[c.ResourceDefinitionID] = c.ComputeResource.ResourceID
		}
	}
	return ev, true, nil
}

func known(s placement.OperationState) bool {
	return s.Final() || slices.Contains([]placement.OperationState{
		placement.OperationStarting, placement.OperationProcessing, placement.OperationFailedTemp, placement.OperationRollingBack,
	}, s)
}
