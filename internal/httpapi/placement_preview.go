package httpapi

import (
	"context"
	"encoding/json"
	"fmt"

	wire "ringfence/api/placement"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
)

// GetPolicyAnalysis previews a version of a policy.
func (a placementAPI) GetPolicyAnalysis(ctx context.Context, req wire.GetPolicyAnalysisRequestObject) (wire.GetPolicyAnalysisResponseObject, error) {
	got, err := a.Policies.Analyse(ctx, req.PolicyID, req.Version, req.Params.CompareTo)
	if err != nil {
		return nil, err
	}
	return wire.GetPolicyAnalysis200JSONResponse(AnalysisToWire(&got)), nil
}

// GetPolicySchema returns the JSON Schema of policy documents.
func (a placementAPI) GetPolicySchema(context.Context, wire.GetPolicySchemaRequestObject) (wire.GetPolicySchemaResponseObject, error) {
	var schema wire.GetPolicySchema200ApplicationSchemaPlusJSONResponse
	if err := json.Unmarshal(policies.Schema(), &schema); err != nil {
		return nil, fmt.Errorf("read the schema of policy documents: %w", err)
	}
	return schema, nil
}

// AnalysisToWire is an analysis as the API answers it, with everything that readers may know.
func AnalysisToWire(a *placement.PolicyAnalysis) wire.PolicyAnalysis {
	w := wire.PolicyAnalysis{
		PolicyID: a.PolicyID, Version: a.Version, At: a.At, PolicyEpoch: a.Epoch, ChangeSeq: a.Position.String(), ComparedTo: a.ComparedTo,
		Findings: mapped(a.Findings, findingToWire),
	}
	if a.Impact != nil {
		w.Impact = impactToWire(a.Impact)
	}
	for i := range a.Changes {
		c := &a.Changes[i]
		w.Changes = append(w.Changes, wire.RuleChange{
			RuleID: c.RuleID, Direction: wire.ChangeDirection(c.Direction), Added: c.Added, Removed: c.Removed, Aspects: c.Aspects, Message: c.Message,
		})
	}
	return w
}

func impactToWire(i *placement.PolicyImpact) wire.PolicyImpact {
	r := &i.Residencies
	return wire.PolicyImpact{
		HostsTotal: i.HostsTotal, ComponentsLeftOut: i.LeftOut,
		TrustDomains: mapped(i.TrustDomains, func(d *placement.DomainImpact) wire.TrustDomainImpact {
			return wire.TrustDomainImpact{TrustDomainID: d.TrustDomainID, Eligible: beforeAfterToWire(d.Eligible)}
		}),
		Components: mapped(i.Components, componentImpactToWire),
		Residencies: wire.ResidencyImpact{
			Checked: r.Checked, Violating: beforeAfterToWire(r.Violating), Evicted: r.Evicted, New: r.New, Resolved: r.Resolved,
			ByRule: mapped(r.ByRule, func(v *placement.RuleViolations) wire.RuleViolations {
				return wire.RuleViolations{PolicyID: v.PolicyID, RuleID: v.RuleID, Violating: beforeAfterToWire(v.Violating)}
			}),
			Listed: mapped(r.Listed, func(v *placement.ResidencyViolation) wire.ResidencyViolation {
				return wire.ResidencyViolation{
					ResidencyID: v.ResidencyID, HostID: v.HostID, VNFInstanceID: v.VNFInstanceID, ComponentID: v.ComponentID,
					TrustDomainID: v.TrustDomainID, Reason: reasonToWire(&v.Reason, true),
				}
			}),
		},
	}
}

func componentImpactToWire(c *placement.ComponentImpact) wire.ComponentImpact {
	w := wire.ComponentImpact{
		VNFDID: c.VNFDID, ComponentID: c.ComponentID, TrustDomainID: c.TrustDomainID,
		Eligible: beforeAfterToWire(c.Eligible), Free: beforeAfterToWire(c.Free), Never: c.Never,
	}
	if c.NearestMiss != nil {
		w.NearestMiss = rejectionToWire(c.NearestMiss)
	}
	return w
}

func beforeAfterToWire(n placement.BeforeAfter) wire.BeforeAfter {
	return wire.BeforeAfter{Before: n.Before, After: n.After}
}
