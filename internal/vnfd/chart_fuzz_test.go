package vnfd_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"ringfence/internal/vnfd"
)

// unrendered takes the templates of a chart for what they render to.
var unrendered = vnfd.Charts{Render: func(c vnfd.Chart) (vnfd.Rendered, error) { return vnfd.Rendered{Documents: c.Files}, nil }}

func readWith(t *testing.T, content []byte, charts vnfd.Charts) {
	t.Helper()
	draft, findings := vnfd.Read(bytes.NewReader(content), int64(len(content)), "p", charts)
	if draft == nil && !vnfd.HasErrors(findings) {
		t.Error("neither a draft nor an error")
	}
	again, findingsAgain := vnfd.Read(bytes.NewReader(content), int64(len(content)), "p", charts)
	if text(findings)+summary(draft) != text(findingsAgain)+summary(again) {
		t.Error("another result for the same bytes")
	}
}

func FuzzChart(f *testing.F) {
	a := newChartArchive()
	a.add(f, tar.Header{Name: "c/Chart.yaml"}, "apiVersion: v2\nname: c\nversion: 1.0.0\n")
	a.add(f, tar.Header{Name: "c/templates/a.yaml"}, "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: b}]}\n")
	f.Add([]byte(a.close(f)))
	f.Fuzz(func(t *testing.T, content []byte) { readWith(t, withChart(t, string(content)), unrendered) })
}

func FuzzManifest(f *testing.F) {
	source, err := txtar.ParseFile(filepath.Join("testdata", "manifests.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range source.Files {
		if filepath.Dir(file.Name) == "Files" {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		add(t, z, &zip.FileHeader{Name: "TOSCA-Metadata/TOSCA.meta"}, "Entry-Definitions: v.yaml\n")
		add(t, z, &zip.FileHeader{Name: "v.yaml"}, tiny+"    m: {type: tosca.nodes.nfv.Mciop, artifacts: {chart: {type: tosca.artifacts.File, file: m.yaml}}}\n")
		add(t, z, &zip.FileHeader{Name: "m.yaml"}, string(content))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		readWith(t, b.Bytes(), unrendered)
	})
}
