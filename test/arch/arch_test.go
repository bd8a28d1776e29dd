package arch

import (
	"os"
	"testing"
)

// rules are all of them; each has a tree that breaks it in TestRulesCanFail.
var rules = map[string]func(*Tree) []Finding{
	"imports":          Imports,
	"budgets":          Budgets,
	"package-comments": PackageComments,
	"documented":       Documented,
	"names":            Names,
	"domain-tags":      DomainTags,
	"registration":     Registration,
	"migrations":       Migrations,
}

// TestArchitecture holds this checkout to every rule.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Files) < 20 {
		t.Fatalf("found %d Go files: this is not the checkout", len(tree.Files))
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, finding := range rule(tree) {
				if finding.Advice {
					t.Log(finding)
				} else {
					t.Error(finding)
				}
			}
		})
	}
}
