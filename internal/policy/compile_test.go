package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

// TestTemplates: the templates are for every inventory, so that they compile and name nothing of one operator.
func TestTemplates(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("..", "..", "deployments", "policies", "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range mustLoad(t, content, placement.PolicyRef{ID: "template"}).Rules {
			for _, s := range []policy.Selector{r.Subject, r.Object} {
				if s.TrustDomains != nil || s.Components != nil || s.Labels != nil || r.Host.Pools != nil || r.Host.Zones != nil {
					t.Errorf("%s: rule %s names objects of one inventory", path, r.ID)
				}
			}
		}
	}
}

func TestCompileSet(t *testing.T) {
	t.Parallel()
	active := func(id, targetType string, associations ...string) placement.ActivePolicy {
		return placement.ActivePolicy{
			Ref: placement.PolicyRef{ID: id, Version: "1", SHA256: "x"}, Associations: associations,
			Content: []byte(head + "targetType: " + targetType + "\nrules: [{id: R1, kind: domain-permit, rationale: r}]\n"),
		}
	}
	rules := func(id string) []*policy.Rule {
		return []*policy.Rule{{PolicyID: id, ID: "R1", Kind: policy.DomainPermit, Scope: placement.ScopeHost, Rationale: "r"}}
	}
	t.Run("ascending by id", func(t *testing.T) {
		t.Parallel()
		set, err := policy.CompileSet([]placement.ActivePolicy{active("b", "COMMON"), active("a", "VNF", "vnf-1")})
		if err != nil {
			t.Fatal(err)
		}
		want := []*policy.Policy{
			{Ref: placement.PolicyRef{ID: "a", Version: "1", SHA256: "x"}, Associations: []string{"vnf-1"}, Rules: rules("a")},
			{Ref: placement.PolicyRef{ID: "b", Version: "1", SHA256: "x"}, Rules: rules("b")},
		}
		if diff := cmp.Diff(want, set.Policies, cmpopts.IgnoreFields(policy.Rule{}, "At")); diff != "" {
			t.Errorf("set (-want +got):\n%s", diff)
		}
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		if set, err := policy.CompileSet(nil); err != nil || len(set.Policies) != 0 {
			t.Errorf("set %v, error %v", set, err)
		}
	})
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		if _, err := policy.CompileSet([]placement.ActivePolicy{active("a", "COMMON"), active("a", "COMMON")}); err == nil {
			t.Error("two versions of one policy are in force")
		}
	})
	t.Run("one that is not understood", func(t *testing.T) {
		t.Parallel()
		bad := active("b", "COMMON", "vnf-1")
		set, err := policy.CompileSet([]placement.ActivePolicy{active("a", "COMMON"), bad})
		var e *placement.Error
		if set != nil || !errors.As(err, &e) || e.Kind != placement.Internal || len(e.Findings) != 1 || e.Findings[0].Code != policy.CodeAssociations {
			t.Errorf("set %v, error %v", set, err)
		}
	})
}
