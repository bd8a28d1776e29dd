package literal_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
	"ringfence/test/literal"
)

// worldsPerPolicy are judged under each drawn set of policies: compiling one costs more than judging one.
const worldsPerPolicy = 20

// TestProductReadsTheRulesAlike draws random worlds: the literal evaluator and the product agree on which hosts are feasible, on
// the modes of their caches and on all the reasons against the others, in their order.
func TestProductReadsTheRulesAlike(t *testing.T) {
	t.Parallel()
	sets := 500
	if os.Getenv("RINGFENCE_TEST_LONG") != "" {
		sets = 10_000
	}
	names := slices.Sorted(maps.Keys(kinds))
	var feasible, refused int
	for seed := range uint64(sets) {
		d := newDice(seed)
		policies := d.policies(names)
		set := compile(t, policies)
		for range worldsPerPolicy {
			w, ask := d.world(policies), d.ask()
			diff, n := compare(w, ask, set)
			if diff != "" {
				t.Fatalf("seed %d: the product and the rules disagree:\n%s\n%s", seed, diff, describe(w, ask))
			}
			feasible += n
			refused += len(w.Hosts) - n
		}
	}
	t.Logf("%d worlds: %d feasible hosts, %d refused ones, no disagreement", sets*worldsPerPolicy, feasible, refused)
}

// TestEachKindAlone draws worlds with rules of one kind only, in which no other reason hides what that kind says.
func TestEachKindAlone(t *testing.T) {
	t.Parallel()
	sets := 15
	if os.Getenv("RINGFENCE_TEST_LONG") != "" {
		sets = 300
	}
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(sets) {
				d := newDice(seed)
				policies := d.policies([]string{kind})
				set := compile(t, policies)
				for range worldsPerPolicy {
					w, ask := d.world(policies), d.ask()
					if diff, _ := compare(w, ask, set); diff != "" {
						t.Fatalf("seed %d: the product and the rules disagree:\n%s\n%s", seed, diff, describe(w, ask))
					}
				}
			}
		})
	}
}

// TestSabotageIsSeen drops the rules of one kind after the other from what the literal evaluator reads: the comparison notices
// every time, so no kind is compared in worlds in which it decides nothing.
func TestSabotageIsSeen(t *testing.T) {
	t.Parallel()
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(200) {
				d := newDice(seed)
				policies := d.policies([]string{kind})
				set := compile(t, policies)
				for i := range policies {
					policies[i].Document.Rules = nil
				}
				for range worldsPerPolicy {
					if diff, _ := compare(d.world(policies), d.ask(), set); diff != "" {
						return
					}
				}
			}
			t.Error("nobody noticed that its rules were gone")
		})
	}
}

// TestEveryKindIsTried fails when the product judges a kind that is not drawn.
func TestEveryKindIsTried(t *testing.T) {
	t.Parallel()
	for _, k := range policy.Kinds() {
		if kinds[string(k)] == nil {
			t.Errorf("%s is judged by the product and not compared with the rules", k)
		}
	}
}

func compile(t *testing.T, policies []literal.Policy) *policy.Set {
	t.Helper()
	var active []placement.ActivePolicy
	for i := range policies {
		content, err := json.Marshal(policies[i].Document)
		if err != nil {
			t.Fatal(err)
		}
		active = append(active, placement.ActivePolicy{Ref: placement.PolicyRef{ID: policies[i].ID, Version: "1"}, Content: content, Associations: policies[i].Associations})
	}
	set, err := policy.CompileSet(active)
	if err != nil {
		for _, a := range active {
			_, findings := policy.Load(a.Content, a.Ref, a.Associations)
			t.Log(policy.Format(findings, "drawn", a.Content))
		}
		t.Fatal(err)
	}
	return set
}

// compare judges a world both ways. It returns what differs, and how many hosts are feasible.
func compare(w *literal.World, ask *literal.Ask, set *policy.Set) (diff string, feasible int) {
	got := explain(w, ask, set)
	var out []string
	for _, h := range w.Hosts {
		sites, rejected := w.Judge(ask, h)
		if len(sites) > 0 {
			feasible++
		}
		if line := differ(h.ID, sites, rejected, &got); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n"), feasible
}

func differ(hostID string, sites []literal.Site, rejected *literal.Site, got *placement.DemandExplanation) string {
	i := slices.IndexFunc(got.Feasible, func(f placement.Feasible) bool { return f.HostID == hostID })
	if rejected != nil {
		if i >= 0 {
			return fmt.Sprintf("%s: the product accepts, the rules refuse: %v", hostID, rejected.Reasons)
		}
		j := slices.IndexFunc(got.Rejected, func(r placement.Rejection) bool { return r.HostID == hostID })
		if j < 0 {
			return hostID + ": the product says nothing"
		}
		var reasons []literal.Reason
		for _, r := range got.Rejected[j].Reasons {
			reasons = append(reasons, literal.Reason{PolicyID: r.PolicyID, RuleID: r.RuleID, AgainstID: r.AgainstID})
		}
		if !slices.Equal(reasons, rejected.Reasons) {
			return fmt.Sprintf("%s: reasons\n  of the product %v\n  of the rules   %v", hostID, reasons, rejected.Reasons)
		}
		return ""
	}
	if i < 0 {
		return fmt.Sprintf("%s: the product refuses, the rules accept: %+v", hostID, got.Rejected)
	}
	f := &got.Feasible[i]
	s := slices.IndexFunc(sites, func(s literal.Site) bool { return s.NodeID == f.CISNodeID })
	if s < 0 {
		return fmt.Sprintf("%s: the product chose CIS node %q, which the rules refuse", hostID, f.CISNodeID)
	}
	modes := map[string]string{}
	for _, c := range f.Cache {
		modes[c.Digest] = c.Mode.String()
	}
	if f.Runtime != sites[s].Runtime || !maps.Equal(modes, sites[s].Modes) {
		return fmt.Sprintf("%s: the product gives %s %v, the rules %s %v", hostID, f.Runtime, modes, sites[s].Runtime, sites[s].Modes)
	}
	return ""
}

// explain lets the product judge.
func explain(w *literal.World, ask *literal.Ask, set *policy.Set) placement.DemandExplanation {
	f := fleet.New()
	apply := func(c placement.Change) {
		if err := f.Apply(c); err != nil {
			panic(err)
		}
	}
	c := w.Catalogue
	for id, x := range c.TrustDomains {
		apply(placement.Change{Kind: placement.ChangeTrustDomain, ID: id, TrustDomain: &x})
	}
	for id, x := range c.HostPools {
		apply(placement.Change{Kind: placement.ChangeHostPool, ID: id, HostPool: &x})
	}
	for id, x := range c.RuntimeClasses {
		apply(placement.Change{Kind: placement.ChangeRuntimeClass, ID: id, RuntimeClass: &x})
	}
	for id, x := range c.NFVIPoPs {
		apply(placement.Change{Kind: placement.ChangeNFVIPoP, ID: id, NFVIPoP: &x})
	}
	for id, x := range c.Images {
		apply(placement.Change{Kind: placement.ChangeImage, ID: id, Image: &x})
	}
	for _, h := range w.Hosts {
		apply(placement.Change{Kind: placement.ChangeHost, ID: h.ID, NFVIPoPID: h.NFVIPoPID, Host: h})
	}
	for _, r := range w.Residents {
		apply(placement.Change{Kind: placement.ChangeResidency, ID: r.ID, NFVIPoPID: r.NFVIPoPID, Residency: r})
	}
	in := &placement.Inputs{
		Now: w.Now, ExplainLevel: placement.ExplainFull, MappingMaxAge: w.MappingMaxAge,
		Request: placement.GrantRequest{VNFInstanceID: ask.Workload.NF.VNFInstanceID},
		Demands: []placement.Demand{{Workload: ask.Workload, Isolation: ask.Floor}},
	}
	for i := range ask.Count {
		in.Demands[0].ResourceDefinitionIDs = append(in.Demands[0].ResourceDefinitionIDs, fmt.Sprintf("m%d", i))
	}
	_, why := solver.Solve(f.Publish().With(set), in)
	return why.Demands[0]
}

// describe prints a world as JSON, for a person who looks for the reason of a disagreement.
func describe(w *literal.World, ask *literal.Ask) string {
	var b strings.Builder
	print := func(name string, v any) { fmt.Fprintf(&b, "%s %s\n", name, must(json.Marshal(v))) }
	print("ask", ask)
	for _, h := range w.Hosts {
		print("host", h)
	}
	for _, r := range w.Residents {
		print("resident", r)
	}
	for _, td := range slices.SortedFunc(maps.Values(w.Catalogue.TrustDomains), func(a, b placement.TrustDomain) int { return cmp.Compare(a.ID, b.ID) }) {
		print("domain", td)
	}
	print("pools", w.Catalogue.HostPools)
	for i := range w.Policies {
		print("policy", w.Policies[i])
	}
	return b.String()
}
