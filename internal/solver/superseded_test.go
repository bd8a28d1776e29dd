package solver_test

import (
	"testing"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// What is superseded separates no more, but what it may have left on its host counts against the request that supersedes it.
func TestSupersededLeavesResidue(t *testing.T) {
	t.Parallel()
	for state, want := range map[placement.ResidencyState]bool{placement.StateReserved: true, placement.StateUnconfirmed: false} {
		f := fleet.New()
		for _, c := range []placement.Change{
			{Kind: placement.ChangeTrustDomain, ID: "TD-A", TrustDomain: &placement.TrustDomain{ID: "TD-A"}},
			{Kind: placement.ChangeTrustDomain, ID: "TD-B", TrustDomain: &placement.TrustDomain{ID: "TD-B"}},
			{Kind: placement.ChangeRuntimeClass, ID: "runc", RuntimeClass: &placement.RuntimeClass{Name: "runc", Isolation: placement.IsolationOSContainer}},
			{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{
				Ref: placement.PolicyRef{ID: "p", Version: "1"},
				Content: []byte("apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: COMMON\nrules:\n" +
					"  - {id: R-DOM, kind: separate-domains, rationale: r}\n  - {id: R-SCRUB, kind: scrub-before-reuse, rationale: r}\n"),
			}}},
			{Kind: placement.ChangeHost, ID: "h", Host: &placement.Host{
				ID: "h", Runtimes: []string{"runc"}, Capabilities: placement.CapCacheEnc | placement.CapEphemeralEnc, Lifecycle: placement.LifecycleInService,
			}},
			{Kind: placement.ChangeResidency, ID: "old", Residency: &placement.Residency{
				ID: "old", HostID: "h", Kind: placement.ResidencyWorkload, State: state,
				Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "nf"}, TrustDomainID: "TD-B", Runtime: "runc"},
			}},
		} {
			if err := f.Apply(c); err != nil {
				t.Fatal(err)
			}
		}
		plan, why := solver.Solve(f.Publish(), &placement.Inputs{
			Now: noon, Superseded: []string{"old"}, ExplainLevel: placement.ExplainFull, Request: placement.GrantRequest{VNFInstanceID: "nf"},
			Demands: []placement.Demand{{ResourceDefinitionIDs: []string{"m"}, Workload: placement.Workload{
				NF: placement.NF{VNFInstanceID: "nf"}, ComponentID: "c", TrustDomainID: "TD-A", Runtime: "runc",
			}}},
		})
		if (plan != nil) != want {
			t.Errorf("%s: granted %t, want %t: %+v", state, plan != nil, want, why.Demands)
		}
	}
}
