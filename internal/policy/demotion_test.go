package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// demoting is a policy whose first rule counts kata below 3.2.0 as a container; more are its other rules.
func demoting(t *testing.T, force string, associations []string, more ...string) *policy.Set {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\ntargetType: VNF\nrules:\n")
	fmt.Fprintf(&b, "  - {id: OLD, rationale: r, kind: demote-isolation, params: {runtime: kata, belowVersion: 3.2.0, level: OS_CONTAINER}%s}\n", force)
	for i, r := range more {
		fmt.Fprintf(&b, "  - {id: R%d, rationale: r, %s}\n", i, r)
	}
	set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(b.String()), Associations: associations}})
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	return set
}

// What a demoted runtime counts decides everything that asks for isolation: rules, floors, waivers, kernels, caches.
func TestDemotedRuntimes(t *testing.T) {
	t.Parallel()
	const isolated, apart = "kind: require-isolation, params: {level: VM}", "kind: separate-domains, waiver: {minSeparation: VM}"
	cases := []struct {
		name  string
		force string // after the rule
		rule  string
		on    []string // associations
		with  func(s *setting)
		want  []string
	}{
		{name: "a version that is new enough", rule: isolated, with: func(s *setting) { s.host.RuntimeVersions["kata"] = "3.2.0" }},
		{name: "a version that is too old", rule: isolated, want: []string{"R0"}},
		{name: "a version that nobody knows", rule: isolated, with: func(s *setting) { s.host.RuntimeVersions = nil }, want: []string{"R0"}},
		{name: "another runtime", rule: isolated, with: func(s *setting) { s.workload.Runtime = "kata-cc"; s.host.Runtimes = []string{"kata-cc"} }},
		{name: "in audit mode", force: ", mode: audit", rule: isolated},
		{name: "as a SHOULD", force: ", strength: SHOULD", rule: isolated},
		{name: "for another trust domain", force: ", subject: {trustDomains: [B]}", rule: isolated},
		{name: "on another pool", force: ", host: {pools: [single]}", rule: isolated},
		{name: "for another VNF instance", rule: "kind: domain-permit", on: []string{"other"}, with: func(s *setting) { s.floor = placement.IsolationVM }},
		{name: "for this VNF instance", rule: "kind: domain-permit", on: []string{"own"}, with: func(s *setting) { s.floor = placement.IsolationVM }, want: []string{"ISOLATION"}},
		{name: "neither side of a pair is a VM any more", rule: apart, with: func(s *setting) { s.neighbour("n", "B", "other", "kata-cc", nil) }, want: []string{"R0(n)"}},
		{name: "nor where only the neighbour is demoted", rule: apart, with: func(s *setting) {
			s.workload.Runtime, s.host.Runtimes = "kata-cc", []string{"kata-cc"}
			s.neighbour("n", "B", "other", "kata", nil)
		}, want: []string{"R0(n)"}},
		{name: "it shares the host's kernel", rule: "kind: one-domain-per-kernel", with: func(s *setting) { s.neighbour("n", "B", "other", "runc", nil) }, want: []string{"R0"}},
		{name: "an open runtime takes the next that is strong enough", rule: isolated, with: func(s *setting) {
			s.workload.Runtime, s.host.Runtimes = "", []string{"kata", "kata-cc", "runc"}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetting()
			s.host.RuntimeVersions = map[string]string{"kata": "3.1.9"}
			if c.with != nil {
				c.with(s)
			}
			candidate := policy.Prepare(&policy.World{Catalogue: s.cat, Set: demoting(t, c.force, c.on, c.rule), Now: noon}, s.workload, s.floor, s.replicas)
			v := candidate.Judge(placement.HostFacts{Host: &s.host, Residents: s.residents}, nil)
			var got []string
			for _, r := range v.Reasons {
				got = append(got, r.Key())
				if r.AgainstID == "" && r.Params["needed"] != "" && r.Params["demotedBy"] != "OLD" {
					t.Errorf("nobody reads why the runtime is too weak: %v", r.Params)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if c.force == ", mode: audit" && (len(v.Warnings) != 1 || v.Warnings[0].Params["version"] != "3.1.9") {
				t.Errorf("the rule on trial tells nothing: %+v", v.Warnings)
			}
			if ok, _ := candidate.Static(&s.host); v.Feasible && !ok {
				t.Error("the filter rejects what the judge accepts")
			}
		})
	}
}

// A runtime that counts as less than a VM leaves residue.
func TestDemotedRuntimeLeavesResidue(t *testing.T) {
	t.Parallel()
	s := newSetting()
	s.neighbour("n", "A", "own", "kata", nil)
	set := demoting(t, "", nil)
	for version, want := range map[string]int{"3.1.9": 1, "3.2.0": 0, "": 1} {
		s.host.RuntimeVersions = map[string]string{"kata": version}
		if got := (policy.Levels{Catalogue: s.cat, Set: set}).ResidueOf(&s.host, s.residents[0], nil, nil); len(got) != want {
			t.Errorf("kata %q leaves %v, want %d", version, got, want)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	s := newSetting()
	for limit, versions := range map[string]map[string]bool{
		"3.2.0":      {"3.1.9": true, "3.1.10": true, "3.2": false, "3.2.0": false, "v3.2.0": false, "3.2.0+build7": false, "3.2.0-rc1": true, "3.10.0": false, "4": false, "": true, "newest": true, "3.2.x": true},
		"3.2.0-rc.2": {"3.2.0-rc.1": true, "3.2.0-rc.2": false, "3.2.0-rc.10": false, "3.2.0-alpha": true, "3.2.0": false, "3.1.99": true, "3.2.0-1": true},
	} {
		for version, older := range versions {
			s.host.RuntimeVersions = map[string]string{"kata": version}
			set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p"}, Content: []byte(
				"apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\nrules:\n  - {id: R, rationale: r, kind: demote-isolation, params: {runtime: kata, belowVersion: " + limit + ", level: SANDBOX}}\n",
			)}})
			if err != nil {
				t.Fatal(err)
			}
			if got := (policy.Levels{Catalogue: s.cat, Set: set}).Of(&s.host, &s.workload) == placement.IsolationSandbox; got != older {
				t.Errorf("%q is below %q: %t", version, limit, got)
			}
		}
	}
}
