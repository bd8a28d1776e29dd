package policy_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

var update = flag.Bool("update", false, "write what came out into testdata, to be reviewed as a diff")

// TestCorpus checks every document of testdata/documents: all of its findings, with positions, as the command
// line prints them. The comment of an archive may say as what the document is stored:
//
//	version: 2.0.0
//	associations: vnf-1, vnf-2
func TestCorpus(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("testdata", "documents", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Files) != 2 || a.Files[1].Name != "findings" {
				t.Fatalf("%s: expected a document and its findings", path)
			}
			doc, want := a.Files[0], a.Files[1].Data
			got := []byte(allFindings(string(a.Comment), doc.Name, doc.Data))
			if *update {
				a.Files[1].Data = got
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(want, got) {
				t.Errorf("findings (-want +got):\n%s", cmp.Diff(string(want), string(got)))
			}
		})
	}
}

// allFindings parses and compiles a document and prints everything that was found.
func allFindings(comment, name string, content []byte) string {
	var ref placement.PolicyRef
	var associations []string
	for line := range strings.Lines(comment) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "version":
			ref.Version = value
		case "associations":
			associations = strings.Split(value, ", ")
		}
	}
	p, findings := policy.Load(content, ref, associations)
	if policy.HasErrors(findings) != (p == nil) {
		return "there is a policy although there are errors, or none although there are not\n"
	}
	return policy.Format(findings, name, content)
}
