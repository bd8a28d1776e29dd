package grant

import (
	"testing"
	"time"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// TestRaisedUnderLock commits a plan whose image holds keys while somebody, whom the view did not know, came to the host with an image
// that has a layer in common with it: the directives say nothing of that image, so they are outdated.
func TestRaisedUnderLock(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	for _, c := range []placement.Change{
		{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}},
		{Kind: placement.ChangeHostPool, ID: "p", HostPool: &placement.HostPool{ID: "p", AllowedTrustDomainIDs: []string{"A"}}},
		{Kind: placement.ChangeRuntimeClass, ID: "kata", RuntimeClass: &placement.RuntimeClass{Name: "kata", Isolation: placement.IsolationVM}},
		{Kind: placement.ChangeImage, ID: "app", Image: &placement.Image{Digest: "app", Layers: []placement.Layer{{Digest: "l"}}}},
		{Kind: placement.ChangeImage, ID: "key", Image: &placement.Image{Digest: "key", Layers: []placement.Layer{{Digest: "l"}}}},
		{Kind: placement.ChangeHost, ID: "h", Host: &placement.Host{
			ID: "h", HostPoolID: "p", PhysicallySecure: true, HypervisorClass: placement.HypervisorType1, Runtimes: []string{"kata"},
			Lifecycle: placement.LifecycleInService, Capabilities: placement.CapCacheEnc | placement.CapEphemeralEnc,
		}},
		{Kind: placement.ChangePolicies, Policies: []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(`{
			"apiVersion": "ringfence/v1", "kind": "TrustDomainPolicy", "policyVersion": "1", "targetType": "COMMON", "rules": [
			{"id": "R-KEYS", "kind": "cache-mode", "subject": {"roles": ["KEY_HOLDING"]}, "params": {"mode": "NO_STORE"}, "rationale": "keys"}]}`)}}},
	} {
		if err := f.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	workload := func(vnf, image string, roles placement.Roles) placement.Workload {
		return placement.Workload{NF: placement.NF{VNFInstanceID: vnf}, ComponentID: "c", TrustDomainID: "A", Roles: roles, Runtime: "kata", Images: []string{image}}
	}
	view := f.Publish()
	in := placement.Inputs{Now: time.Now(), Demands: []placement.Demand{{Workload: workload("v", "key", placement.RoleKeyHolding), ResourceDefinitionIDs: []string{"r0"}}}}
	plan, why := solver.Solve(view, &in)
	if plan == nil {
		t.Fatalf("refused: %+v", why)
	}
	a := &attempt{view: view, plan: plan, decision: placement.Decision{Inputs: in}}
	directives := directive.Build(view.Catalogue, &in, plan, a.hostOf, nil)
	facts := placement.CommitFacts{Now: in.Now, Hosts: []placement.HostFacts{{Host: view.Host(0)}}}
	if rs := verify(a, directives)(facts); len(rs) > 0 {
		t.Fatalf("on the host as the view has it: %+v", rs)
	}
	facts.Hosts[0].Residents = []*placement.Residency{{ID: "r", HostID: "h", Kind: placement.ResidencyWorkload, State: placement.StateReserved, Workload: workload("w", "app", 0)}}
	if rs := verify(a, directives)(facts); len(rs) != 1 || rs[0].RuleID != checkCache {
		t.Errorf("beside an image that the plan raises: %+v", rs)
	}
}
