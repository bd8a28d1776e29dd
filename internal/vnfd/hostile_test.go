package vnfd_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"ringfence/internal/vnfd"
)

const tiny = `tosca_definitions_version: tosca_simple_yaml_1_2
topology_template:
  node_templates:
    v: {type: tosca.nodes.nfv.VNF, properties: {descriptor_id: v-1}}
    a: {type: tosca.nodes.nfv.Vdu.Compute, capabilities: {virtual_compute: {properties: {virtual_cpu: {num_virtual_cpu: 1}}}}}
`

// An archive that holds what a package must not hold is refused as a whole, and the finding says why.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	entry := func(name, data string, mode fs.FileMode) func(*testing.T, *zip.Writer) {
		return func(t *testing.T, z *zip.Writer) {
			h := &zip.FileHeader{Name: name, Method: zip.Deflate}
			if mode != 0 {
				h.SetMode(mode)
			}
			add(t, z, h, data)
		}
	}
	for _, c := range []struct {
		name, code string
		with       func(*testing.T, *zip.Writer)
	}{
		{"a path that leads out", vnfd.CodeArchive, entry("../evil.yaml", "x", 0)},
		{"a path that leads out on the way", vnfd.CodeArchive, entry("a/../../evil.yaml", "x", 0)},
		{"an absolute path", vnfd.CodeArchive, entry("/etc/passwd", "x", 0)},
		{"a path of another system", vnfd.CodeArchive, entry(`..\evil.yaml`, "x", 0)},
		{"a drive", vnfd.CodeArchive, entry("C:evil.yaml", "x", 0)},
		{"a NUL in a name", vnfd.CodeArchive, entry("a\x00.yaml", "x", 0)},
		{"a name that is no UTF-8", vnfd.CodeArchive, entry("a\xff.yaml", "x", 0)},
		{"an empty part of a path", vnfd.CodeArchive, entry("a//b.yaml", "x", 0)},
		{"a very long name", vnfd.CodeArchive, entry(strings.Repeat("a", 600), "x", 0)},
		{"a symbolic link", vnfd.CodeArchive, entry("link.yaml", "/etc/passwd", fs.ModeSymlink|0o777)},
		{"a device", vnfd.CodeArchive, entry("device", "", fs.ModeDevice|0o600)},
		{"a name twice", vnfd.CodeDuplicate, entry("v.yaml", tiny, 0)},
		{"a name twice in another case", vnfd.CodeDuplicate, entry("V.YAML", tiny, 0)},
		{"a file that is a folder too", vnfd.CodeDuplicate, entry("v.yaml/b", "x", 0)},
		{"a bomb", vnfd.CodeTooLarge, entry("bomb", strings.Repeat("\x00", 64<<20), 0)},
		{"a descriptor that is too long", vnfd.CodeTooLarge, func(t *testing.T, z *zip.Writer) {
			add(t, z, &zip.FileHeader{Name: "TOSCA-Metadata/TOSCA.meta"}, "Entry-Definitions: big.yaml\n")
			add(t, z, &zip.FileHeader{Name: "big.yaml"}, strings.Repeat("#\n", 3<<20))
		}},
		{"a size that is a lie", vnfd.CodeArchive, func(t *testing.T, z *zip.Writer) {
			add(t, z, &zip.FileHeader{Name: "TOSCA-Metadata/TOSCA.meta"}, "Entry-Definitions: lie.yaml\n")
			w, err := z.CreateRaw(&zip.FileHeader{Name: "lie.yaml", UncompressedSize64: 3, CompressedSize64: uint64(len(tiny))})
			if err == nil {
				_, err = w.Write([]byte(tiny))
			}
			if err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			z := zip.NewWriter(&b)
			add(t, z, &zip.FileHeader{Name: "v.yaml"}, tiny)
			c.with(t, z)
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			draft, findings := vnfd.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), "package.csar", vnfd.Charts{})
			if draft != nil {
				t.Error("it gives a draft")
			}
			expect(t, findings, vnfd.SeverityError, c.code)
		})
	}
}

func expect(t *testing.T, findings []vnfd.Finding, severity vnfd.Severity, code string) {
	t.Helper()
	for _, f := range findings {
		if f.Severity == severity && f.Code == code {
			return
		}
	}
	t.Errorf("want %s %s, got\n%s", severity, code, text(findings))
}

// What is wrong in a descriptor is said where it stands.
func TestFaultyDescriptors(t *testing.T) {
	t.Parallel()
	const head = "tosca_definitions_version: tosca_simple_yaml_1_2\n"
	for _, c := range []struct{ name, code, at, text string }{
		{"no YAML", vnfd.CodeSyntax, "v.yaml:2", head + "a: [\n"},
		{"an empty file", vnfd.CodeSyntax, "v.yaml", ""},
		{"two documents", vnfd.CodeSyntax, "v.yaml", head + "---\na: b\n"},
		{"no TOSCA", vnfd.CodeForm, "v.yaml:1:1", "hello: world\n"},
		{"a list", vnfd.CodeForm, "v.yaml:1:1", "- a\n"},
		{"a name twice", vnfd.CodeDuplicate, "v.yaml:3:1", head + "description: a\ndescription: b\n"},
		{"a merge key", vnfd.CodeSyntax, "v.yaml:3:15", head + "dsl_definitions: &x {a: b}\nnode_types: { <<: *x}\n"},
		{"nested too deep", vnfd.CodeTooLarge, "v.yaml:2", head + "metadata: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n"},
		{"aliases that explode", vnfd.CodeTooLarge, "v.yaml", head + "dsl_definitions:\n  a: &a [1,1,1,1,1,1,1,1,1,1]\n  b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" +
			"  c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n  d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n  e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n  f: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"},
		{"an import that leads out", vnfd.CodeImport, "v.yaml:2:11", head + "imports: [../../etc/passwd]\n"},
		{"an import from elsewhere", vnfd.CodeImport, "v.yaml:2:11", head + "imports: ['https://example.com/types.yaml']\n"},
		{"no VNF", vnfd.CodeMissing, "v.yaml:1:1", head + "topology_template: {node_templates: {a: {type: tosca.nodes.nfv.Vdu.Compute}}}\n"},
		{"no VDU", vnfd.CodeMissing, "v.yaml:1:1", head + "topology_template: {node_templates: {a: {type: tosca.nodes.nfv.VNF, properties: {descriptor_id: x}}}}\n"},
		{"no descriptor_id", vnfd.CodeMissing, "v.yaml:2:39", head + "topology_template: {node_templates: { a: {type: tosca.nodes.nfv.VNF}}}\n"},
		{"a number that is none", vnfd.CodeForm, "v.yaml:5:121", strings.Replace(tiny, "num_virtual_cpu: 1", "num_virtual_cpu: many", 1)},
		{"a negative number", vnfd.CodeForm, "v.yaml:5", strings.Replace(tiny, "num_virtual_cpu: 1", "num_virtual_cpu: -1", 1)},
		{"more than any host has", vnfd.CodeForm, "v.yaml:5", strings.Replace(tiny, "num_virtual_cpu: 1", "num_virtual_cpu: 9007199254740991", 1)},
		{"an unknown scope", vnfd.CodeForm, "v.yaml:7:7", tiny + "  policies:\n    - r: {type: tosca.policies.nfv.AffinityRule, properties: {scope: rack}, targets: [a]}\n"},
		{"an unknown target", vnfd.CodeUnknownReference, "v.yaml:7:87", tiny + "  policies:\n    - r: {type: tosca.policies.nfv.AffinityRule, properties: {scope: zone}, targets: [zz]}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, findings := vnfd.Read(strings.NewReader(c.text), int64(len(c.text)), "v.yaml", vnfd.Charts{})
			expect(t, findings, vnfd.SeverityError, c.code)
			if got := text(findings); !strings.Contains(got, c.at+":") {
				t.Errorf("want it at %s, got\n%s", c.at, got)
			}
		})
	}
}

// A file that was changed after the manifest was written refuses the package.
func TestChangedFiles(t *testing.T) {
	t.Parallel()
	source, err := txtar.ParseFile("testdata/machines.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for i := range source.Files {
		if f := &source.Files[i]; f.Name == "probe.mf" {
			f.Data = bytes.Replace(f.Data, []byte("HASHOF Definitions/probe.yaml"), []byte(strings.Repeat("ab", 32)), 1)
		}
	}
	content, _ := pack(t, source)
	_, findings := vnfd.Read(bytes.NewReader(content), int64(len(content)), "p", vnfd.Charts{})
	expect(t, findings, vnfd.SeverityError, vnfd.CodeHashMismatch)
}

// Packages of others, where they are at hand, are read without an error but those that are in them.
func TestPackagesOfOthers(t *testing.T) {
	t.Parallel()
	root := os.Getenv("RINGFENCE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	folder := filepath.Join(root, "data", "vnfd")
	for name, components := range map[string]int{"sample_free5gc_cnf_package": 12, "sample_free5gc_vnf_package_scope_nfvi_node": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := os.DirFS(filepath.Join(folder, name))
			if _, err := fs.Stat(files, "TOSCA-Metadata/TOSCA.meta"); err != nil {
				t.Skipf("the package is not here (%v): set RINGFENCE_SHARED to a folder that has it below data/vnfd", err)
			}
			var b bytes.Buffer
			z := zip.NewWriter(&b)
			if err := z.AddFS(files); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			draft, findings := vnfd.Read(bytes.NewReader(b.Bytes()), int64(b.Len()), name, vnfd.Charts{})
			if vnfd.HasErrors(findings) {
				t.Error(text(findings))
			}
			if draft == nil || len(draft.Components) != components {
				t.Fatalf("want %d components, got\n%s", components, summary(draft))
			}
			t.Logf("%s%s", text(findings), summary(draft))
		})
	}
}
