package policy

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"ringfence/internal/placement"
)

// anywhere compares policies wherever their rules stand in a document.
var anywhere = cmpopts.IgnoreFields(Rule{}, "At")

// TestCompileGivesWhatWasWritten draws documents together with the rules that they mean.
func TestCompileGivesWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		document, want := drawPolicy(t)
		content, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		got, findings := Load(content, placement.PolicyRef{ID: "p"}, nil)
		if len(findings) > 0 {
			t.Fatalf("findings:\n%s", Format(findings, "policy.json", content))
		}
		if diff := cmp.Diff(want, got, anywhere); diff != "" {
			t.Fatalf("compiled (-want +got):\n%s\nfrom %s", diff, content)
		}
		roundTrip(t, content, got)
	})
}

// TestDamagedDocuments damages good documents at one place: what comes out has findings or compiles, and is
// never taken by one step and refused by the next.
func TestDamagedDocuments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		document, _ := drawPolicy(t)
		damage(t, document)
		content, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		checkContent(t, content)
	})
}

// damage changes one value somewhere in the document.
func damage(t *rapid.T, v any) {
	scrap := rapid.SampledFrom([]any{nil, true, "", "domain", "R-0", 0, -1, 1e40, 0.1234567, []any{}, map[string]any{}, []any{"x"}, map[string]any{"x": 1}})
	switch v := v.(type) {
	case map[string]any:
		key := rapid.SampledFrom(append(slices.Sorted(maps.Keys(v)), "waiver", "object", "params", "check")).Draw(t, "key")
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			delete(v, key)
		case 1:
			v[key] = scrap.Draw(t, "scrap")
		case 2:
			v[key+"s"] = v[key]
		default:
			damage(t, v[key])
		}
	case []any:
		if len(v) > 0 {
			i := rapid.IntRange(0, len(v)-1).Draw(t, "item")
			if rapid.Bool().Draw(t, "replace") {
				v[i] = scrap.Draw(t, "scrap")
				return
			}
			damage(t, v[i])
		}
	}
}

// FuzzParse: no content makes the compiler panic, contradict itself, or read its own output differently.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join("testdata", "documents", "*.txtar"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no corpus: %v", err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(a.Files[0].Data)
	}
	reference, err := os.ReadFile(filepath.Join("..", "..", "deployments", "reference", "policy.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reference)
	f.Fuzz(func(t *testing.T, content []byte) { checkContent(t, content) })
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkContent checks what must hold for any content.
func checkContent(t failer, content []byte) {
	t.Helper()
	doc, findings := Parse(content)
	checkFindings(t, content, findings)
	if doc == nil {
		if !HasErrors(findings) {
			t.Fatalf("no document, and nobody says why: %q", content)
		}
		return
	}
	p, more := Compile(doc, placement.PolicyRef{ID: "p"}, nil)
	if len(more) > 0 {
		t.Fatalf("Compile finds what Parse let through: %v in %q", more, content)
	}
	if (p == nil) != HasErrors(findings) {
		t.Fatalf("compiled: %v, findings: %v in %q", p != nil, findings, content)
	}
	if p != nil {
		roundTrip(t, content, p)
	}
}

func checkFindings(t failer, content []byte, findings []placement.Finding) {
	t.Helper()
	lines := splitLines(string(content))
	if len(findings) > maxFindings+1 {
		t.Fatalf("%d findings", len(findings))
	}
	for _, f := range findings {
		if f.Code == "" || f.Message == "" || f.Severity != SeverityError && f.Severity != SeverityWarning {
			t.Fatalf("finding %+v says nothing", f)
		}
		if f.Code == CodeTooLarge && f.Line == 0 {
			continue
		}
		if f.Line < 1 || f.Line > len(lines)+1 || f.Column < 1 {
			t.Fatalf("finding %+v stands outside of the document %q", f, content)
		}
	}
	if !slices.IsSortedFunc(findings, func(a, b placement.Finding) int { return a.Line - b.Line }) {
		t.Fatalf("findings are not sorted: %v", findings)
	}
	shown := Format(findings, "policy.yaml", content)
	if strings.ContainsFunc(shown, func(c rune) bool { return isControl(c) }) {
		t.Fatalf("control characters in %q", shown)
	}
}

// roundTrip renders the document as JSON and as YAML and expects the same policy from both.
func roundTrip(t failer, content []byte, want *Policy) {
	t.Helper()
	doc, _ := Parse(content)
	asJSON, err := json.Marshal(doc.root.value())
	if err != nil {
		t.Fatalf("render as JSON: %v", err)
	}
	asYAML, err := yaml.Marshal(yamlOf(doc.root))
	if err != nil {
		t.Fatalf("render as YAML: %v", err)
	}
	for _, again := range [][]byte{asJSON, asYAML} {
		got, findings := Load(again, want.Ref, want.Associations)
		if diff := cmp.Diff(want, got, anywhere); diff != "" {
			t.Fatalf("rendered again it compiles differently (-want +got):\n%s\nfindings %v in %s", diff, findings, again)
		}
	}
}

func yamlOf(n *node) *yaml.Node {
	out := &yaml.Node{Kind: yaml.ScalarNode, Value: n.text}
	switch n.kind {
	case stringNode:
		out.SetString(n.text)
	case mapNode:
		out.Kind = yaml.MappingNode
		for _, f := range n.fields {
			key := &yaml.Node{}
			key.SetString(f.name)
			out.Content = append(out.Content, key, yamlOf(f.value))
		}
	case listNode:
		out.Kind = yaml.SequenceNode
		for _, item := range n.items {
			out.Content = append(out.Content, yamlOf(item))
		}
	default:
		out.Tag = map[nodeKind]string{nullNode: "!!null", boolNode: "!!bool", numberNode: "!!float"}[n.kind]
		if n.kind == numberNode && !strings.Contains(n.text, ".") {
			out.Tag = "!!int"
		}
	}
	return out
}
