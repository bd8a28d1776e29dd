package httpapi

import (
	wire "ringfence/api/directives"
	"ringfence/api/grant"
	"ringfence/api/inventory"
	"ringfence/internal/placement"
)

func directiveToWire(d *placement.Directive) wire.Directive {
	w := wire.Directive{
		Seq: d.Seq, HostID: d.HostID, DecisionID: d.DecisionID, IssuedAt: d.IssuedAt, Kind: wire.DirectiveKind(d.Kind),
	}
	if p := d.Place; p != nil {
		w.Place = placeToWire(p)
	}
	if r := d.Release; r != nil {
		w.Release = wire.ReleaseDirective{Workload: workloadToWire(&r.Workload), Reason: r.Reason}
	}
	if c := d.Cache; c != nil {
		w.Cache = cacheDirectiveToWire(c)
	}
	if p := d.Purge; p != nil {
		w.Purge = wire.PurgeDirective{Digests: p.Digests, TrustDomainID: p.TrustDomainID, All: p.All}
	}
	if s := d.Scrub; s != nil {
		w.Scrub = wire.ScrubDirective{Level: inventory.ScrubLevel(s.Level.String()), DeviceReset: s.DeviceReset, Reason: s.Reason, FabricDigests: s.FabricDigests}
	}
	if q := d.Quarantine; q != nil {
		w.Quarantine = wire.QuarantineDirective{Reason: q.Reason}
	}
	if c := d.Change; c != nil {
		w.Change = wire.EnforcementDirective{Reason: c.Reason}
	}
	if d.Enforcement == placement.DirectiveAdvisory {
		w.Enforcement = wire.DirectiveEnforcementADVISORY
	}
	return w
}

func workloadToWire(w *placement.WorkloadRef) wire.WorkloadReference {
	return wire.WorkloadReference{
		ResidencyID: w.ResidencyID, VNFInstanceID: w.VNFInstanceID, ComponentID: w.ComponentID, ResourceDefinitionID: w.ResourceDefinitionID,
	}
}

func placeToWire(p *placement.PlaceDirective) wire.PlaceDirective {
	w := wire.PlaceDirective{
		Workload: workloadToWire(&p.Workload), Runtime: p.Runtime, Isolation: grant.Isolation(p.Isolation.String()), CISNode: p.CISNodeID,
		Namespace: p.Namespace, NodeSelector: p.NodeSelector, Resources: inventory.Dimensions(p.Resources), ExpiresAt: p.ExpiresAt,
		TrustDomainID: p.TrustDomainID, Images: p.Images,
		CutThrough: named[inventory.CutThrough](p.CutThrough.Names()), Privileged: named[inventory.Privilege](p.Privileged.Names()),
	}
	for _, t := range p.Tolerations {
		w.Tolerations = append(w.Tolerations, grant.Toleration{
			Key: t.Key, Operator: grant.TolerationOperator(t.Operator), Value: t.Value, Effect: grant.TolerationEffect(t.Effect),
		})
	}
	return w
}

func cacheDirectiveToWire(c *placement.CacheDirective) wire.CacheDirective {
	w := wire.CacheDirective{
		Digest: c.Digest, Reference: c.Reference, Mode: cacheModeToWire(c.Mode), PullPolicy: wire.CacheDirectivePullPolicy(c.PullPolicy),
		PrePullAllowed: c.PrePullAllowed, RetainAfterStop: c.RetainAfterStop, PurgeOnRelease: c.PurgeOnRelease,
		KeyBinding: wire.CacheDirectiveKeyBinding(c.KeyBinding), VisibleToTrustDomainIDs: c.VisibleToTrustDomainIDs,
	}
	if c.MaxUnusedAge > 0 {
		w.MaxUnusedAge = c.MaxUnusedAge.String()
	}
	return w
}

func observedFromWire(hostID string, w *wire.ObservedState) (placement.ObservedState, error) {
	state := placement.ObservedState{HostID: hostID, ObservedAt: w.ObservedAt}
	for i := range w.Residencies {
		r := &w.Residencies[i]
		state.Residencies = append(state.Residencies, placement.ObservedResidency{
			ResidencyID: r.ResidencyID, VNFInstanceID: r.VNFInstanceID, ComponentID: r.ComponentID, ResourceDefinitionID: r.ResourceDefinitionID,
			VIMResourceID: r.VIMResourceID, CISNodeID: r.CISNodeID, Runtime: r.Runtime,
			Images: r.Images, BreakGlass: placement.ObservedBreakGlass(r.BreakGlass),
		})
	}
	for i := range w.CacheEntries {
		e := &w.CacheEntries[i]
		mode, err := placement.ParseCacheMode(string(e.Mode))
		if err != nil {
			return state, err
		}
		entry := placement.ObservedCacheEntry{Digest: e.Digest, Mode: mode, TrustDomainID: e.TrustDomainID, References: e.References}
		for _, l := range e.Layers {
			entry.Layers = append(entry.Layers, placement.Layer{Digest: l.Digest, DiffID: l.DiffID})
		}
		state.Cache = append(state.Cache, entry)
	}
	for _, u := range w.UnavailableCapabilities {
		capability, err := placement.ParseCapabilities([]string{string(u.Capability)})
		if err != nil {
			return state, err
		}
		state.Unavailable = append(state.Unavailable, placement.UnavailableCapability{Capability: capability, Reason: u.Reason})
	}
	return state, nil
}

func observationToWire(r *placement.ObservationResult) wire.ObservationResult {
	return wire.ObservationResult{
		Changed: r.Changed, ConfirmedResidencyIDs: orEmpty(r.Confirmed), EndedResidencyIDs: orEmpty(r.Ended), MissingResidencyIDs: orEmpty(r.Missing),
		Unmatched: r.Unmatched,
	}
}

// orEmpty makes an empty list of none, which JSON tells apart.
func orEmpty(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}
