package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPolicyAnalysis(t *testing.T) {
	t.Parallel()
	s := answered(t, aPolicy("p1", "core", true, "1.0.0"))
	got := s.command(t, "", "policy", "analysis", "core", "1.1.0")
	want := `WARNING NO_HOST_NOW: trust domain TD-A: no host

TRUST DOMAIN   HOSTS NOW   THEN
TD-A           2           0

VNFD   COMPONENT   TRUST DOMAIN   HOSTS NOW   THEN   FREE NOW   THEN   NEAREST MISS
amf    sig         TD-A           2           0      1          0      h1: R-POOL

Of 9 residencies 0 break a rule now, 1 would then: 1 new violations, 0 resolved.
RULE     HOST   RESIDENCY   WHY
R-POOL   h1     amf-1       the pool does not permit it

RULE     IS         WHAT
R-POOL   STRICTER   rule R-POOL is stricter: subject changed
`
	if diff := cmp.Diff(want, got.stdout); diff != "" || got.code != 0 {
		t.Errorf("exit code %d, %s\n%s", got.code, got.stderr, diff)
	}
}

func TestPolicyDiff(t *testing.T) {
	t.Parallel()
	s := answered(t, aPolicy("p1", "core", true, "1.0.0"))
	got := s.command(t, "", "policy", "diff", "core", "1.0.0", "1.1.0")
	want := "RULE     IS         WHAT\nR-POOL   STRICTER   rule R-POOL is stricter: subject changed\n"
	if diff := cmp.Diff(want, got.stdout); diff != "" || got.code != 0 {
		t.Errorf("exit code %d, %s\n%s", got.code, got.stderr, diff)
	}
	if lines := s.requests(); !strings.Contains(lines[len(lines)-1], "analysis") {
		t.Errorf("requests %v", lines)
	}
}

// What the policies that ship with ringfence say of the reference deployment is what its worked cases want: two VNF profiles that
// no host takes, and a trust domain that no pool permits. Nothing is wrong with the documents themselves.
func TestShippedPoliciesAreCleanOnTheReferenceDeployment(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deployments/policies/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	for _, name := range append(files, "../../deployments/reference/policy.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			against, err := survey(process{}, "../../deployments/reference/deployment.yaml")
			if err != nil {
				t.Fatal(err)
			}
			compiled, findings, err := against.lint(content)
			if err != nil || compiled == nil {
				t.Fatalf("%v %v", err, findings)
			}
			for _, f := range findings {
				deliberate := strings.Contains(f.Message, "udm-plain-vm") || strings.Contains(f.Message, "sepp-sriov") || strings.Contains(f.Message, "TD-TEST")
				if !deliberate {
					t.Errorf("%s %s: %s", f.Severity, f.Code, f.Message)
				}
			}
		})
	}
}

func TestPolicyLintAgainstAnInventory(t *testing.T) {
	t.Parallel()
	text := strings.Replace(goodPolicy, "    kind: domain-permit", "    kind: domain-permit\n    subject: {trustDomains: [TD-NONE]}", 1)
	fleet := filepath.Join(t.TempDir(), "fleet.yaml")
	if err := os.WriteFile(fleet, []byte("kind: Inventory\ntrustDomains:\n  - {id: TD-A, category: CONTROL_PLANE, sensitivity: 1, exclusive: false, requiresPhysicalSecurity: false}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := newService(t).command(t, "", "policy", "lint", policyFile(t, text), "--inventory", fleet)
	for _, want := range []string{"WARNING NAME_UNKNOWN", "WARNING RULE_VACUOUS", "WARNING NO_HOST_NOW: trust domain TD-A"} {
		if !strings.Contains(got.stdout, want) || got.code != 0 {
			t.Errorf("exit code %d: no %s in\n%s%s", got.code, want, got.stdout, got.stderr)
		}
	}
}
