package httpapi

import (
	"context"

	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// violationAttributes are those by which violations can be filtered.
func violationAttributes() filterable[placement.Violation] {
	return filterable[placement.Violation]{
		"id":            byText(func(v *placement.Violation) string { return v.ID }),
		"state":         byName(violationState),
		"enforcement":   byName(func(v *placement.Violation) placement.Enforcement { return v.Enforcement }),
		"eviction":      byName(func(v *placement.Violation) placement.Eviction { return v.Eviction }),
		"source":        byName(func(v *placement.Violation) placement.ViolationSource { return v.Source }),
		"object":        byText(func(v *placement.Violation) string { return v.Object }),
		"hostId":        byText(func(v *placement.Violation) string { return v.HostID }),
		"residencyId":   byText(func(v *placement.Violation) string { return v.ResidencyID }),
		"vnfInstanceId": byText(func(v *placement.Violation) string { return v.VNFInstanceID }),
		"trustDomainId": byText(func(v *placement.Violation) string { return v.TrustDomainID }),
		"policyId":      byText(func(v *placement.Violation) string { return v.Reason.PolicyID }),
		"ruleId":        byText(func(v *placement.Violation) string { return v.Reason.RuleID }),
	}
}

func violationState(v *placement.Violation) wire.RecordedViolationState {
	if v.Until.IsZero() {
		return wire.RecordedViolationStateOPEN
	}
	return wire.RecordedViolationStateENDED
}

// ListViolations returns a page of what runs against the rules.
func (a placementAPI) ListViolations(ctx context.Context, req wire.ListViolationsRequestObject) (wire.ListViolationsResponseObject, error) {
	f, err := violationAttributes().parse(req.Params.Filter)
	if err != nil {
		return nil, err
	}
	narrow := placement.ViolationFilter{HostID: f.equal["hostId"], Open: f.equal["state"] == string(wire.RecordedViolationStateOPEN), Enforcement: placement.Enforcement(f.equal["enforcement"])}
	list, link, err := readPage(ctx, a.Server, req.Params.NextpageOpaqueMarker, f, source[placement.Violation]{
		read: func(ctx context.Context, page placement.Page) ([]placement.Violation, error) {
			return a.Compliance.List(ctx, narrow, page)
		},
		key: func(v *placement.Violation) string { return v.ID },
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
	return wire.GetViolation200JSONResponse(violationToWire(&v)), nil
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
