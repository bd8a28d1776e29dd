package scenario

import (
	"net/http"
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
