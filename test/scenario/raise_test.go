package scenario

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/test/stub"
)

// TestActivationThatRaisesCacheModes puts a policy in force by which what lies in a cache lies there too weakly: it is a violation at
// once, the host is told once to purge it and how it may lie there now, and the report without it ends the violation.
func TestActivationThatRaisesCacheModes(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "mixed.yaml", "mixed.policy.yaml")
	nfvi := d.nfvi("x1")
	d.onX1(d.vnfm(stub.SOL003Containers), "container")
	obey := func() {
		t.Helper()
		d.settle(nfvi)
		if err := nfvi.Report(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	obey()
	before := len(nfvi.Agent("x1").Directives())
	activate := func(version, more string) {
		t.Helper()
		document := strings.NewReplacer(`policyVersion: "1.0.0"`, `policyVersion: "`+version+`"`, "mode: ENCRYPTED", "mode: NO_STORE").
			Replace(string(readFleet(t, "mixed.policy.yaml")))
		d.transfer(version, []byte(document+more))
		d.do("APPROVER", http.MethodPatch, "/nfvpolicy/v1/policies/"+d.policyID, map[string]any{"selectedVersion": version}, nil)
	}
	type weak struct {
		HostID, Object, State string
		Reason                struct{ RuleID, Message string }
	}
	found := func(rule string) (out []weak) {
		for _, v := range list[weak](d, "AUDITOR", "/placement/v1/violations?filter=(eq,source,RULES)") {
			if v.Reason.RuleID == rule {
				out = append(out, v)
			}
		}
		return out
	}
	if v := found("R-CACHE"); len(v) != 0 {
		t.Fatalf("before: %+v", v)
	}
	activate("2.0.0", "")
	eventually(t, 20*time.Second, "the violation is recorded", func() bool { return len(found("R-CACHE")) == 1 })
	v := found("R-CACHE")[0]
	if v.HostID != "x1" || v.Object != imageA || v.State != "OPEN" || !strings.Contains(v.Reason.Message, "lies on host x1 in mode ENCRYPTED; what runs there needs NO_STORE") {
		t.Errorf("recorded %+v", v)
	}
	activate("3.0.0", "  - {id: R-TEE, kind: require-host-capability, params: {allOf: [TEE]}, mode: audit, rationale: Another check.}\n")
	eventually(t, 20*time.Second, "it is checked again", func() bool { return len(found("R-TEE")) == 1 })
	eventually(t, 20*time.Second, "the host is told", func() bool {
		d.settle(nfvi)
		return len(nfvi.Agent("x1").Directives()) > before
	})
	obey()
	eventually(t, 20*time.Second, "the violation ends", func() bool { v := found("R-CACHE"); return len(v) == 1 && v[0].State == "ENDED" })
	obey()
	var told []string
	for _, order := range nfvi.Agent("x1").Directives()[before:] {
		switch order.Kind {
		case "PURGE":
			told = append(told, "PURGE "+strings.Join(order.Purge.Digests, " "))
		case "CACHE":
			told = append(told, "CACHE "+order.Cache.Digest+" "+order.Cache.Mode)
		default:
			told = append(told, order.Kind)
		}
	}
	if got, want := strings.Join(told, ", "), "PURGE "+imageA+", CACHE "+imageA+" NO_STORE"; got != want {
		t.Errorf("the host was told %s, want %s", got, want)
	}
	if entry, lies := nfvi.Agent("x1").State().Cache[imageA]; lies {
		t.Errorf("in the end it lies there as %+v", entry)
	}
}

// TestWeakEntryOfNobody has an image fetched by hand that nobody runs and nobody ordered, and that has a layer in common with one
// that holds keys: it is ordered away, once.
func TestWeakEntryOfNobody(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "layers.yaml", "layers.policy.yaml")
	const app = "sha256:a4c81f20d95e3b67c1f84a02b7ed5936e81c0fa2b4d963e50f1c98a7d2b569e4"
	nfvi, vnfm := d.nfvi("x1"), d.vnfm(stub.SOL003Containers)
	d.granted(vnfm, instantiate(vnfm, "keys", "ausf-1", "c", "r0"))
	d.settle(nfvi)
	before := len(nfvi.Agent("x1").Directives())
	nfvi.Agent("x1").ByHand(func(s *stub.HostState) { s.Cache[app] = stub.CacheEntry{Mode: "SHARED"} })
	if err := nfvi.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
	standing := func() (rules []string) {
		for _, v := range list[recorded](d, "AUDITOR", "/placement/v1/violations?filter=(eq,state,OPEN)") {
			rules = append(rules, v.Reason.RuleID)
		}
		return rules
	}
	eventually(t, 20*time.Second, "the host is told", func() bool {
		d.settle(nfvi)
		return len(nfvi.Agent("x1").Directives()) > before
	})
	if got := standing(); !slices.Contains(got, "R-KEYS") {
		t.Errorf("until the host says that it is gone, there stands %v", got)
	}
	told := nfvi.Agent("x1").Directives()[before:]
	if len(told) != 1 || told[0].Purge == nil || !slices.Equal(told[0].Purge.Digests, []string{app}) {
		t.Errorf("the host is told %s", encode(t, told))
	}
	if err := nfvi.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "nothing stands any more", func() bool { return len(standing()) == 0 })
	if d.settle(nfvi); len(nfvi.Agent("x1").Directives()) != before+1 {
		t.Errorf("the host is told more: %s", encode(t, nfvi.Agent("x1").Directives()[before:]))
	}
}
