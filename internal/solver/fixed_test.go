package solver_test

import (
	"fmt"
	"testing"

	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// TestFixedAmongMany: what is fixed to a zone finds the one host there, however many others come before it.
func TestFixedAmongMany(t *testing.T) {
	t.Parallel()
	s := scene{rules: "  - {id: R-DOM, kind: max-blast-radius, params: {check: REPLICA_SHARE, share: 0.5}, scope: HOST, rationale: r}\n"}
	for i := range 6000 {
		s.hosts = append(s.hosts, sceneHost(fmt.Sprintf("h%04d", i), "a"))
	}
	zones := map[string]bool{"none": false}
	for i := range 10 { // of which some come late in any order
		zone := fmt.Sprint("z", i)
		zones[zone] = true
		s.hosts = append(s.hosts, sceneHost(zone, zone))
	}
	view := s.view(t)
	for zone, want := range zones {
		in := placement.Inputs{
			Demands: []placement.Demand{sceneDemand("x", "c", "", domains[0].ID, "kata")},
			Request: placement.GrantRequest{
				VNFInstanceID: "v", Operation: placement.OpInstantiate, AddResources: []placement.ResourceDefinition{{ID: "x", Type: placement.ResourceCompute}},
				PlacementConstraints: []placement.PlacementConstraint{{
					Standing: "s", Scope: placement.ScopeZone, UnitIDs: []string{zone}, Resources: []placement.ConstraintResourceRef{{ResourceID: "x"}},
				}},
			},
		}
		plan, why := solver.Solve(view, &in)
		if got := plan != nil && plan.Placements[0].HostID == zone; got != want {
			t.Errorf("fixed to %s: %+v, %+v", zone, plan, why.Reasons)
		}
		if !want && (why.Demands[0].HostsFeasible != 0 || why.Demands[0].Counts[0].RuleID != "STANDING[s]") {
			t.Errorf("nothing is in %s: %+v", zone, why.Demands[0].Counts)
		}
	}
}
