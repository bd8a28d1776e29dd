package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// readPolicy reads a policy that we ship.
func readPolicy(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "deployments", path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func mustLoad(t *testing.T, content []byte, ref placement.PolicyRef) *policy.Policy {
	t.Helper()
	p, findings := policy.Load(content, ref, nil)
	if len(findings) > 0 {
		t.Fatalf("findings:\n%s", policy.Format(findings, "policy.yaml", content))
	}
	return p
}

func TestReferencePolicyCompiles(t *testing.T) {
	t.Parallel()
	p := mustLoad(t, readPolicy(t, "reference/policy.yaml"), placement.PolicyRef{ID: "reference", Version: "1.0.0"})
	var ids []string
	for _, r := range p.Rules {
		ids = append(ids, r.ID)
	}
	want := []string{
		"R-POOL", "R-RUNTIME", "R-LOC", "R-PHYS", "R-ATT-STATE", "R-ATT-AGE", "R-OVR-SELF", "R-SCRUB", "R-CAP-SEC", "R-CAP-ENC",
		"R-ISO-BORDER", "R-ISO-KEY", "R-ISO-SEC", "R-SEPDOM", "R-SEPNF", "R-OVR-NOF", "R-SEPROLE", "R-EXPOSED", "R-BLAST-NF",
		"R-BLAST-SHARE-HOST", "R-BLAST-SHARE-ZONE", "R-CACHE-SECRET", "R-CACHE-BORDER", "R-CACHE-USER", "R-CACHE-CORE",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}
