package httpapi

import (
	"fmt"
	"slices"
	"strings"

	wire "ringfence/api/grant"
	"ringfence/internal/grant"
	"ringfence/internal/placement"
)

func grantRequestFromWire(w *wire.GrantRequest) (placement.GrantRequest, error) {
	r := placement.GrantRequest{
		VNFInstanceID: w.VNFInstanceID, VNFLcmOpOccID: w.VNFLcmOpOccID, VNFDID: w.VNFDID, DstVNFDID: w.DstVNFDID, FlavourID: w.FlavourID,
		Operation: placement.Operation(w.Operation), AutomaticInvocation: w.IsAutomaticInvocation, InstantiationLevelID: w.InstantiationLevelID,
		AddResources: resourcesFromWire(w.AddResources), TempResources: resourcesFromWire(w.TempResources),
		RemoveResources: resourcesFromWire(w.RemoveResources), UpdateResources: resourcesFromWire(w.UpdateResources),
		SNSSAI: w.AdditionalParams.Ringfence.SNSSAI, PLMN: w.AdditionalParams.Ringfence.PLMN,
		VNFLcmOpOccHref: w.Links.VNFLcmOpOcc.Href, VNFInstanceHref: w.Links.VNFInstance.Href,
	}
	for i := range w.TargetScaleLevelInfo {
		r.ScaleLevels = append(r.ScaleLevels, placement.AspectLevel{AspectID: w.TargetScaleLevelInfo[i].AspectID, ScaleLevel: w.TargetScaleLevelInfo[i].ScaleLevel})
	}
	r.SelectedModules = orNil(w.SelectedDeployableModule)
	if err := uniqueIDs(&r); err != nil {
		return r, err
	}
	for i := range w.PlacementConstraints {
		c := &w.PlacementConstraints[i]
		r.PlacementConstraints = append(r.PlacementConstraints, placement.PlacementConstraint{
			AntiAffinity: c.AffinityOrAntiAffinity == wire.PlacementConstraintAffinityOrAntiAffinityANTIAFFINITY, Scope: placement.Scope(c.Scope),
			Resources: refsFromWire(c.Resource), FallbackBestEffort: c.FallbackBestEffort,
		})
	}
	for i := range w.VIMConstraints {
		c := &w.VIMConstraints[i]
		r.VIMConstraints = append(r.VIMConstraints, placement.VIMConstraint{SameResourceGroup: c.SameResourceGroup, Resources: refsFromWire(c.Resource)})
	}
	for id, ask := range w.AdditionalParams.Ringfence.Components {
		if r.Components == nil {
			r.Components = map[string]placement.ComponentAsk{}
		}
		a := placement.ComponentAsk{Runtime: ask.Runtime}
		if ask.Isolation != "" {
			level, err := placement.ParseIsolation(string(ask.Isolation))
			if err != nil {
				return r, err
			}
			a.Isolation = level
		}
		r.Components[id] = a
	}
	return r, nil
}

// uniqueIDs refuses a request in which two resource definitions have one id: the answer could not name them.
func uniqueIDs(r *placement.GrantRequest) error {
	seen := map[string]bool{}
	for _, list := range []struct {
		name      string
		resources []placement.ResourceDefinition
	}{{"addResources", r.AddResources}, {"tempResources", r.TempResources}, {"updateResources", r.UpdateResources}, {"removeResources", r.RemoveResources}} {
		for i := range list.resources {
			if id := list.resources[i].ID; seen[id] {
				p := newProblem(422, "two resource definitions have the id "+printable(id)+"; ids are unique within a request")
				p.InvalidParams = []invalidParam{{Pointer: fmt.Sprintf("/%s/%d/id", list.name, i), Reason: "the id was used before"}}
				return p
			}
			seen[list.resources[i].ID] = true
		}
	}
	return nil
}

func resourcesFromWire(ws []wire.ResourceDefinition) []placement.ResourceDefinition {
	var out []placement.ResourceDefinition
	for i := range ws {
		w := &ws[i]
		r := placement.ResourceDefinition{
			ID: w.ID, Type: placement.ResourceType(w.Type), VDUID: w.VDUID, VNFDID: w.VNFDID, ResourceTemplateIDs: w.ResourceTemplateID,
		}
		if h := w.Resource; h != nil {
			r.Resource = &placement.ResourceHandle{
				VIMConnectionID: h.VIMConnectionID, ResourceProviderID: h.ResourceProviderID, ResourceID: h.ResourceID, ContainerNamespace: h.ContainerNamespace,
			}
		}
		if d := w.SnapshotResDef; d != nil {
			r.Snapshot = &placement.SnapshotResource{
				VNFSnapshotID: d.VNFSnapshotID, VNFCSnapshotID: d.VNFCSnapshotID, StorageSnapshotID: d.StorageSnapshotID,
				VIMConnectionID: d.SnapshotResource.VIMConnectionID, VIMResourceID: d.SnapshotResource.ResourceID,
			}
		}
		out = append(out, r)
	}
	return out
}

func refsFromWire(ws []wire.ConstraintResourceRef) []placement.ConstraintResourceRef {
	var out []placement.ConstraintResourceRef
	for i := range ws {
		out = append(out, placement.ConstraintResourceRef{
			Existing: ws[i].IDType == wire.ConstraintResourceRefIDTypeRESMGMT, ResourceID: ws[i].ResourceID,
			VIMConnectionID: ws[i].VIMConnectionID, ResourceProviderID: ws[i].ResourceProviderID,
		})
	}
	return out
}

func grantedPlacementToWire(pl *placement.GrantedPlacement) wire.GrantedPlacement {
	w := wire.GrantedPlacement{
		ResourceDefinitionID: pl.ResourceDefinitionID, HostID: pl.HostID, CISNode: pl.CISNodeID, RuntimeClass: pl.Runtime,
		Isolation: wire.Isolation(pl.Isolation.String()), NodeSelector: grant.NodeSelector(pl),
		Enforcement: wire.GrantedPlacementEnforcementADVISORY,
	}
	if pl.Enforcement == placement.DirectiveEnforced {
		w.Enforcement = wire.GrantedPlacementEnforcementENFORCED
	}
	for _, t := range grant.Tolerations(pl) {
		w.Tolerations = append(w.Tolerations, wire.Toleration{
			Key: t.Key, Operator: wire.TolerationOperator(t.Operator), Value: t.Value, Effect: wire.TolerationEffect(t.Effect),
		})
	}
	for _, c := range pl.Cache {
		w.Cache = append(w.Cache, wire.CacheChoice{Digest: c.Digest, Mode: cacheModeToWire(c.Mode)})
	}
	return w
}

// observedToWire says what stands against a request that was let pass, as its refusal would.
func observedToWire(w *wire.RingfenceGrantParams, d *placement.Decision) {
	p := refusal(d)
	w.Enforcement, w.Message = wire.RingfenceGrantParamsEnforcementOBSERVE, p.Detail
	for _, v := range p.Violations {
		w.Violations = append(w.Violations, wire.ObservedViolation{
			RuleID: v.RuleID, ResourceDefinitionIDs: v.ResourceDefinitionIDs, HostCount: int64(v.HostCount), Message: v.Message,
			NeededIsolation: wire.Isolation(v.NeededIsolation),
		})
	}
}

// refusal renders a refused decision as SOL003 has it: 403 with a sentence, and our extension members.
func refusal(d *placement.Decision) *problem {
	p := newProblem(403, refusalDetail(&d.Explanation))
	p.Title, p.DecisionID = "Grant refused", d.ID
	for _, r := range distinct(d.Explanation.Reasons) {
		p.Violations = append(p.Violations, violation{RuleID: r.RuleID, ResourceDefinitionIDs: unknownTo(d, &r), Message: sentence(&r, false)})
	}
	for i := range d.Explanation.Demands {
		e := &d.Explanation.Demands[i]
		if e.HostsFeasible > 0 {
			continue
		}
		for j := range e.Counts {
			c := &e.Counts[j]
			v := violation{RuleID: c.RuleID, ResourceDefinitionIDs: e.ResourceDefinitionIDs, HostCount: c.HostCount, Message: sentence(&c.Example, false)}
			switch c.Example.Check {
			case "require-isolation":
				v.NeededIsolation = e.NeededIsolation.String()
			case placement.RuleIsolation:
				v.NeededIsolation = c.Example.Params["needed"]
			}
			p.Violations = append(p.Violations, v)
		}
	}
	if c := d.Explanation.Conflict; c != nil {
		p.Conflict = &conflict{Members: c.Members, Message: c.Message}
	}
	return p
}

// someOf lists ids for a sentence; the members of the problem have them all.
func someOf(ids []string) string {
	const shown = 3
	if len(ids) <= shown {
		return printable(strings.Join(ids, ", "))
	}
	return fmt.Sprintf("%s and %d more", printable(strings.Join(ids[:shown], ", ")), len(ids)-shown)
}

// distinct leaves out reasons that were there before: of several demands that mention one unknown object.
func distinct(reasons []placement.Reason) (out []placement.Reason) {
	for _, r := range reasons {
		if !slices.ContainsFunc(out, r.Equal) {
			out = append(out, r)
		}
	}
	return out
}

// unknownTo lists the resource definitions whose demands mention what a reason says is unknown.
func unknownTo(d *placement.Decision, r *placement.Reason) []string {
	ids := []string{}
	for i := range d.Inputs.Demands {
		if demand := &d.Inputs.Demands[i]; slices.ContainsFunc(demand.Unknown, r.Equal) {
			ids = append(ids, demand.ResourceDefinitionIDs...)
		}
	}
	return ids
}

// refusalDetail says in one sentence why a request was refused, without what other owners run.
func refusalDetail(e *placement.Explanation) string {
	if len(e.Reasons) > 0 {
		var parts []string
		for _, r := range distinct(e.Reasons) {
			parts = append(parts, sentence(&r, false))
		}
		return "Refused: " + strings.Join(parts, "; ") + "."
	}
	for i := range e.Demands {
		d := &e.Demands[i]
		if d.HostsFeasible > 0 {
			continue
		}
		detail := fmt.Sprintf("Refused: none of %d hosts may run %s", d.HostsTotal, someOf(d.ResourceDefinitionIDs))
		if d.NearestMiss == nil {
			return detail + "."
		}
		var parts []string
		for j := range d.NearestMiss.Reasons {
			parts = append(parts, sentence(&d.NearestMiss.Reasons[j], false))
		}
		return detail + "; the nearest miss fails " + strings.Join(parts, "; ") + "."
	}
	if e.Conflict != nil {
		return "Refused: " + e.Conflict.Message + "."
	}
	return "Refused."
}
