package solver_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

const inOneVM = "  - {id: R-RUNTIME, kind: runtime-offered, rationale: r}\n  - {id: R-VM, kind: co-locate-in-vm, subject: {trustDomains: [TD-A]}, rationale: r}\n"

// vmHost is a host that offers nothing itself, with CIS-node VMs of given runtimes.
func vmHost(id string, cpu int64, nodes ...[]string) *placement.Host {
	h := sceneHost(id, "Z1")
	h.Runtimes, h.Capacity = nil, placement.Resources{placement.DimCPUMillis: cpu, placement.DimMemoryMiB: 8000}
	for i, runtimes := range nodes {
		h.CISNodes = append(h.CISNodes, placement.CISNode{ID: fmt.Sprintf("n%d", i), Form: placement.CISNodeVM, Runtimes: runtimes})
	}
	return h
}

func needing(d placement.Demand, cpu int64, ids ...string) placement.Demand {
	d.Workload.Resources, d.ResourceDefinitionIDs = placement.Resources{placement.DimCPUMillis: cpu}, ids
	return d
}

// places lists where a plan puts the members, in the order of the request.
func places(plan *placement.Plan) []string {
	if plan == nil {
		return nil
	}
	var out []string
	for i := range plan.Placements {
		out = append(out, plan.Placements[i].HostID+"/"+plan.Placements[i].CISNodeID)
	}
	return out
}

// TestTogether: all members of a request, and those who stand already, in one VM of their own.
func TestTogether(t *testing.T) {
	t.Parallel()
	both, kata := []string{"kata", "runc"}, []string{"kata"}
	stands := func(vnf, host, node string) *placement.Residency {
		return &placement.Residency{
			ID: "r-" + vnf + host, HostID: host, CISNodeID: node, NFVIPoPID: "P", Kind: placement.ResidencyWorkload, State: placement.StateRunning,
			Workload: placement.Workload{NF: placement.NF{VNFInstanceID: vnf}, ComponentID: "x", TrustDomainID: "TD-A", Runtime: "kata", Resources: placement.Resources{placement.DimCPUMillis: 100}},
		}
	}
	app, db := sceneDemand("", "app", "", "TD-A", "kata"), sceneDemand("", "db", "", "TD-A", "runc")
	var fleetOfSmall []*placement.Host
	for i := range 300 {
		fleetOfSmall = append(fleetOfSmall, vmHost(fmt.Sprintf("s%03d", i), 2500, both))
	}
	for _, c := range []struct {
		name      string
		hosts     []*placement.Host
		residents []*placement.Residency
		demands   []placement.Demand
		want      []string
		conflict  []string
	}{
		{"in the VM that offers what both want", []*placement.Host{vmHost("h1", 4000, kata, both)}, nil, []placement.Demand{needing(app, 1, "m1"), needing(db, 1, "m2")}, []string{"h1/n1", "h1/n1"}, nil},
		{
			"on the one host with room for all", append([]*placement.Host{vmHost("big", 4000, both)}, fleetOfSmall...), nil,
			[]placement.Demand{needing(app, 1000, "m1", "m2", "m3")},
			[]string{"big/n0", "big/n0", "big/n0"},
			nil,
		},
		{"nowhere is room for all", fleetOfSmall, nil, []placement.Demand{needing(app, 1000, "m1", "m2"), needing(db, 1000, "m3")}, nil, []string{"R-VM", "CAPACITY"}},
		{"no VM offers what both want", []*placement.Host{vmHost("h1", 4000, kata, []string{"runc"})}, nil, []placement.Demand{needing(app, 1, "m1"), needing(db, 1, "m2")}, nil, []string{"R-RUNTIME", "R-VM"}},
		{"where others of it stand", []*placement.Host{vmHost("h1", 4000, both), vmHost("h2", 4000, both, both)}, []*placement.Residency{stands("v", "h2", "n1")}, []placement.Demand{needing(app, 1, "m1")}, []string{"h2/n1"}, nil},
		{"its VM has no room left", []*placement.Host{vmHost("h1", 4000, both), vmHost("h2", 200, both)}, []*placement.Residency{stands("v", "h2", "n0")}, []placement.Demand{needing(app, 150, "m1")}, nil, nil},
		{"not beside others", []*placement.Host{vmHost("h1", 4000, both, both)}, []*placement.Residency{stands("w", "h1", "n0")}, []placement.Demand{needing(app, 1, "m1", "m2")}, []string{"h1/n1", "h1/n1"}, nil},
		{
			"two network functions of one VNF in two VMs",
			[]*placement.Host{vmHost("h1", 4000, both, both)},
			nil,
			[]placement.Demand{needing(app, 1, "m1", "m2"), needing(sceneDemand("", "app", "second", "TD-A", "kata"), 1, "m3")},
			[]string{"h1/n0", "h1/n0", "h1/n1"},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := (&scene{rules: inOneVM, hosts: c.hosts, residents: c.residents}).view(t)
			in := sceneInputs(c.demands...)
			plan, why := solver.Solve(v, in)
			if diff := cmp.Diff(c.want, places(plan)); diff != "" {
				t.Fatalf("places (-want +got):\n%s\n%+v", diff, why)
			}
			if plan != nil {
				if reasons := solver.Verify(v, in, plan)(factsOf(v, in, plan)); len(reasons) > 0 {
					t.Errorf("the plan does not verify: %v", reasons)
				}
				return
			}
			var conflict []string
			if why.Conflict != nil {
				conflict = why.Conflict.Members
			}
			if diff := cmp.Diff(c.conflict, conflict); diff != "" {
				t.Errorf("conflict (-want +got):\n%s", diff)
			}
			if len(why.Reasons) > 0 {
				t.Errorf("refused for %v", ruleIDs(why.Reasons))
			}
		})
	}
}

// TestTogetherIsVerified changes the facts under a plan: others of its NF instance elsewhere, a foreigner in its VM.
func TestTogetherIsVerified(t *testing.T) {
	t.Parallel()
	v := (&scene{rules: inOneVM, hosts: []*placement.Host{vmHost("h1", 4000, []string{"kata"}, []string{"kata"}), vmHost("h2", 4000, []string{"kata"})}}).view(t)
	in := sceneInputs(needing(sceneDemand("", "app", "", "TD-A", "kata"), 1, "m1", "m2"))
	in.RestrictHosts = []string{"h1"}
	plan, _ := solver.Solve(v, in)
	late := placement.Residency{ID: "late", NFVIPoPID: "P", Kind: placement.ResidencyWorkload, State: placement.StateReserved, Workload: in.Demands[0].Workload}
	for _, c := range []struct {
		name       string
		vnf        string
		host, node string
		want       []string
	}{
		{"its own in the same VM", "v", "h1", "n0", nil},
		{"its own in another VM of the host", "v", "h1", "n1", []string{"R-VM"}},
		{"its own on another host", "v", "h2", "n0", []string{"R-VM"}},
		{"another's in the VM", "w", "h1", "n0", []string{"R-VM"}},
		{"another's in another VM", "w", "h1", "n1", nil},
	} {
		r := late
		r.HostID, r.CISNodeID, r.Workload.NF.VNFInstanceID = c.host, c.node, c.vnf
		facts := factsOf(v, in, plan)
		if c.vnf == "v" {
			facts.Together = append(facts.Together, &r)
		}
		if c.host == "h1" {
			facts.Hosts[0].Residents = append(slices.Clone(facts.Hosts[0].Residents), &r)
		}
		if diff := cmp.Diff(c.want, ruleIDs(solver.Verify(v, in, plan)(facts))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	split := *plan
	split.Placements = slices.Clone(plan.Placements)
	split.Placements[1].CISNodeID = "n1"
	if diff := cmp.Diff([]string{"R-VM"}, ruleIDs(solver.Verify(v, in, &split)(factsOf(v, in, &split)))); diff != "" {
		t.Errorf("a plan of two VMs (-want +got):\n%s", diff)
	}
}

// TestTogetherOf: a commit locks and reads only what a rule in force holds together.
func TestTogetherOf(t *testing.T) {
	t.Parallel()
	app, other := sceneDemand("m1", "app", "second", "TD-A", "kata"), sceneDemand("m2", "app", "", "TD-B", "kata")
	second := placement.NFKey{VNFInstanceID: "v", InstanceKey: "second"}
	for rules, want := range map[string][]placement.NFKey{
		"": nil, inOneVM: {second}, "  - {id: R-VM, kind: co-locate-in-vm, rationale: r}\n": {second, {VNFInstanceID: "v"}},
		"  - {id: R-VM, kind: co-locate-in-vm, mode: audit, rationale: r}\n":                                    nil,
		"  - {id: R-VM, kind: co-locate-in-vm, strength: SHOULD, rationale: r}\n":                               nil,
		"  - {id: R-VM, kind: co-locate-in-vm, subject: {components: [another]}, rationale: r}\n":               nil,
		"  - {id: R-SHARE, kind: max-blast-radius, params: {check: REPLICA_SHARE, share: 0.5}, rationale: r}\n": nil,
	} {
		v := (&scene{rules: rules}).view(t)
		if diff := cmp.Diff(want, solver.TogetherOf(v, sceneInputs(app, app, other))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rules, diff)
		}
	}
}

// TestTogetherIsChecked: what runs is told of each side: who is not in the VM, and who is in it and should not be.
func TestTogetherIsChecked(t *testing.T) {
	t.Parallel()
	resident := func(id, vnf, domain, host, node string) *placement.Residency {
		return &placement.Residency{ID: id, HostID: host, CISNodeID: node, NFVIPoPID: "P", Kind: placement.ResidencyWorkload, State: placement.StateRunning, Workload: placement.Workload{
			NF: placement.NF{VNFInstanceID: vnf}, ComponentID: "c", TrustDomainID: domain, Runtime: "kata",
		}}
	}
	kata := []string{"kata"}
	v := (&scene{rules: inOneVM, hosts: []*placement.Host{vmHost("h1", 4000, kata, kata), vmHost("h2", 4000, kata)}, residents: []*placement.Residency{
		resident("fine-1", "fine", "TD-A", "h1", "n0"), resident("fine-2", "fine", "TD-A", "h1", "n0"),
		resident("split-1", "split", "TD-A", "h1", "n1"), resident("split-2", "split", "TD-A", "h2", "n0"), resident("guest", "guest", "TD-B", "h2", "n0"),
		resident("host", "host", "TD-A", "h1", ""), resident("free", "free", "TD-B", "h1", ""),
	}}).view(t)
	got := map[string]string{}
	for _, found := range solver.Check(v, everySlot(v), noon, 0) {
		if found.Reason.RuleID == "R-VM" {
			got[found.ResidencyID] += found.Reason.Params["why"] + found.Reason.AgainstID
		}
	}
	want := map[string]string{"split-1": "apart", "split-2": "apart", "guest": "taken", "host": "noVM"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

// TestTheLatestOfANetworkFunctionGo: where a rule evicts what is not together, those go who came later, and nobody goes because of
// one that goes itself.
func TestTheLatestOfANetworkFunctionGo(t *testing.T) {
	t.Parallel()
	const rules = "  - {id: R-VM, kind: co-locate-in-vm, subject: {trustDomains: [TD-A]}, onViolation: EVICT, rationale: r}\n"
	var residents []*placement.Residency
	add := func(id, vnf, domain, host, node string) {
		residents = append(residents, &placement.Residency{
			ID: id, HostID: host, CISNodeID: node, NFVIPoPID: "P", Kind: placement.ResidencyWorkload, State: placement.StateRunning,
			ReservedAt: noon.Add(time.Duration(len(residents)) * time.Minute),
			Workload:   placement.Workload{NF: placement.NF{VNFInstanceID: vnf}, ComponentID: "c", TrustDomainID: domain, Runtime: "kata"},
		})
	}
	add("bare", "v", "TD-A", "h2", "")       // goes: it is in no VM
	add("first", "v", "TD-A", "h1", "n0")    // stays
	add("beside", "v", "TD-A", "h1", "n0")   // stays
	add("apart", "v", "TD-A", "h1", "n1")    // goes: another VM
	add("far", "v", "TD-A", "h2", "n0")      // goes: another host
	add("guest", "w", "TD-B", "h1", "n0")    // goes: it came into the VM of v
	add("earlier", "w", "TD-B", "h2", "n1")  // stays: nobody asked it to be alone
	add("newcomer", "u", "TD-A", "h2", "n1") // goes: the VM was in use
	kata := []string{"kata"}
	v := (&scene{rules: rules, hosts: []*placement.Host{vmHost("h1", 4000, kata, kata), vmHost("h2", 4000, kata, kata)}, residents: residents}).view(t)
	var going []string
	for _, found := range solver.Check(v, everySlot(v), noon.Add(time.Hour), 0) {
		if found.Eviction == placement.EvictionPending {
			going = append(going, found.ResidencyID)
		}
	}
	slices.Sort(going)
	if diff := cmp.Diff([]string{"apart", "bare", "far", "guest", "newcomer"}, going); diff != "" {
		t.Errorf("going (-want +got):\n%s", diff)
	}
	if !solver.NeedsSiblings(v) {
		t.Error("what is on other hosts is not read under lock")
	}
}

// TestTogetherFindsAPlaceIfThereIsOne tries every way to put the members into VMs: one of them verifies exactly when the search
// finds one.
func TestTogetherFindsAPlaceIfThereIsOne(t *testing.T) {
	t.Parallel()
	found, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		s, in := drawTogether(rt)
		v := s.view(t)
		plan, why := solver.Solve(v, in)
		possible := tryAll(v, in, nil)
		switch {
		case plan != nil && len(solver.Verify(v, in, plan)(factsOf(v, in, plan))) > 0:
			rt.Fatalf("the plan %v does not verify", places(plan))
		case (plan != nil) != (possible != nil):
			rt.Fatalf("planned %v, possible %v: %+v", places(plan), possible, why)
		case plan != nil:
			found++
		default:
			refused++
		}
	})
	t.Logf("%d placed, %d refused", found, refused)
	if found == 0 || refused == 0 {
		t.Fatalf("the worlds are too one-sided to test anything: %d placed, %d refused", found, refused)
	}
}

// drawTogether draws hosts with VMs, some within others, a few residents, and a request of two components.
func drawTogether(rt *rapid.T) (*scene, *placement.Inputs) {
	s := &scene{rules: inOneVM}
	for i := range rapid.IntRange(1, 3).Draw(rt, "hosts") {
		var nodes [][]string
		for n := range rapid.IntRange(0, 3).Draw(rt, "nodes") {
			nodes = append(nodes, subset(rt, []string{"kata", "runc"}, fmt.Sprint("node", n)))
		}
		h := vmHost(fmt.Sprint("h", i), int64(rapid.IntRange(1, 4).Draw(rt, "cpu")), nodes...)
		for n := range h.CISNodes {
			h.CISNodes[n].Form = rapid.SampledFrom([]placement.CISNodeForm{placement.CISNodeVM, placement.CISNodeVM, placement.CISNodeVM, placement.CISNodeBareMetal}).Draw(rt, "form")
			if n > 0 && rapid.IntRange(0, 2).Draw(rt, "within") == 0 {
				h.CISNodes[n].ParentID = h.CISNodes[n-1].ID
			}
		}
		if rapid.Bool().Draw(rt, "offers itself") {
			h.Runtimes = []string{"kata", "runc"}
		}
		s.hosts = append(s.hosts, h)
		for k := range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(rt, "residents") {
			r := &placement.Residency{
				ID: fmt.Sprintf("r%d-%d", i, k), HostID: h.ID, NFVIPoPID: "P", Kind: placement.ResidencyWorkload, State: placement.StateRunning, Workload: placement.Workload{
					NF: placement.NF{VNFInstanceID: rapid.SampledFrom([]string{"v", "w", "w"}).Draw(rt, "vnf")}, ComponentID: "r", Runtime: "kata",
					TrustDomainID: rapid.SampledFrom([]string{"TD-A", "TD-A", "TD-B"}).Draw(rt, "domain"),
				},
			}
			if len(h.CISNodes) > 0 {
				r.CISNodeID = rapid.SampledFrom(h.CISNodes).Draw(rt, "node").ID
			}
			s.residents = append(s.residents, r)
		}
	}
	var demands []placement.Demand
	for i, ids := range [][]string{{"m1", "m2"}, {"m3"}}[:rapid.IntRange(1, 2).Draw(rt, "demands")] {
		d := sceneDemand("", fmt.Sprint("c", i), rapid.SampledFrom([]string{"", "", "x"}).Draw(rt, "key"), rapid.SampledFrom([]string{"TD-A", "TD-A", "TD-B"}).Draw(rt, "domain"), rapid.SampledFrom([]string{"kata", "runc"}).Draw(rt, "runtime"))
		demands = append(demands, needing(d, 1, ids...))
	}
	in := sceneInputs(demands...)
	in.Seed = rapid.Uint64().Draw(rt, "seed")
	return s, in
}

// tryAll completes the places of the first members in every way, and returns the first one that verifies.
func tryAll(v *fleet.View, in *placement.Inputs, chosen []placement.Placement) []string {
	ids, demandOf := []string{}, map[string]int{}
	for i := range in.Demands {
		for _, id := range in.Demands[i].ResourceDefinitionIDs {
			ids, demandOf[id] = append(ids, id), i
		}
	}
	if len(chosen) == len(ids) {
		plan := &placement.Plan{Placements: chosen}
		if len(solver.Verify(v, in, plan)(factsOf(v, in, plan))) > 0 {
			return nil
		}
		return places(plan)
	}
	next := planOn("", ids[len(chosen)]).Placements[0]
	next.Demand = demandOf[next.ResourceDefinitionID]
	next.Runtime = in.Demands[next.Demand].Workload.Runtime
	for slot := range v.Size {
		h := v.Host(slot)
		for _, nodeID := range append([]string{""}, nodeIDs(h)...) {
			if nodeID == "" && len(h.Runtimes) == 0 {
				continue
			}
			next.HostID, next.CISNodeID = h.ID, nodeID
			if out := tryAll(v, in, append(slices.Clip(chosen), next)); out != nil {
				return out
			}
		}
	}
	return nil
}

func nodeIDs(h *placement.Host) []string {
	var out []string
	for i := range h.CISNodes {
		out = append(out, h.CISNodes[i].ID)
	}
	return out
}
