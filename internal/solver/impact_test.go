package solver_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// otherText is a policy that shares some rules with the one of policyText, and has others of the same and of other ids.
const otherText = `
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "2"
rules:
  - {id: R-POOL, kind: domain-permit, rationale: r}
  - {id: R-RUNTIME, kind: runtime-offered, rationale: r}
  - {id: R-CUT, kind: forbid-cut-through, rationale: r}
  - {id: R-NF, kind: separate-nf, scope: HOST, params: {identity: NF_INSTANCE}, rationale: r}
  - {id: R-SHARE, kind: max-blast-radius, scope: ZONE, params: {check: REPLICA_SHARE, share: 0.3}, rationale: r}
  - {id: R-DEMOTE, kind: demote-isolation, subject: {components: [a]}, params: {runtime: kata, belowVersion: "3.2.0", level: OS_CONTAINER}, rationale: r}
  - {id: R-VM, kind: co-locate-in-vm, subject: {components: [a]}, rationale: r}
  - {id: R-CACHE-ALL, kind: cache-mode, params: {mode: NO_STORE}, rationale: r}
  - {id: R-CACHE, kind: cache-mode, subject: {sensitivityFrom: 3}, params: {mode: ENCRYPTED}, rationale: r}
`

// A preview counts just the hosts that dry runs find, and just the violations that the check of what runs finds.
func TestImpactIsWhatDryRunsAndChecksFind(t *testing.T) {
	t.Parallel()
	brought, ended := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		for _, c := range w.changes { // what runs where nobody knows is another matter
			if c.Residency != nil && c.Residency.CISNodeID == "a node that the host lacks" {
				c.Residency.CISNodeID = ""
			}
		}
		components := []placement.Component{profiled(rt, "a"), profiled(rt, "b")}
		w.changes = append(w.changes, placement.Change{Kind: placement.ChangeVNFProfile, ID: "vnfd", VNFProfile: &placement.VNFProfile{VNFDID: "vnfd", Components: components}})
		v := w.build(rt, w.order())
		after := compileOther(rt)
		got := solver.Impact(v, after, solver.ImpactOptions{Now: noon, MaxComponents: 10, MaxViolations: 1000})
		sides := []*policy.Set{v.Policies, after}
		asFleets := solver.ImpactOfChange(v, v.With(after), solver.ImpactOptions{Now: noon, MaxComponents: 10, MaxViolations: 1000})
		if diff := cmp.Diff(got, asFleets); diff != "" {
			rt.Fatalf("as two fleets (-want +got):\n%s", diff)
		}
		var homeless []string
		for _, d := range got.TrustDomains {
			if d.Eligible.Before == 0 && len(v.Policies.For("")) > 0 {
				homeless = append(homeless, d.TrustDomainID)
			}
		}
		if diff := cmp.Diff(homeless, solver.Homeless(v, noon, 0), cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("without a host (-want +got):\n%s", diff)
		}
		for i := range components {
			want := placement.ComponentImpact{VNFDID: "vnfd", ComponentID: components[i].ID, TrustDomainID: components[i].TrustDomainID}
			empty := (&world{changes: w.vacated()}).build(rt, w.order()[:len(w.vacated())])
			want.Eligible = placement.BeforeAfter{Before: feasible(empty.With(sides[0]), &components[i]), After: feasible(empty.With(sides[1]), &components[i])}
			want.Free = placement.BeforeAfter{Before: feasible(v.With(sides[0]), &components[i]), After: feasible(v.With(sides[1]), &components[i])}
			k := slices.IndexFunc(got.Components, func(c placement.ComponentImpact) bool { return c.ComponentID == components[i].ID })
			have := got.Components[k]
			have.Never, have.NearestMiss = nil, nil
			if diff := cmp.Diff(want, have); diff != "" {
				rt.Fatalf("component %s (-want +got):\n%s", components[i].ID, diff)
			}
		}
		before, then := violations(v, sides[0]), violations(v, sides[1])
		listed := map[string]bool{}
		for _, r := range got.Residencies.Listed {
			listed[r.ResidencyID+" "+r.Reason.PolicyID+" "+r.Reason.RuleID] = true
		}
		if diff := cmp.Diff(minus(then, before), listed); diff != "" {
			rt.Fatalf("new violations (-want +got):\n%s", diff)
		}
		if n := len(minus(before, then)); n != got.Residencies.Resolved || got.Residencies.New != len(listed) {
			rt.Fatalf("%d resolved, want %d; %d new, want %d", got.Residencies.Resolved, n, got.Residencies.New, len(listed))
		}
		brought, ended = brought+got.Residencies.New, ended+got.Residencies.Resolved
	})
	if brought == 0 || ended == 0 {
		t.Fatalf("the worlds are too one-sided to test anything: %d new, %d resolved", brought, ended)
	}
}

func profiled(rt *rapid.T, id string) placement.Component {
	w := drawWorkload(rt, false)
	return placement.Component{
		ID: id, TrustDomainID: w.TrustDomainID, Roles: w.Roles, Exposed: w.Exposed, Runtime: w.Runtime, CutThrough: w.CutThrough,
		Privileged: w.Privileged, Resources: w.Resources,
	}
}

func compileOther(rt *rapid.T) *policy.Set {
	active := []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "2"}, Content: []byte(otherText)}}
	if rapid.Bool().Draw(rt, "associated afterwards") {
		active = append(active, placement.ActivePolicy{Ref: placement.PolicyRef{ID: "q", Version: "1"}, Content: []byte(associatedText), Associations: []string{"nf1"}})
	}
	set, err := policy.CompileSet(active)
	if err != nil {
		rt.Fatal(err)
	}
	return set
}

// vacated is the world without anything that runs.
func (w *world) vacated() []placement.Change {
	var out []placement.Change
	for _, c := range w.changes {
		if c.Residency != nil {
			continue
		}
		if c.Host != nil {
			h := *c.Host
			h.DedicatedTo = nil
			c.Host = &h
		}
		out = append(out, c)
	}
	return out
}

// feasible counts the hosts that a dry run finds for a component of a new VNF instance.
func feasible(v *fleet.View, c *placement.Component) int {
	in := &placement.Inputs{Now: noon, ExplainLevel: placement.ExplainFull, Demands: []placement.Demand{{
		ResourceDefinitionIDs: []string{"m"}, Workload: placement.Workload{
			VNFDID: "vnfd", ComponentID: c.ID, TrustDomainID: c.TrustDomainID, Roles: c.Roles, Exposed: c.Exposed, Runtime: c.Runtime,
			CutThrough: c.CutThrough, Privileged: c.Privileged, Resources: c.Resources,
		},
	}}}
	_, why := solver.Solve(v, in)
	return why.Demands[0].HostsFeasible
}

// violations are those of rules that refuse which the check of what runs finds with the policies of a set.
func violations(v *fleet.View, set *policy.Set) map[string]bool {
	out := map[string]bool{}
	for _, found := range solver.Check(v.With(set), everySlot(v), noon, 0) {
		if found.Enforcement == placement.Enforced {
			out[fmt.Sprint(found.ResidencyID, " ", found.Reason.PolicyID, " ", found.Reason.RuleID)] = true
		}
	}
	return out
}

func minus(a, b map[string]bool) map[string]bool {
	out := map[string]bool{}
	for k := range a {
		if !b[k] {
			out[k] = true
		}
	}
	return out
}

// What a view would be after a change is what it is when the change was made; the view itself stays as it is.
func TestViewAfterAChange(t *testing.T) {
	t.Parallel()
	differ := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		v := w.build(rt, w.order())
		made := &world{changes: slices.Clone(w.changes)}
		var changes []placement.Change
		for i := range made.changes {
			c := made.changes[i]
			switch {
			case c.TrustDomain != nil && rapid.Bool().Draw(rt, "domain"):
				d := *c.TrustDomain
				d.Sensitivity, d.Exclusive, d.MaxAttestationAge = placement.MaxSensitivity-d.Sensitivity, !d.Exclusive, d.MaxAttestationAge/12
				c.TrustDomain = &d
			case c.HostPool != nil && rapid.Bool().Draw(rt, "pool"):
				c.HostPool = &placement.HostPool{ID: c.HostPool.ID, AllowedTrustDomainIDs: []string{"TD-A", "TD-X"}}
			case c.Host != nil && rapid.Bool().Draw(rt, "host"):
				h := *c.Host
				h.HypervisorClass = placement.HypervisorNone
				c.Host = &h
			case c.RuntimeClass != nil && rapid.Bool().Draw(rt, "runtime"):
				c.RuntimeClass = &placement.RuntimeClass{Name: c.RuntimeClass.Name, Isolation: placement.IsolationOSContainer}
			default:
				continue
			}
			made.changes[i], changes = c, append(changes, c)
		}
		options := solver.ImpactOptions{Now: noon, MaxComponents: 10, MaxViolations: 1000}
		before := solver.ImpactOfChange(v, v, options)
		after, err := v.After(changes...)
		if err != nil {
			rt.Fatal(err)
		}
		want, got := solver.ImpactOfChange(v, made.build(rt, made.order()), options), solver.ImpactOfChange(v, after, options)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("after the change (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, solver.ImpactOfChange(v, v, options)); diff != "" {
			rt.Fatalf("the view has changed (-before +now):\n%s", diff)
		}
		if !cmp.Equal(before, got) {
			differ++
		}
	})
	if differ == 0 {
		t.Fatal("no change has changed anything")
	}
}
