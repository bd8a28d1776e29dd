package scenario

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ringfence/test/stub"
)

// recorded is a violation as the scenario looks at it.
type recorded struct {
	State, HostID, ResidencyID, OnViolation, Eviction string

	EvictionOrderedAt, EvictionDoneAt, Until string

	Reason struct{ RuleID string }
}

// TestEviction puts a stricter version in force. While its rule reports, what runs stays; once it evicts, the host of what violates
// it, and no other, is told to release it, and the violation ends when that is gone.
func TestEviction(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	request := instantiate(vnfm, "nf", "v1", "c", "r0")
	host := d.granted(vnfm, request).Hosts()["r0"]
	nfvi := d.nfvi("n1a", "n1b", "n2a", "n2b", "s1a", "s1b", "s2a", "s2b")
	d.settle(nfvi)
	version := func(v, onViolation string) []byte {
		document := strings.Replace(string(readFleet(t, "plain.policy.yaml")), `policyVersion: "1.0.0"`, `policyVersion: "`+v+`"`, 1)
		return []byte(document + "  - {id: R-TEE, kind: require-host-capability, params: {allOf: [TEE]}, onViolation: " + onViolation + ", rationale: r}\n")
	}
	violations := func() (out []recorded) {
		for _, v := range list[recorded](d, "AUDITOR", "/placement/v1/violations") {
			if v.Reason.RuleID == "R-TEE" {
				out = append(out, v)
			}
		}
		return out
	}
	d.transfer("2.0.0", version("2.0.0", "REPORT"))
	d.modifyPolicy(map[string]any{"selectedVersion": "2.0.0"})
	eventually(t, 20*time.Second, "the violation is recorded", func() bool { return len(violations()) == 1 })
	if v := violations()[0]; v.Eviction != "NONE" || v.OnViolation != "REPORT" || v.HostID != host {
		t.Errorf("reported: %+v", v)
	}
	d.settle(nfvi)
	for _, agent := range nfvi.Agents() {
		for _, order := range agent.Directives() {
			if order.Kind == "RELEASE" {
				t.Fatalf("%s was told to release, and the rule only reports", agent.HostID())
			}
		}
	}

	d.transfer("3.0.0", version("3.0.0", "EVICT"))
	var preview struct {
		Impact struct{ Residencies struct{ Evicted int } }
	}
	d.do("AUDITOR", http.MethodGet, "/placement/v1/policies/"+d.policyID+"/versions/3.0.0/analysis", nil, &preview)
	if n := preview.Impact.Residencies.Evicted; n != 1 {
		t.Errorf("the preview says that %d would be evicted", n)
	}
	answer := d.do("APPROVER", http.MethodPatch, "/nfvpolicy/v1/policies/"+d.policyID, map[string]any{"selectedVersion": "3.0.0"}, nil)
	if n := answer.Header.Get("Ringfence-Evictions"); n != "1" {
		t.Errorf("the activation says that %q are evicted", n)
	}
	eventually(t, 20*time.Second, "the host is told", func() bool { v := violations(); return len(v) == 1 && v[0].Eviction == "ORDERED" })
	v := violations()[0]
	if v.EvictionOrderedAt == "" || v.State != "OPEN" {
		t.Errorf("ordered: %+v", v)
	}
	d.expectState(v.ResidencyID, "TERMINATING")
	d.settle(nfvi)
	for _, agent := range nfvi.Agents() {
		released := 0
		for _, order := range agent.Directives() {
			if order.Kind == "RELEASE" {
				released++
			}
		}
		if want := map[bool]int{true: 1}[agent.HostID() == host]; released != want {
			t.Errorf("%s was told %d times to release, want %d", agent.HostID(), released, want)
		}
	}
	eventually(t, 20*time.Second, "the violation ends with the residency", func() bool {
		v := violations()
		return len(v) == 1 && v[0].State == "ENDED" && v[0].Eviction == "DONE" && v[0].EvictionDoneAt != ""
	})
	if left := d.reservations("v1"); len(left) != 0 {
		t.Errorf("reserved %+v", left)
	}
}
