package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	wiregrant "ringfence/api/grant"
	"ringfence/api/inventory"
	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// decisionToWire renders a decision. Who may not know what others run gets no hosts that were rejected, since the
// reasons would tell what is there.
func decisionToWire(d *placement.Decision, full bool) wire.Decision {
	in := &d.Inputs
	w := wire.Decision{
		ID: d.ID, Kind: wire.DecisionKind(d.Kind), Outcome: wire.DecisionOutcome(d.Outcome), Enforcement: wire.Mode(modeOf(d)), ClientID: d.ClientID, At: d.At, PolicyEpoch: in.PolicyEpoch,
		Policies: make([]wire.PolicyReference, len(in.Policies)), ChangeSeq: in.Position.String(),
	}
	for i, p := range in.Policies {
		w.Policies[i] = wire.PolicyReference{ID: p.ID, Version: p.Version, SHA256: p.SHA256}
	}
	if d.Plan != nil {
		for i := range d.Plan.Placements {
			w.Placements = append(w.Placements, plannedToWire(&d.Plan.Placements[i], in))
		}
	}
	if d.Kind != placement.DecisionDryRun || in.ExplainLevel != placement.ExplainNone {
		w.Explanation = explanationToWire(&d.Explanation, full)
	}
	return w
}

// modeOf is the mode in which a decision was answered.
func modeOf(d *placement.Decision) placement.Mode {
	return cmp.Or(d.Enforcement, placement.ModeEnforce)
}

// plannedToWire renders a placement as the grant does, but for the node's name, which a plan does not hold.
func plannedToWire(pl *placement.Placement, in *placement.Inputs) wiregrant.GrantedPlacement {
	granted := placement.GrantedPlacement{Placement: *pl}
	if pl.Demand < len(in.Demands) {
		granted.TrustDomainID = in.Demands[pl.Demand].Workload.TrustDomainID
	}
	w := grantedPlacementToWire(&granted)
	w.NodeSelector = nil
	return w
}

func explanationToWire(e *placement.Explanation, full bool) wire.Explanation {
	w := wire.Explanation{
		Reasons: reasonsToWire(e.Reasons, full), Warnings: reasonsToWire(e.Warnings, full), Demands: make([]wire.DemandExplanation, len(e.Demands)),
	}
	for i := range e.Demands {
		w.Demands[i] = demandToWire(&e.Demands[i], full)
	}
	if e.Conflict != nil {
		w.Conflict = wire.Conflict{Members: e.Conflict.Members, Message: e.Conflict.Message}
	}
	return w
}

func demandToWire(d *placement.DemandExplanation, full bool) wire.DemandExplanation {
	w := wire.DemandExplanation{
		ResourceDefinitionIDs: d.ResourceDefinitionIDs, Reasons: reasonsToWire(d.Reasons, full),
		HostsTotal: d.HostsTotal, HostsFeasible: d.HostsFeasible,
	}
	if w.ResourceDefinitionIDs == nil {
		w.ResourceDefinitionIDs = []string{}
	}
	for _, s := range d.Funnel {
		w.Funnel = append(w.Funnel, wire.FunnelStep{RuleID: s.RuleID, In: s.In, Out: s.Out})
	}
	for i := range d.Feasible {
		w.Feasible = append(w.Feasible, feasibleToWire(&d.Feasible[i]))
	}
	if !full {
		return w
	}
	for i := range d.Rejected {
		w.Rejected = append(w.Rejected, rejectionToWire(&d.Rejected[i]))
	}
	if d.NearestMiss != nil {
		w.NearestMiss = rejectionToWire(d.NearestMiss)
	}
	return w
}

func feasibleToWire(f *placement.Feasible) wire.FeasibleHost {
	w := wire.FeasibleHost{
		HostID: f.HostID, CISNodeID: f.CISNodeID, Runtime: f.Runtime, Isolation: wiregrant.Isolation(f.Isolation.String()),
		Cache: map[string]inventory.CacheMode{},
	}
	for _, c := range f.Cache {
		w.Cache[c.Digest] = cacheModeToWire(c.Mode)
	}
	return w
}

func rejectionToWire(r *placement.Rejection) wire.RejectedHost {
	return wire.RejectedHost{HostID: r.HostID, Reasons: reasonsToWire(r.Reasons, true)}
}

func reasonsToWire(reasons []placement.Reason, full bool) []wire.Reason {
	var out []wire.Reason
	for i := range reasons {
		out = append(out, reasonToWire(&reasons[i], full))
	}
	return out
}

// reasonToWire renders a reason with what the caller may know.
func reasonToWire(r *placement.Reason, full bool) wire.Reason {
	w := wire.Reason{PolicyID: r.PolicyID, RuleID: r.RuleID, Check: r.Check, Message: sentence(r, full)}
	for name, value := range r.Params {
		if name == "message" || !full && !slices.Contains(ownParams, name) || !full && r.AgainstID != "" {
			continue
		}
		if w.Params == nil {
			w.Params = map[string]string{}
		}
		w.Params[name] = value
	}
	if full {
		w.AgainstID = r.AgainstID
	}
	return w
}

// ownParams are the parameters of reasons that say something of the asker, of the rule or of hosts in general. The
// others name hosts, or what others run there.
var ownParams = []string{
	"allowed", "artefact", "component", "count", "delta", "demotedBy", "denied", "identity", "isolation", "kind", "lacking", "lifecycle", "max", "maxAge", "missing",
	"mode", "needed", "object", "replicas", "runtime", "scope", "state", "uses", "wanted", "why",
}

func reservationToWire(r *placement.Residency) wire.Reservation {
	w := wire.Reservation{
		ID: r.ID, GrantID: r.GrantID, VNFInstanceID: r.Workload.NF.VNFInstanceID, ResourceDefinitionID: r.ResourceDefinitionID,
		ComponentID: r.Workload.ComponentID, TrustDomainID: r.Workload.TrustDomainID, HostID: r.HostID, CISNodeID: r.CISNodeID,
		Runtime: r.Workload.Runtime, Resources: inventory.Dimensions(r.Workload.Resources), State: wire.ReservationState(r.State),
		ReservedAt: r.ReservedAt,
	}
	if r.State != placement.StateRunning {
		w.ExpiresAt = r.ExpiresAt
	}
	return w
}

// compareJSON lists where two values differ in their JSON form, in the order of the pointers.
func compareJSON(recorded, replayed any) ([]wire.Difference, error) {
	var values [2]any
	for i, v := range []any{recorded, replayed} {
		data, err := json.Marshal(v)
		if err == nil {
			values[i], err = decodeJSON(data)
		}
		if err != nil {
			return nil, fmt.Errorf("compare decisions: %w", err)
		}
	}
	out := []wire.Difference{}
	differences("", values[0], values[1], &out)
	return out, nil
}

func differences(pointer string, a, b any, out *[]wire.Difference) {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			names := slices.Collect(maps.Keys(a))
			for name := range b {
				if _, both := a[name]; !both {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			for _, name := range names {
				differences(pointer+jsonPointer([]string{name}), a[name], b[name], out)
			}
			return
		}
	case []any:
		if b, ok := b.([]any); ok {
			for i := range max(len(a), len(b)) {
				differences(pointer+"/"+strconv.Itoa(i), at(a, i), at(b, i), out)
			}
			return
		}
	}
	if x, y := jsonText(a), jsonText(b); x != y {
		*out = append(*out, wire.Difference{Pointer: pointer, Recorded: x, Replayed: y})
	}
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// jsonText is empty for what is absent; no attribute of a decision is null.
func jsonText(v any) string {
	if v == nil {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

func cacheModeToWire(m placement.CacheMode) inventory.CacheMode {
	return inventory.CacheMode(m.String())
}
