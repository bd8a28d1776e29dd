package synthetic_test

import (
	"os"
	"testing"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
	"ringfence/test/bench/synthetic"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// TestFleetTakesItsRequests holds the smallest fleet to what it is for: half of its hosts are full of residents that obey the
// policy themselves, and nearly all requests that it makes are granted on it.
func TestFleetTakesItsRequests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../deployments/policies/vm-equivalent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made := synthetic.New(synthetic.Options{Seed: 1, Hosts: synthetic.MinHosts, Residents: 10, Occupied: 0.5, Now: noon})
	f := fleet.New()
	policies := []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "vm-equivalent", Version: "1.0.0"}, Content: text}}
	if err := made.Changes(policies, func(c placement.Change) error { return f.Apply(c) }); err != nil {
		t.Fatal(err)
	}
	view := f.Publish()
	if view.Size != synthetic.MinHosts {
		t.Errorf("%d hosts, want %d", view.Size, synthetic.MinHosts)
	}
	if n := view.Residencies(); n < 4500 || n > 5500 {
		t.Errorf("%d residencies, want about 5000", n)
	}
	refused := 0
	for n := range 500 {
		q := made.Request(n)
		if plan, _ := solver.Solve(view, q.Inputs(noon, uint64(n))); plan == nil {
			refused++
		}
	}
	if refused > 0 {
		t.Errorf("%d of 500 requests refused on the view without any of the others", refused)
	}
	for n := range made.Hosts {
		for _, r := range made.ResidentsOf(n) {
			if rule := forbids(view, r); rule != "" {
				t.Fatalf("the policy would not have let %s onto its host: %s", r.ID, rule)
			}
		}
	}
}

// forbids asks for a rule that would keep a resident from where it is, with everybody else there. How a component spreads over
// hosts and zones is left out: the fleet fills its hosts one after the other.
func forbids(view *fleet.View, r *placement.Residency) string {
	in := &placement.Inputs{
		Request:    placement.GrantRequest{VNFInstanceID: r.Workload.NF.VNFInstanceID},
		Demands:    []placement.Demand{{ResourceDefinitionIDs: []string{"same"}, Workload: r.Workload}},
		Superseded: []string{r.ID}, RestrictHosts: []string{r.HostID}, Now: noon, ExplainLevel: placement.ExplainFull,
	}
	_, why := solver.Solve(view, in)
	for _, rejection := range why.Demands[0].Rejected {
		for _, reason := range rejection.Reasons {
			switch reason.RuleID {
			case placement.RuleLifecycle, "R-ATT-STATE", "R-BLAST-SHARE-HOST", "R-BLAST-SHARE-ZONE":
			default:
				return reason.Key()
			}
		}
	}
	return ""
}
