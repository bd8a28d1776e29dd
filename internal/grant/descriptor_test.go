package grant

import (
	"fmt"
	"strings"
	"testing"

	"ringfence/internal/placement"
)

// constraintText writes constraints as rule kind scope members; members that exist are marked with a star.
func constraintText(list []placement.PlacementConstraint) string {
	var out []string
	for i := range list {
		c := &list[i]
		kind := "together"
		if c.AntiAffinity {
			kind = "apart"
		}
		line := fmt.Sprintf("%s %s %s", c.RuleID(i), kind, c.Scope)
		for _, r := range c.Resources {
			if line += " " + r.ResourceID; r.Existing {
				line += "*"
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func TestDescriptorConstraints(t *testing.T) {
	t.Parallel()
	cat := placement.NewCatalogue()
	rules := []placement.AffinityRule{
		{ID: "apart", AntiAffinity: true, Scope: placement.ScopeZone, ComponentIDs: []string{"a"}},
		{ID: "together", Scope: placement.ScopeNFVIPoP, ComponentIDs: []string{"a", "b"}},
	}
	cat.VNFProfiles["v1"] = placement.VNFProfile{VNFDID: "v1", AffinityRules: rules}
	cat.VNFProfiles["v2"] = placement.VNFProfile{VNFDID: "v2", AffinityRules: rules[:1]}
	own := []*placement.Residency{
		{ID: "old-a", Kind: placement.ResidencyWorkload, Workload: placement.Workload{ComponentID: "a"}},
		{ID: "going-a", Kind: placement.ResidencyWorkload, State: placement.StateTerminating, Workload: placement.Workload{ComponentID: "a"}},
		{ID: "fabric", Kind: placement.ResidencyFabric, Workload: placement.Workload{ComponentID: "a"}},
		{ID: "old-c", Kind: placement.ResidencyWorkload, Workload: placement.Workload{ComponentID: "c"}},
	}
	constrained := func(anti bool, scope placement.Scope, ids ...string) placement.PlacementConstraint {
		c := placement.PlacementConstraint{AntiAffinity: anti, Scope: scope, FallbackBestEffort: true}
		for _, id := range ids {
			c.Resources = append(c.Resources, placement.ConstraintResourceRef{ResourceID: id})
		}
		return c
	}
	for name, c := range map[string]struct {
		req      placement.GrantRequest
		own      []*placement.Residency
		released []string
		want     string
	}{
		"one alone, of which the commit sees whether it is": {
			req:  placement.GrantRequest{AddResources: []placement.ResourceDefinition{pod("n", "a")}},
			want: "VNFD[apart] apart ZONE n; VNFD[together] together NFVI_POP n",
		},
		"nothing that a rule is about": {req: placement.GrantRequest{AddResources: []placement.ResourceDefinition{pod("n", "c")}}},
		"two new ones": {
			req:  placement.GrantRequest{AddResources: []placement.ResourceDefinition{pod("n", "a"), pod("m", "b"), pod("x", "c")}},
			want: "VNFD[apart] apart ZONE n; VNFD[together] together NFVI_POP n m",
		},
		"a new one beside one that is there": {
			req: placement.GrantRequest{AddResources: []placement.ResourceDefinition{pod("n", "a")}}, own: own,
			want: "VNFD[apart] apart ZONE n old-a*; VNFD[together] together NFVI_POP n old-a*",
		},
		"in place of one that goes": {
			req: placement.GrantRequest{AddResources: []placement.ResourceDefinition{pod("n", "a")}}, own: own, released: []string{"old-a"},
			want: "VNFD[apart] apart ZONE n; VNFD[together] together NFVI_POP n",
		},
		"of the package that is changed to": {
			req: placement.GrantRequest{DstVNFDID: "v2", AddResources: []placement.ResourceDefinition{pod("n", "a")}}, own: own,
			want: "VNFD[apart] apart ZONE n old-a*",
		},
		"temporary ones count": {
			req:  placement.GrantRequest{AddResources: []placement.ResourceDefinition{pod("n", "a")}, TempResources: []placement.ResourceDefinition{pod("m", "a")}},
			want: "VNFD[apart] apart ZONE n m; VNFD[together] together NFVI_POP n m",
		},
		"the request says so itself": {
			req: placement.GrantRequest{
				AddResources:         []placement.ResourceDefinition{pod("n", "a"), pod("m", "a")},
				PlacementConstraints: []placement.PlacementConstraint{constrained(true, placement.ScopeZone, "n", "m")},
			},
			want: "VNFD[together] together NFVI_POP n m",
		},
		"the request says the contrary": {
			req: placement.GrantRequest{
				AddResources:         []placement.ResourceDefinition{pod("n", "a"), pod("m", "a")},
				PlacementConstraints: []placement.PlacementConstraint{constrained(false, placement.ScopeNFVINode, "n", "m")},
			},
			want: "VNFD[together] together NFVI_POP n m",
		},
		"the request says something else": {
			req: placement.GrantRequest{
				AddResources:         []placement.ResourceDefinition{pod("n", "a"), pod("m", "a")},
				PlacementConstraints: []placement.PlacementConstraint{constrained(true, placement.ScopeNFVINode, "n", "m")},
			},
			want: "VNFD[apart] apart ZONE n m; VNFD[together] together NFVI_POP n m",
		},
		"the request says it of some only": {
			req: placement.GrantRequest{
				AddResources:         []placement.ResourceDefinition{pod("n", "a"), pod("m", "a")},
				PlacementConstraints: []placement.PlacementConstraint{constrained(true, placement.ScopeZone, "n")},
			},
			want: "VNFD[apart] apart ZONE n m; VNFD[together] together NFVI_POP n m",
		},
		"an unknown VNFD": {req: placement.GrantRequest{VNFDID: "zz", AddResources: []placement.ResourceDefinition{pod("n", "a"), pod("m", "a")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.req.VNFDID == "" {
				c.req.VNFDID = "v1"
			}
			if got := constraintText(descriptorConstraints(cat, &c.req, c.own, c.released)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
