package scenario

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ringfence/deployments/reference"
	"ringfence/test/stub"
)

// TestDemotedRuntime puts a version of the policy in force that counts a runtime with a hole in it as a mere container: within two
// seconds hosts with the old version take no other network function any more, and what runs together there is listed.
func TestDemotedRuntime(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	document, err := reference.Files.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for host, version := range map[string]string{"h03": "3.1.9", "h10": "3.2.0"} {
		d.do("OPERATOR", http.MethodPatch, "/inventory/v1/hosts/"+host, map[string]any{"runtimeVersions": map[string]any{"kata": version}}, nil)
	}
	const rule = "rules:\n  - {id: R-KATA-HOLE, kind: demote-isolation, params: {runtime: kata, belowVersion: 3.2.0, level: OS_CONTAINER}, rationale: a hole in the runtime}\n"
	demoting := strings.Replace(strings.Replace(string(document), `policyVersion: "1.0.0"`, `policyVersion: "2.0.0"`, 1), "rules:\n", rule, 1)
	vnfm := d.vnfm(stub.SOL003Containers)
	question := func() *stub.GrantRequest { return instantiate(vnfm, "amf", "amf-2", "sig", "r0") }

	if m := d.dryRun(question()); m.against("h03") != "" || m.against("h10") != "" {
		t.Fatalf("before, against h03 stands %q and against h10 %q", m.against("h03"), m.against("h10"))
	}
	d.transfer("2.0.0", []byte(demoting))
	d.modifyPolicy(map[string]any{"selectedVersion": "2.0.0"})
	start := time.Now()
	eventually(t, 2*time.Second, "h03 is refused because of who runs there", func() bool {
		return strings.Contains(d.dryRun(question()).against("h03"), "R-SEPNF")
	})
	t.Logf("refused %s after the activation", time.Since(start).Round(time.Millisecond))
	if against := d.dryRun(question()).against("h10"); against != "" {
		t.Errorf("h10 has the version without the hole, and against it stands %s", against)
	}
	type violation struct {
		HostID string
		Reason struct{ RuleID, Check string }
	}
	eventually(t, 10*time.Second, "what runs together on h03 is listed", func() bool {
		listed := list[violation](d, "AUDITOR", "/placement/v1/violations?filter=(eq,hostId,h03)")
		for _, v := range listed {
			if v.Reason.RuleID == "R-SEPNF" {
				return true
			}
		}
		return false
	})
	if hosts := d.granted(vnfm, question()).Hosts(); hosts["r0"] != "h10" {
		t.Errorf("granted on %v", hosts)
	}
}
