package solver_test

import (
	"strings"
	"testing"

	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// TestZoneGroups places two members under constraints with scope ZONE_GROUP. Zone a is in groups 1 and 2, b in 2, c in 3, d in none.
func TestZoneGroups(t *testing.T) {
	t.Parallel()
	groups := map[string][]string{"a": {"1", "2"}, "b": {"2"}, "c": {"3"}, "d": nil}
	for name, tc := range map[string]struct {
		zones string // of the hosts, one each
		anti  bool
		soft  bool
		want  bool
	}{
		"together in a group of both":   {zones: "ab", want: true},
		"together in one zone":          {zones: "aa", want: true},
		"no group has both":             {zones: "ac"},
		"together, one in no group":     {zones: "ad"},
		"together, both in no group":    {zones: "dd"},
		"together where it is possible": {zones: "cab", want: true},
		"apart":                         {zones: "ac", anti: true, want: true},
		"apart, but a group has both":   {zones: "ab", anti: true},
		"apart, one in no group":        {zones: "ad", anti: true},
		"apart where it is possible":    {zones: "abc", anti: true, want: true},
		"as a wish":                     {zones: "ab", anti: true, soft: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scene{rules: "  - {id: R-DOM, kind: max-blast-radius, params: {check: REPLICA_SHARE, share: 0.5}, scope: HOST, rationale: r}\n"}
			for id, in := range groups {
				s.changes = append(s.changes, placement.Change{Kind: placement.ChangeResourceZone, ID: id, ResourceZone: &placement.ResourceZone{ID: id, NFVIPoPID: "P", ZoneGroupIDs: in}})
			}
			for i, zone := range strings.Split(tc.zones, "") {
				s.hosts = append(s.hosts, sceneHost(string(rune('1'+i)), zone))
			}
			in := placement.Inputs{
				Demands: []placement.Demand{sceneDemand("x", "c", "", domains[0].ID, "kata"), sceneDemand("y", "c", "", domains[0].ID, "kata")},
				Request: placement.GrantRequest{
					VNFInstanceID: "v", Operation: placement.OpInstantiate,
					AddResources: []placement.ResourceDefinition{{ID: "x", Type: placement.ResourceCompute}, {ID: "y", Type: placement.ResourceCompute}},
					PlacementConstraints: []placement.PlacementConstraint{{
						AntiAffinity: tc.anti, FallbackBestEffort: tc.soft, Scope: placement.ScopeZoneGroup,
						Resources: []placement.ConstraintResourceRef{{ResourceID: "x"}, {ResourceID: "y"}},
					}},
				},
			}
			plan, why := solver.Solve(s.view(t), &in)
			if got := plan != nil; got != tc.want {
				t.Fatalf("granted: %t, want %t (%+v)", got, tc.want, why.Conflict)
			}
		})
	}
}
