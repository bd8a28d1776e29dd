package solver

import (
	"slices"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Raised lists the artefacts on a host that have to lie there more strictly because of a plan: those of residents, and those of
// members of the plan that others of it raise. The facts have the residents without the plan's members.
func Raised(w *policy.World, in *placement.Inputs, plan *placement.Plan, f placement.HostFacts) []policy.Raised {
	var come []placement.CacheChoice
	residents := slices.Clip(f.Residents)
	for i := range plan.Placements {
		pl := &plan.Placements[i]
		if pl.HostID != f.Host.ID {
			continue
		}
		v := policy.Verdict{Runtime: pl.Runtime, CISNodeID: pl.CISNodeID}
		residents = append(residents, asResident(&in.Demands[pl.Demand], pl.ResourceDefinitionID, f.Host, &v))
		come = append(come, pl.Cache...)
	}
	f.Residents = residents
	return w.RaisedBy(f, come)
}
