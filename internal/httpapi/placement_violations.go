package httpapi

import (
	"context"

	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

func violationState(v *placement.Violation) wire.RecordedViolationState {
	if v.Until.IsZero() {
		return wire.RecordedViolationStateOPEN
	}
	return wire.RecordedViolationStateENDED
}

// ListViolations returns a page of what runs against the rules.
func (a placementAPI) ListViolations(ctx context.Context, req wire.ListViolationsRequestObject) (wire.ListViolationsResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.Violation]{
		read: a.Compliance.List,
		key:  func(v *placement.Violation) string { return v.ID },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListViolations200JSONResponse{Body: mapped(list, violationToWire), Headers: wire.ListViolations200ResponseHeaders{Link: link}}, nil
}

// GetViolation returns one violation, whether it stands or not.
func (a placementAPI) GetViolation(ctx context.Context, req wire.GetViolationRequestObject) (wire.GetViolationResponseObject, error) {
	v, err := a.Compliance.Get(ctx, req.ViolationID)
	if err != nil {
		return nil, err
	}
	return wire.GetViolation200JSONResponse{Body: violationToWire(&v)}, nil
}

func violationToWire(v *placement.Violation) wire.RecordedViolation {
	w := wire.RecordedViolation{
		ID: v.ID, State: violationState(v), HostID: v.HostID, ResidencyID: v.ResidencyID, VNFInstanceID: v.VNFInstanceID,
		TrustDomainID: v.TrustDomainID, Reason: reasonToWire(&v.Reason, true), OnViolation: wire.RecordedViolationOnViolationREPORT, PolicyEpoch: v.PolicyEpoch,
		Since: v.Since, Until: v.Until, Enforcement: wire.Enforcement(v.Enforcement), Eviction: wire.Eviction(v.Eviction),
		Source: wire.RecordedViolationSource(v.Source), Object: v.Object,
		EvictionOrderedAt: v.OrderedAt, EvictionDoneAt: v.DoneAt,
	}
	if v.Evict {
		w.OnViolation = wire.RecordedViolationOnViolationEVICT
	}
	return w
}
