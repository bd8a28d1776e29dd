package solver_test

import (
	"fmt"
	"testing"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// The first decision takes the best host; one that is decided again, because others took that host too, takes one of those that
// are nearly as good, another for every seed.
func TestDecidingAgainSpreads(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	apply := func(c placement.Change) {
		t.Helper()
		if err := f.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	apply(placement.Change{Kind: placement.ChangeTrustDomain, ID: "TD-A", TrustDomain: &placement.TrustDomain{ID: "TD-A"}})
	apply(placement.Change{Kind: placement.ChangeRuntimeClass, ID: "kata", RuntimeClass: &placement.RuntimeClass{Name: "kata", Isolation: placement.IsolationVM}})
	apply(placement.Change{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{
		Ref:     placement.PolicyRef{ID: "p", Version: "1"},
		Content: []byte("apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: COMMON\nrules:\n  - {id: R-RUNTIME, kind: runtime-offered, rationale: r}\n"),
	}}})
	for i := range 12 {
		h := &placement.Host{
			ID: fmt.Sprintf("h%d", i), Runtimes: []string{"kata"}, HypervisorClass: placement.HypervisorType1,
			Capabilities: placement.CapCacheEnc, Lifecycle: placement.LifecycleInService,
		}
		if i == 11 { // it would waste what others need: nobody is sent there while there is another
			h.Capabilities |= placement.CapTEE
		}
		apply(placement.Change{Kind: placement.ChangeHost, ID: h.ID, Host: h})
	}
	resident := &placement.Residency{
		ID: "r", HostID: "h0", Kind: placement.ResidencyWorkload, State: placement.StateRunning,
		Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "nf0"}, TrustDomainID: "TD-A", Runtime: "kata"},
	}
	apply(placement.Change{Kind: placement.ChangeResidency, ID: "r", Residency: resident})
	view := f.Publish()
	chosen := func(attempt int) map[string]int {
		hosts := map[string]int{}
		for seed := range uint64(100) {
			in := &placement.Inputs{
				Now: noon, Seed: seed, Attempt: attempt, Request: placement.GrantRequest{VNFInstanceID: "nf1"},
				Demands: []placement.Demand{{ResourceDefinitionIDs: []string{"m"}, Workload: placement.Workload{
					NF: placement.NF{VNFInstanceID: "nf1"}, ComponentID: "c", TrustDomainID: "TD-A", Runtime: "kata",
				}}},
			}
			plan, _ := solver.Solve(view, in)
			if plan == nil {
				t.Fatal("refused")
			}
			hosts[plan.Placements[0].HostID]++
		}
		return hosts
	}
	if first := chosen(0); first["h0"] != 100 {
		t.Errorf("the first attempt chose %v, want the host that serves the trust domain already", first)
	}
	if again := chosen(1); len(again) < 8 || again["h11"] > 0 {
		t.Errorf("the second attempt chose %v, want most of the 11 hosts that cost about the same", again)
	}
}
