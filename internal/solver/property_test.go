package solver_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// The fast filter and the exact judge agree: a request for one workload is granted exactly when some host is
// feasible, on a feasible host, with the modes that the judge gives it.
func TestGrantsExactlyWhatIsFeasible(t *testing.T) {
	t.Parallel()
	granted, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		v := w.build(rt, w.order())
		in := drawInputs(rt, 1)
		for _, r := range v.ResidenciesOf("nf0") {
			if rapid.Bool().Draw(rt, "superseded") {
				in.Superseded = append(in.Superseded, r.ID)
			}
		}
		plan, why := solver.Solve(v, in)
		d := why.Demands[0]
		if d.HostsFeasible != len(d.Feasible) || d.HostsFeasible+len(d.Rejected) != d.HostsTotal {
			rt.Fatalf("the explanation does not add up: %d feasible, %d rejected of %d", d.HostsFeasible, len(d.Rejected), d.HostsTotal)
		}
		if (plan != nil) != (d.HostsFeasible > 0) {
			rt.Fatalf("granted %t, but %d hosts are feasible", plan != nil, d.HostsFeasible)
		}
		if plan == nil {
			refused++
			return
		}
		granted++
		pl := plan.Placements[0]
		i := slices.IndexFunc(d.Feasible, func(f placement.Feasible) bool { return f.HostID == pl.HostID })
		if i < 0 {
			rt.Fatalf("placed on %s, which is not feasible", pl.HostID)
		}
		if diff := cmp.Diff(d.Feasible[i].Cache, pl.Cache); diff != "" {
			rt.Fatalf("cache modes differ from the explanation's: %s", diff)
		}
	})
	t.Logf("%d granted, %d refused", granted, refused)
	if granted == 0 || refused == 0 {
		t.Fatalf("the worlds are too one-sided to test anything: %d granted, %d refused", granted, refused)
	}
}

// The same inputs give the same plan, however the hosts are numbered.
func TestSolveIsDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		in := drawInputs(rt, rapid.IntRange(1, 3).Draw(rt, "members"))
		plan, why := solver.Solve(w.build(rt, w.order()), in)
		reversed := w.order()
		slices.Reverse(reversed)
		again, whyAgain := solver.Solve(w.build(rt, reversed), in)
		if diff := cmp.Diff(plan, again); diff != "" {
			rt.Fatalf("another numbering gives another plan: %s", diff)
		}
		if diff := cmp.Diff(why, whyAgain); diff != "" {
			rt.Fatalf("another numbering gives other reasons: %s", diff)
		}
	})
}

// Every plan passes its own verification, and all members together leave no pair that a rule separates.
func TestPlansVerify(t *testing.T) {
	t.Parallel()
	plans := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		v := w.build(rt, w.order())
		in := drawInputs(rt, rapid.IntRange(1, 4).Draw(rt, "members"))
		in.Request.PlacementConstraints = drawConstraints(rt, v, in)
		plan, _ := solver.Solve(v, in)
		if plan == nil {
			return
		}
		plans++
		if reasons := solver.Verify(v, in, plan)(factsOf(v, in, plan)); len(reasons) > 0 {
			rt.Fatalf("the plan does not verify: %v", reasons)
		}
		checkTogether(rt, w, v, in, plan)
		if len(plan.Placements) > 1 {
			return
		}
		facts := factsOf(v, in, plan)
		facts.Hosts[0].Residents = append(slices.Clone(facts.Hosts[0].Residents), &placement.Residency{
			ID: "intruder", HostID: facts.Hosts[0].Host.ID, Kind: placement.ResidencyWorkload, State: placement.StateReserved,
			Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "intruder"}, ComponentID: "x", TrustDomainID: "TD-X", Runtime: "runc", Privileged: placement.PrivilegePrivileged},
		})
		if in.Demands[0].Workload.TrustDomainID != "TD-X" && len(solver.Verify(v, in, plan)(facts)) == 0 {
			rt.Fatal("an exclusive, privileged intruder on the chosen host went unnoticed")
		}
	})
	if plans == 0 {
		t.Fatal("no plan was made, so none was verified")
	}
}

// checkTogether looks at hosts of a plan by what the rules mean, not by what judges them: who shares a dedicated host, who is
// beside a VNF instance that a policy keeps apart, who dedicates, and where what must be apart stands.
func checkTogether(rt *rapid.T, w *world, v *fleet.View, in *placement.Inputs, plan *placement.Plan) {
	there := map[string][]placement.Workload{}
	for i := range plan.Placements {
		pl := &plan.Placements[i]
		if there[pl.HostID] == nil {
			slot, _ := v.Slot(pl.HostID)
			for _, r := range v.Facts(slot).Residents {
				if r.Kind != placement.ResidencyFabric {
					there[pl.HostID] = append(there[pl.HostID], r.Workload)
				}
			}
		}
		there[pl.HostID] = append(there[pl.HostID], in.Demands[pl.Demand].Workload)
	}
	for i := range plan.Placements {
		pl := &plan.Placements[i]
		own := &in.Demands[pl.Demand].Workload
		slot, _ := v.Slot(pl.HostID)
		if pl.Dedicate != nil && own.Roles&placement.RoleBorder == 0 && own.ComponentID != "alone" && (own.ComponentID != "a" || v.Host(slot).HostPoolID != "p1") {
			rt.Fatalf("%s dedicates its host, and only a rule in audit mode says so", pl.ResourceDefinitionID)
		}
		for _, other := range there[pl.HostID] {
			if pl.Dedicate != nil && identityOf(pl.Dedicate, &other) != pl.Dedicate.ID {
				rt.Fatalf("%s dedicates %s to %v, but %v is there", pl.ResourceDefinitionID, pl.HostID, *pl.Dedicate, other)
			}
			if w.associated && other.NF.VNFInstanceID == "nf1" {
				rt.Fatalf("%s stands beside nf1, which a policy keeps apart", pl.ResourceDefinitionID)
			}
		}
	}
	for _, c := range in.Request.PlacementConstraints {
		if c.AntiAffinity && c.Scope == placement.ScopeZone && !c.FallbackBestEffort {
			checkZonesApart(rt, v, &c, plan)
		}
	}
}

func identityOf(d *placement.Dedication, w *placement.Workload) string {
	if d.Identity == placement.DedicatedToTrustDomain {
		return w.TrustDomainID
	}
	return w.NF.Instance()
}

func checkZonesApart(rt *rapid.T, v *fleet.View, c *placement.PlacementConstraint, plan *placement.Plan) {
	var zones []string
	for _, ref := range c.Resources {
		if ref.Existing {
			for _, r := range v.Named(ref.ResourceID) {
				zones = append(zones, hostOf(v, r).ResourceZoneID)
			}
		}
		for i := range plan.Placements {
			if !ref.Existing && plan.Placements[i].ResourceDefinitionID == ref.ResourceID {
				zones = append(zones, plan.Placements[i].ResourceZoneID)
			}
		}
	}
	slices.Sort(zones)
	if len(zones) > 1 && (zones[0] == "" || len(slices.Compact(slices.Clone(zones))) < len(zones)) {
		rt.Fatalf("zones apart were asked for, the resources are in %q", zones)
	}
}

func drawConstraints(rt *rapid.T, v *fleet.View, in *placement.Inputs) []placement.PlacementConstraint {
	var ids []string
	for i := range in.Demands {
		ids = append(ids, in.Demands[i].ResourceDefinitionIDs...)
	}
	if rapid.Bool().Draw(rt, "unconstrained") {
		return nil
	}
	c := placement.PlacementConstraint{
		AntiAffinity: rapid.Bool().Draw(rt, "anti"), FallbackBestEffort: rapid.IntRange(0, 3).Draw(rt, "soft") == 0,
		Scope: rapid.SampledFrom([]placement.Scope{placement.ScopeNFVINode, placement.ScopeZone, placement.ScopeZone, placement.ScopeNFVIPoP}).Draw(rt, "scope"),
	}
	for _, id := range ids {
		in.Request.AddResources = append(in.Request.AddResources, placement.ResourceDefinition{ID: id, Type: placement.ResourceOSContainer})
		c.Resources = append(c.Resources, placement.ConstraintResourceRef{ResourceID: id})
	}
	if own := v.ResidenciesOf("nf0"); len(own) > 0 && rapid.Bool().Draw(rt, "with an existing resource") {
		c.Resources = append(c.Resources, placement.ConstraintResourceRef{Existing: true, ResourceID: rapid.SampledFrom(own).Draw(rt, "existing").VIMResourceIDs[0]})
	}
	return []placement.PlacementConstraint{c}
}

// factsOf is what a commit would read for the plan.
func factsOf(v *fleet.View, in *placement.Inputs, plan *placement.Plan) placement.CommitFacts {
	facts := placement.CommitFacts{Now: in.Now}
	for _, k := range plan.Hosts() {
		slot, _ := v.Slot(k.HostID)
		facts.Hosts = append(facts.Hosts, v.Facts(slot))
	}
	for i := range in.Demands {
		w := &in.Demands[i].Workload
		for _, r := range v.ResidenciesOf(w.NF.VNFInstanceID) {
			if r.Kind == placement.ResidencyFabric || r.Workload.NF.Instance() != w.NF.Instance() || r.Workload.ComponentID != w.ComponentID {
				continue
			}
			h := hostOf(v, r)
			facts.Siblings = append(facts.Siblings, placement.Sibling{
				ResidencyID: r.ID, NF: r.Workload.NF.Instance(), ComponentID: r.Workload.ComponentID,
				HostID: h.ID, ResourceZoneID: h.ResourceZoneID, RackID: h.RackID, NFVIPoPID: h.NFVIPoPID,
			})
		}
	}
	for _, k := range solver.TogetherOf(v, in) {
		for _, r := range v.ResidenciesOf(k.VNFInstanceID) {
			if r.Kind != placement.ResidencyFabric && r.Workload.NF.InstanceKey == k.InstanceKey {
				facts.Together = append(facts.Together, r)
			}
		}
	}
	for _, ref := range existingRefs(in) {
		for _, r := range v.Named(ref) {
			h := hostOf(v, r)
			facts.Existing = append(facts.Existing, placement.ExistingResource{
				ResidencyID: r.ID, VNFInstanceID: r.Workload.NF.VNFInstanceID, VIMResourceIDs: r.VIMResourceIDs, NFVIPoPID: h.NFVIPoPID, ResourceZoneID: h.ResourceZoneID, RackID: h.RackID,
				VIMConnectionID: h.VIMConnectionID, HostID: h.ID, CISNodeID: r.CISNodeID,
			})
		}
	}
	return facts
}

func hostOf(v *fleet.View, r *placement.Residency) *placement.Host {
	slot, _ := v.Slot(r.HostID)
	return v.Host(slot)
}

func existingRefs(in *placement.Inputs) []string {
	var out []string
	add := func(refs []placement.ConstraintResourceRef) {
		for _, ref := range refs {
			if ref.Existing {
				out = append(out, ref.ResourceID)
			}
		}
	}
	for i := range in.Request.PlacementConstraints {
		add(in.Request.PlacementConstraints[i].Resources)
	}
	for i := range in.Request.VIMConstraints {
		add(in.Request.VIMConstraints[i].Resources)
	}
	return out
}

// A view that was changed step by step is the view that is built at once.
func TestFleetIsIncremental(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		step := fleet.New()
		for _, i := range w.order() {
			if err := step.Apply(w.changes[i]); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "publish") {
				step.Publish()
			}
		}
		in := drawInputs(rt, 1)
		want, whyWant := solver.Solve(w.build(rt, w.order()), in)
		solver.Solve(step.Publish(), in) // fill the bitmaps
		id := rapid.SampledFrom(w.hosts).Draw(rt, "touched")
		slot, _ := step.View().Slot(id)
		host := *step.View().Host(slot)
		closed := host
		closed.Lifecycle = placement.LifecycleCordoned
		for _, h := range []*placement.Host{&closed, &host} {
			if err := step.Apply(placement.Change{Kind: placement.ChangeHost, ID: id, Host: h}); err != nil {
				rt.Fatal(err)
			}
			got, why := solver.Solve(step.Publish(), in)
			if h == &closed {
				if got != nil && got.Placements[0].HostID == id {
					rt.Fatal("a cordoned host was chosen: its bitmap is stale")
				}
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatal(diff)
			}
			if diff := cmp.Diff(whyWant, why); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

// Needs and Usage agree with the columns.
func TestColumnsHoldWhatIsFree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		v := w.build(rt, w.order())
		for _, id := range w.hosts {
			slot, _ := v.Slot(id)
			f := v.Facts(slot)
			free := f.Host.Capacity.Minus(f.Used)
			b := v.Blocks[slot/fleet.BlockSize]
			for d, name := range placement.Dimensions() {
				if got := b.Free[d][slot%fleet.BlockSize]; got != free[name] {
					rt.Fatalf("%s %s: column says %d, the sum %d", id, name, got, free[name])
				}
			}
		}
	})
}
