package grant

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// standingFleet has three residents of the VNF instances a, b and li, the last on a host of lawful interception.
func standingFleet(t *testing.T, constraints ...placement.StandingConstraint) *fleet.View {
	t.Helper()
	f := fleet.New()
	changes := []placement.Change{
		{Kind: placement.ChangeTrustDomain, ID: "TD-LI", TrustDomain: &placement.TrustDomain{ID: "TD-LI", Category: placement.CategoryLI}},
		{Kind: placement.ChangeHostPool, ID: "pool-li", HostPool: &placement.HostPool{ID: "pool-li", AllowedTrustDomainIDs: []string{"TD-LI"}}},
		{Kind: placement.ChangeHostPool, ID: "pool", HostPool: &placement.HostPool{ID: "pool", AllowedTrustDomainIDs: []string{"TD-A"}}},
		{Kind: placement.ChangeHost, ID: "h", Host: &placement.Host{ID: "h", HostPoolID: "pool"}},
		{Kind: placement.ChangeHost, ID: "h-li", Host: &placement.Host{ID: "h-li", HostPoolID: "pool-li"}},
	}
	for id, r := range map[string]placement.Residency{
		"a0": {HostID: "h", Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "a"}, ComponentID: "c"}},
		"a1": {HostID: "h", Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "a"}, ComponentID: "d"}},
		"b0": {HostID: "h", Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "b"}, ComponentID: "c"}},
		"b1": {HostID: "h", State: placement.StateTerminating, Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "b"}, ComponentID: "c"}},
		"l0": {HostID: "h-li", Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "li"}, ComponentID: "c"}},
	} {
		r.ID, r.Kind = id, placement.ResidencyWorkload
		changes = append(changes, placement.Change{Kind: placement.ChangeResidency, ID: id, Residency: &r})
	}
	for i := range constraints {
		changes = append(changes, placement.Change{Kind: placement.ChangeStanding, ID: constraints[i].ID, Standing: &constraints[i]})
	}
	if err := f.Apply(changes...); err != nil {
		t.Fatal(err)
	}
	return f.Publish()
}

// TestStandingConstraints says of which resources and residencies a constraint speaks, for a request of the VNF instance a.
func TestStandingConstraints(t *testing.T) {
	t.Parallel()
	ns := []string{"a", "b", "li"}
	for name, c := range map[string]struct {
		standing placement.StandingConstraint
		released []string
		want     string
		cleared  string // for a client that is; empty: the same
	}{
		"one VNF instance with itself": {
			standing: placement.StandingConstraint{VNFInstanceIDs: ns[:1], Kind: placement.StandingAntiAffinity}, want: "STANDING[s] apart ZONE n m a0* a1*",
		},
		"but what leaves": {
			standing: placement.StandingConstraint{VNFInstanceIDs: ns[:1], Kind: placement.StandingAntiAffinity}, released: []string{"a0"}, want: "STANDING[s] apart ZONE n m a1*",
		},
		"a component": {
			standing: placement.StandingConstraint{VNFInstanceIDs: ns[:1], ComponentIDs: []string{"d"}, Kind: placement.StandingAffinity}, want: "STANDING[s] together ZONE m a1*",
		},
		"a component that is not asked for": {standing: placement.StandingConstraint{VNFInstanceIDs: ns[:1], ComponentIDs: []string{"e"}, Kind: placement.StandingAffinity}},
		"another VNF instance":              {standing: placement.StandingConstraint{VNFInstanceIDs: ns[1:2], Kind: placement.StandingAffinity}},
		"each VNF instance of the VNFD":     {standing: placement.StandingConstraint{VNFDID: "v", Kind: placement.StandingAffinity}, want: "STANDING[s] together ZONE n m a0* a1*"},
		"of another VNFD":                   {standing: placement.StandingConstraint{VNFDID: "w", Kind: placement.StandingAffinity}},
		"an NS apart: from the others": {
			standing: placement.StandingConstraint{VNFInstanceIDs: ns, Kind: placement.StandingAntiAffinity},
			want:     "STANDING[s] apart ZONE n m b0*", cleared: "STANDING[s] apart ZONE n m b0* l0*",
		},
		"an NS together: with its own as well": {
			standing: placement.StandingConstraint{VNFInstanceIDs: ns, Kind: placement.StandingAffinity},
			want:     "STANDING[s] together ZONE n m a0* a1* b0*", cleared: "STANDING[s] together ZONE n m a0* a1* b0* l0*",
		},
		"somewhere": {
			standing: placement.StandingConstraint{VNFInstanceIDs: ns, Kind: placement.StandingFixed, UnitIDs: []string{"Z"}}, want: "STANDING[s] together ZONE n m",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.standing.ID, c.standing.Scope = "s", placement.ScopeZone
			view := standingFleet(t, c.standing)
			req := placement.GrantRequest{VNFInstanceID: "a", VNFDID: "v", AddResources: []placement.ResourceDefinition{pod("n", "c"), pod("m", "d")}}
			if c.cleared == "" {
				c.cleared = c.want
			}
			for withoutLI, want := range map[bool]string{true: c.want, false: c.cleared} {
				if diff := cmp.Diff(want, constraintText(standingConstraints(view, &req, c.released, withoutLI))); diff != "" {
					t.Errorf("without LI %v (-want +got):\n%s", withoutLI, diff)
				}
			}
		})
	}
}
