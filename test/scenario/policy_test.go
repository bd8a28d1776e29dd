package scenario

import (
	"net/http"
	"strings"
	"testing"

	"ringfence/deployments/reference"
	"ringfence/test/stub"
)

// TestPolicyChange tries a version of the policy before it is in force, puts it in force, and takes it out again: each
// change bumps the epoch, and the next decision uses it.
func TestPolicyChange(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	document, err := reference.Files.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	stricter := strings.Replace(strings.Replace(string(document), `policyVersion: "1.0.0"`, `policyVersion: "2.0.0"`, 1), "max: 3", "max: 1", 1)
	vnfm := d.vnfm(stub.SOL003Containers)
	question := func() *stub.GrantRequest { return instantiate(vnfm, "amf", "amf-2", "sig", "r0") }

	now := d.dryRun(question())
	if now.against("h03") != "" || now.Policies[0].Version != "1.0.0" {
		t.Fatalf("with version %s, against h03 stands %s", now.Policies[0].Version, now.against("h03"))
	}
	d.transfer("2.0.0", []byte(stricter))
	if m := d.dryRun(question()); m.PolicyEpoch != now.PolicyEpoch || m.against("h03") != "" {
		t.Errorf("a version that is only transferred decides: epoch %d, was %d", m.PolicyEpoch, now.PolicyEpoch)
	}
	candidate := d.dryRunOf(map[string]any{
		"grantRequest": question(), "explain": "FULL", "candidatePolicy": map[string]any{"policyId": d.policyID, "version": "2.0.0"},
	})
	if candidate.against("h03") != "R-BLAST-NF" {
		t.Errorf("with the candidate, against h03 stands %q", candidate.against("h03"))
	}
	if m := d.dryRun(question()); m.against("h03") != "" {
		t.Error("a candidate is in force")
	}

	d.modifyPolicy(map[string]any{"selectedVersion": "2.0.0"})
	next := d.dryRun(question())
	if next.PolicyEpoch <= now.PolicyEpoch || next.Policies[0].Version != "2.0.0" || next.Policies[0].SHA256 == now.Policies[0].SHA256 {
		t.Errorf("the next decision used epoch %d, version %s; before: %d", next.PolicyEpoch, next.Policies[0].Version, now.PolicyEpoch)
	}
	if next.against("h03") != "R-BLAST-NF" {
		t.Errorf("against h03 stands %q", next.against("h03"))
	}
	g := d.granted(vnfm, question())
	if g.Hosts()["r0"] != "h10" || g.AdditionalParams.Ringfence.PolicyEpoch < next.PolicyEpoch {
		t.Errorf("granted on %v in epoch %d", g.Hosts(), g.AdditionalParams.Ringfence.PolicyEpoch)
	}

	d.modifyPolicy(map[string]any{"activationStatus": "DEACTIVATED"})
	if p := d.refused(vnfm, instantiate(vnfm, "amf", "amf-3", "sig", "r0")); rules(p)[0] != "NO-POLICY" {
		t.Errorf("without a policy, refused for %v", rules(p))
	}
	d.modifyPolicy(map[string]any{"activationStatus": "ACTIVATED", "selectedVersion": "1.0.0"})
	d.granted(vnfm, instantiate(vnfm, "amf", "amf-3", "sig", "r0"))
}

// TestPolicyFindings transfers a version with a fault: it is refused with the place, and the one in force stays.
func TestPolicyFindings(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	document, err := reference.Files.ReadFile("policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(strings.Replace(string(document), `"1.0.0"`, `"3.0.0"`, 1), "kind: separate-nf", "kind: seperate-nf", 1)
	line := 1 + strings.Count(broken[:strings.Index(broken, "seperate-nf")], "\n")
	answer, err := d.as("AUTHOR").Send(t.Context(), http.MethodPut, "/nfvpolicy/v1/policies/"+d.policyID+"/versions/3.0.0",
		http.Header{"Content-Type": {stub.TypeYAML}}, []byte(broken))
	if err != nil {
		t.Fatal(err)
	}
	p := d.problem(http.StatusUnprocessableEntity, answer.Decode(nil))
	if len(p.Findings) != 1 || p.Findings[0].Line != line || !strings.Contains(p.Findings[0].Message, "separate-nf") {
		t.Errorf("the findings, for line %d, are %+v", line, p.Findings)
	}
	_ = d.fail(http.StatusNotFound, "AUTHOR", http.MethodGet, "/nfvpolicy/v1/policies/"+d.policyID+"/versions/3.0.0", nil)
	_ = d.fail(http.StatusConflict, "AUTHOR", http.MethodDelete, "/nfvpolicy/v1/policies/"+d.policyID+"/versions/1.0.0", nil)
}

// TestCatalogueChange changes what decides beside policies: the epoch is bumped, and the next decision uses it.
func TestCatalogueChange(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	question := instantiate(vnfm, "amf", "amf-2", "sig", "r0")
	before := d.dryRun(question)
	for name, change := range map[string]struct {
		path  string
		patch map[string]any
		host  string
		want  string
	}{
		"pool":         {"/inventory/v1/host_pools/pool-dr", map[string]any{"allowedTrustDomainIds": []string{"TD-UP"}}, "h10", "R-POOL"},
		"trust domain": {"/inventory/v1/trust_domains/TD-CP", map[string]any{"maxAttestationAge": "1h"}, "h03", "R-ATT-AGE"},
	} {
		d.do("OPERATOR", http.MethodPatch, change.path, change.patch, nil)
		after := d.dryRun(question)
		if after.PolicyEpoch <= before.PolicyEpoch || after.against(change.host) != change.want {
			t.Errorf("%s: epoch %d, was %d; against %s stands %q", name, after.PolicyEpoch, before.PolicyEpoch, change.host, after.against(change.host))
		}
		before = after
	}
	d.do("OPERATOR", http.MethodPatch, "/inventory/v1/hosts/h04", map[string]any{"labels": map[string]any{"row": "7"}}, nil)
	if after := d.dryRun(question); after.PolicyEpoch != before.PolicyEpoch || after.ChangeSeq == before.ChangeSeq {
		t.Errorf("a host: epoch %d, was %d; feed %s, was %s", after.PolicyEpoch, before.PolicyEpoch, after.ChangeSeq, before.ChangeSeq)
	}
}
