package solver_test

import (
	"slices"
	"testing"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// scene is a small fleet in which everything is in order: trust domains and runtime classes of the random worlds, one pool for
// all, and what a case adds.
type scene struct {
	rules     string // of the one policy; domain-permit holds beside them
	active    []placement.ActivePolicy
	hosts     []*placement.Host
	residents []*placement.Residency
	changes   []placement.Change
}

const policyHead = "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\n"

func (s *scene) view(t *testing.T) *fleet.View {
	t.Helper()
	changes := slices.Clone(s.changes)
	for i := range domains {
		changes = append(changes, placement.Change{Kind: placement.ChangeTrustDomain, ID: domains[i].ID, TrustDomain: &domains[i]})
	}
	for i := range runtimes {
		changes = append(changes, placement.Change{Kind: placement.ChangeRuntimeClass, ID: runtimes[i].Name, RuntimeClass: &runtimes[i]})
	}
	changes = append(changes, placement.Change{Kind: placement.ChangeHostPool, ID: "p0", HostPool: &placement.HostPool{ID: "p0", AllowedTrustDomainIDs: domainIDs()}})
	doc := policyHead + "targetType: COMMON\nrules:\n  - {id: R-POOL, kind: domain-permit, rationale: r}\n" + s.rules
	active := append([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(doc)}}, s.active...)
	changes = append(changes, placement.Change{Kind: placement.ChangePolicies, ID: "active", Policies: active})
	for _, h := range s.hosts {
		changes = append(changes, placement.Change{Kind: placement.ChangeHost, ID: h.ID, NFVIPoPID: h.NFVIPoPID, Host: h})
	}
	for _, r := range s.residents {
		changes = append(changes, placement.Change{Kind: placement.ChangeResidency, ID: r.ID, Residency: r})
	}
	f := fleet.New()
	if err := f.Apply(changes...); err != nil {
		t.Fatal(err)
	}
	return f.Publish()
}

func sceneHost(id, zone string) *placement.Host {
	return &placement.Host{
		ID: id, NFVIPoPID: "P", HostPoolID: "p0", ResourceZoneID: zone, Country: "GB", PhysicallySecure: true,
		HypervisorClass: placement.HypervisorType1, Runtimes: []string{"kata", "runc"}, Lifecycle: placement.LifecycleInService,
		Capacity:     placement.Resources{placement.DimCPUMillis: 4000, placement.DimMemoryMiB: 8000},
		Capabilities: placement.CapCacheEnc | placement.CapEphemeralEnc, VIMConnectionID: "vim-1",
	}
}

// sceneDemand asks for one workload of the VNF instance v; key tells its NFs apart.
func sceneDemand(id, component, key, domain, runtime string) placement.Demand {
	return placement.Demand{ResourceDefinitionIDs: []string{id}, Workload: placement.Workload{
		NF: placement.NF{VNFInstanceID: "v", InstanceKey: key}, ComponentID: component, TrustDomainID: domain, Runtime: runtime,
	}}
}

func sceneInputs(demands ...placement.Demand) *placement.Inputs {
	in := &placement.Inputs{Now: noon, Demands: demands, Request: placement.GrantRequest{VNFInstanceID: "v"}}
	for i := range demands {
		for _, id := range demands[i].ResourceDefinitionIDs {
			in.Request.AddResources = append(in.Request.AddResources, placement.ResourceDefinition{ID: id, Type: placement.ResourceOSContainer})
		}
	}
	return in
}

// planOn is a plan as the solver would make it, for members that a case places itself.
func planOn(host string, ids ...string) *placement.Plan {
	plan := &placement.Plan{}
	for i, id := range ids {
		plan.Placements = append(plan.Placements, placement.Placement{
			ResourceDefinitionID: id, Demand: i, NFVIPoPID: "P", HostID: host, Runtime: "kata",
			Cache: []placement.CacheChoice{{Digest: "*", Mode: placement.CacheEncrypted}},
		})
	}
	return plan
}

func ruleIDs(reasons []placement.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.RuleID)
	}
	return out
}

// A member that dedicates its host keeps other NFs of its own request off, whichever of them comes first.
func TestDedicationWithinARequest(t *testing.T) {
	t.Parallel()
	const rules = "  - {id: R-DED, kind: dedicate-host, subject: {components: [secret]}, params: {identity: NF_INSTANCE}, rationale: r}\n"
	secret, plain := sceneDemand("m1", "secret", "li", "TD-B", "kata"), sceneDemand("m2", "plain", "amf", "TD-A", "kata")
	plain2 := sceneDemand("m2", "plain", "li", "TD-A", "kata")
	dedicated := &placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "v/li"}
	for name, demands := range map[string][]placement.Demand{"it comes first": {secret, plain}, "it comes last": {plain, secret}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := (&scene{rules: rules, hosts: []*placement.Host{sceneHost("h1", "Z1")}}).view(t)
			in := sceneInputs(demands...)
			if plan, _ := solver.Solve(v, in); plan != nil {
				t.Errorf("another NF was placed on the one host that is dedicated")
			}
			together := planOn("h1", demands[0].ResourceDefinitionIDs[0], demands[1].ResourceDefinitionIDs[0])
			for i := range demands {
				if demands[i].Workload.ComponentID == "secret" {
					together.Placements[i].Dedicate = dedicated
				}
			}
			if len(solver.Verify(v, in, together)(factsOf(v, in, together))) == 0 {
				t.Error("a plan that places both there verifies")
			}
			two := (&scene{rules: rules, hosts: []*placement.Host{sceneHost("h1", "Z1"), sceneHost("h2", "Z1")}}).view(t)
			plan, _ := solver.Solve(two, in)
			if plan == nil || plan.Placements[0].HostID == plan.Placements[1].HostID {
				t.Fatalf("with two hosts the plan is %+v, want each on its own", plan)
			}
			if reasons := solver.Verify(two, in, plan)(factsOf(two, in, plan)); len(reasons) > 0 {
				t.Errorf("the plan does not verify: %v", reasons)
			}
		})
	}
	v := (&scene{rules: rules, hosts: []*placement.Host{sceneHost("h1", "Z1")}}).view(t)
	if plan, _ := solver.Solve(v, sceneInputs(plain2, secret)); plan == nil {
		t.Error("two components of the NF that the host is dedicated to were refused")
	}
}

// A host ends up with the narrowest of the dedications that it has and that the members cause, in whichever order they are
// placed; and the verification refuses a plan with any other.
func TestTheNarrowestDedicationWins(t *testing.T) {
	t.Parallel()
	const rules = "  - {id: R-NF, kind: dedicate-host, subject: {components: [border]}, params: {identity: NF_INSTANCE}, rationale: r}\n" +
		"  - {id: R-TD, kind: dedicate-host, subject: {components: [app]}, params: {identity: TRUST_DOMAIN}, rationale: r}\n"
	nf := placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "v"}
	td := placement.Dedication{Identity: placement.DedicatedToTrustDomain, ID: "TD-A"}
	app, border := sceneDemand("m1", "app", "", "TD-A", "kata"), sceneDemand("m2", "border", "", "TD-A", "kata")
	for _, c := range []struct {
		name    string
		has     *placement.Dedication
		demands []placement.Demand
		want    placement.Dedication
	}{
		{"a trust domain", nil, []placement.Demand{app}, td},
		{"an NF on a trust domain's host", &td, []placement.Demand{border}, nf},
		{"a trust domain on an NF's host", &nf, []placement.Demand{app}, nf},
		{"both in one request", nil, []placement.Demand{app, border}, nf},
		{"both in one request, the other way round", nil, []placement.Demand{border, app}, nf},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := sceneHost("h1", "Z1")
			h.DedicatedTo = c.has
			v := (&scene{rules: rules, hosts: []*placement.Host{h}}).view(t)
			in := sceneInputs(c.demands...)
			plan, why := solver.Solve(v, in)
			if plan == nil {
				t.Fatalf("refused: %+v", why)
			}
			for i := range plan.Placements {
				if got := plan.Placements[i].Dedicate; got == nil || *got != c.want {
					t.Errorf("%s dedicates the host to %+v, want %+v", plan.Placements[i].ResourceDefinitionID, got, c.want)
				}
			}
			facts := factsOf(v, in, plan)
			if reasons := solver.Verify(v, in, plan)(facts); len(reasons) > 0 {
				t.Errorf("the plan does not verify: %v", reasons)
			}
			for _, wrong := range []*placement.Dedication{nil, {Identity: placement.DedicatedToTenant, ID: "somebody"}} {
				plan.Placements[0].Dedicate = wrong
				if !slices.Equal(ruleIDs(solver.Verify(v, in, plan)(facts)), []string{placement.RuleDedicated}) {
					t.Errorf("a plan that dedicates the host to %+v verifies", wrong)
				}
			}
		})
	}
}

// A dedication ends with the last workload that a request supersedes, for the plan as for the commit.
func TestSupersededDedicationEnds(t *testing.T) {
	t.Parallel()
	const rules = "  - {id: R-TD, kind: dedicate-host, params: {identity: TRUST_DOMAIN}, rationale: r}\n"
	nf := placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "v"}
	td := placement.Dedication{Identity: placement.DedicatedToTrustDomain, ID: "TD-A"}
	for _, c := range []struct {
		name       string
		superseded []string
		want       placement.Dedication
	}{
		{"the last one", []string{"r1", "r2"}, td},
		{"not the last one", []string{"r1"}, nf},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := sceneHost("h1", "Z1")
			h.DedicatedTo = &nf
			s := &scene{rules: rules, hosts: []*placement.Host{h}}
			for _, id := range []string{"r1", "r2"} {
				s.residents = append(s.residents, &placement.Residency{
					ID: id, NFVIPoPID: "P", HostID: "h1", Kind: placement.ResidencyWorkload, State: placement.StateReserved,
					Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "v"}, ComponentID: "old", TrustDomainID: "TD-A", Runtime: "kata"},
				})
			}
			in := sceneInputs(sceneDemand("m", "app", "", "TD-A", "kata"))
			in.Superseded = c.superseded
			plan, why := solver.Solve(s.view(t), in)
			if plan == nil {
				t.Fatalf("refused: %+v", why)
			}
			if got := plan.Placements[0].Dedicate; got == nil || *got != c.want {
				t.Errorf("the plan dedicates the host to %+v, want %+v", got, c.want)
			}
		})
	}
}

// A constraint that names an existing resource is verified by where that resource is, on whatever host.
func TestConstraintsWithExistingResources(t *testing.T) {
	t.Parallel()
	refs := []placement.ConstraintResourceRef{{ResourceID: "m"}, {Existing: true, ResourceID: "vm-1"}}
	apart := []placement.PlacementConstraint{{AntiAffinity: true, Scope: placement.ScopeZone, Resources: refs}}
	together := []placement.PlacementConstraint{{Scope: placement.ScopeZone, Resources: refs}}
	oneVIM := []placement.VIMConstraint{{Resources: refs}}
	for _, c := range []struct {
		name             string
		zone, vim        string // of the existing resource; the member goes to zone Z1 of vim-1
		constraints      []placement.PlacementConstraint
		vims             []placement.VIMConstraint
		allowed, unknown bool
	}{
		{name: "one zone", zone: "Z1", vim: "vim-1", constraints: together, allowed: true},
		{name: "one zone, but it is in another", zone: "Z2", vim: "vim-1", constraints: together},
		{name: "one zone, and nobody knows its", vim: "vim-1", constraints: together},
		{name: "zones apart", zone: "Z2", vim: "vim-1", constraints: apart, allowed: true},
		{name: "zones apart, but it is in the same", zone: "Z1", vim: "vim-1", constraints: apart},
		{name: "zones apart, and nobody knows its", vim: "vim-1", constraints: apart},
		{name: "one VIM", zone: "Z1", vim: "vim-1", vims: oneVIM, allowed: true},
		{name: "one VIM, but it is under another", zone: "Z1", vim: "vim-2", vims: oneVIM},
		{name: "a resource that nobody knows", zone: "Z2", vim: "vim-1", constraints: apart, unknown: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			full, free := sceneHost("full", c.zone), sceneHost("free", "Z1")
			full.VIMConnectionID, full.Lifecycle = c.vim, placement.LifecycleCordoned
			s := &scene{hosts: []*placement.Host{full, free}}
			if !c.unknown {
				s.residents = []*placement.Residency{{
					ID: "r", NFVIPoPID: "P", HostID: "full", Kind: placement.ResidencyWorkload, State: placement.StateRunning, VIMResourceIDs: []string{"vm-1"},
					Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "v"}, ComponentID: "other", TrustDomainID: "TD-A", Runtime: "kata"},
				}}
			}
			v := s.view(t)
			in := sceneInputs(sceneDemand("m", "app", "", "TD-A", "kata"))
			in.Request.PlacementConstraints, in.Request.VIMConstraints = c.constraints, c.vims
			if plan, why := solver.Solve(v, in); (plan != nil) != c.allowed {
				t.Errorf("granted %t, want %t: %+v", plan != nil, c.allowed, why)
			}
			plan := planOn("free", "m")
			if reasons := solver.Verify(v, in, plan)(factsOf(v, in, plan)); (len(reasons) == 0) != c.allowed {
				t.Errorf("verified with %v, want it to pass: %t", reasons, c.allowed)
			}
		})
	}
}

// Hosts of which nobody knows the zone may be in one zone with every other: what must be spread over zones is not put there.
func TestUnknownZonesDoNotSpread(t *testing.T) {
	t.Parallel()
	const share = "  - {id: R-SHARE, kind: max-blast-radius, scope: ZONE, params: {check: REPLICA_SHARE, share: 0.5}, rationale: r}\n"
	apart := []placement.PlacementConstraint{{AntiAffinity: true, Scope: placement.ScopeZone, Resources: []placement.ConstraintResourceRef{{ResourceID: "m1"}, {ResourceID: "m2"}}}}
	for _, c := range []struct {
		name        string
		rules       string
		zones       [2]string
		constraints []placement.PlacementConstraint
		want        bool
	}{
		{"anti-affinity, two zones", "", [2]string{"Z1", "Z2"}, apart, true},
		{"anti-affinity, one unknown", "", [2]string{"Z1", ""}, apart, false},
		{"anti-affinity, both unknown", "", [2]string{"", ""}, apart, false},
		{"half of the replicas, two zones", share, [2]string{"Z1", "Z2"}, nil, true},
		{"half of the replicas, one unknown", share, [2]string{"Z1", ""}, nil, false},
		{"half of the replicas, both unknown", share, [2]string{"", ""}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := (&scene{rules: c.rules, hosts: []*placement.Host{sceneHost("h1", c.zones[0]), sceneHost("h2", c.zones[1])}}).view(t)
			d := sceneDemand("m1", "app", "", "TD-A", "kata")
			d.ResourceDefinitionIDs = []string{"m1", "m2"}
			in := sceneInputs(d)
			in.Request.PlacementConstraints = c.constraints
			if plan, _ := solver.Solve(v, in); (plan != nil) != c.want {
				t.Errorf("granted %t, want %t", plan != nil, c.want)
			}
			plan := planOn("h1", "m1", "m2")
			plan.Placements[1].HostID, plan.Placements[1].Demand = "h2", 0
			if reasons := solver.Verify(v, in, plan)(factsOf(v, in, plan)); (len(reasons) == 0) != c.want {
				t.Errorf("verified with %v, want it to pass: %t", reasons, c.want)
			}
		})
	}
}
