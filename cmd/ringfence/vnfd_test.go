package main

import (
	"archive/zip"
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const lintedVNFD = `tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    vnf: {type: tosca.nodes.nfv.VNF, properties: {descriptor_id: upf}}
    upf-u:
      type: tosca.nodes.nfv.Vdu.Compute
      properties: {name: u, surprise: 1}
      capabilities: {virtual_compute: {properties: {virtual_cpu: {num_virtual_cpu: 2}}}}
`

func TestVNFDLint(t *testing.T) {
	t.Parallel()
	s := newService(t)
	good, bad := filepath.Join(t.TempDir(), "good.yaml"), filepath.Join(t.TempDir(), "bad.yaml")
	for name, text := range map[string]string{good: lintedVNFD, bad: strings.Replace(lintedVNFD, "num_virtual_cpu: 2", "num_virtual_cpu: two", 1)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := s.command(t, "", "vnfd", "lint", good)
	if got.code != exitOK || !strings.Contains(got.stdout, `good.yaml:7:29: WARNING UNKNOWN_CONSTRUCT: the property "surprise"`) || !strings.Contains(got.stdout, "good, VNFD upf, 1 component") {
		t.Errorf("got %+v", got)
	}
	got = s.command(t, "", "vnfd", "lint", good, bad)
	if got.code != exitRefused || !strings.Contains(got.stdout, "bad.yaml:8:84: ERROR FORM: num_virtual_cpu") {
		t.Errorf("got %+v", got)
	}
	if len(s.requests()) != 0 {
		t.Errorf("lint talks to the service: %v", s.requests())
	}
}

func TestVNFDOnboard(t *testing.T) {
	t.Parallel()
	const id = "0d7f4a1e-3f5f-4b86-9f43-6f1d4dc1b0a1"
	s := newService(t)
	s.json("POST "+packagesPath, 201, example(t, "inventory", "VnfPackageUpf"))
	s.json("GET "+packagesPath, 200, example(t, "inventory", "VnfPackageList"))
	s.json("GET "+packagesPath+"?filter=%28eq%2CvnfdId%2Cupf%29", 200, example(t, "inventory", "VnfPackageList"))
	s.json("GET "+packagesPath+"/"+id+"/draft", 200, example(t, "inventory", "VnfdDraftUpf"))
	s.json("POST "+packagesPath+"/"+id+"/profile", 201, example(t, "inventory", "VnfProfileUpf"))
	if got := s.command(t, lintedVNFD, "vnfd", "onboard", "-", "-o", "name"); got.code != exitOK || strings.TrimSpace(got.stdout) != id || s.last().body != lintedVNFD {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	if got := s.command(t, "", "vnfd", "list"); got.code != exitOK || !strings.Contains(got.stdout, "DRAFT") {
		t.Errorf("got %+v", got)
	}
	got := s.command(t, "", "vnfd", "show", "upf")
	for _, want := range []string{"/components/upf-u/roles: which roles it has", "Definitions/upf.yaml:25:9: WARNING UNKNOWN_CONSTRUCT", "upf-u  COMPUTE  1 to 3 instances"} {
		if got.code != exitOK || !strings.Contains(got.stdout, want) {
			t.Errorf("got %+v without %s", got, want)
		}
	}
	got = s.command(t, "nfType: UPF\ntrustDomainId: TD-UP\ncomponents: {upf-u: {roles: []}}\n", "vnfd", "complete", "upf", "-")
	if got.code != exitOK || s.last().body != `{"components":{"upf-u":{"roles":[]}},"nfType":"UPF","trustDomainId":"TD-UP"}` {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	s.json("POST "+packagesPath, 422, map[string]any{
		"status": 422, "detail": "the VNF package cannot be onboarded",
		"findings": []map[string]any{{"severity": "ERROR", "code": "IMPORT", "line": 3, "column": 5, "message": "v.yaml: the import leads out"}},
	})
	if got := s.command(t, "x", "vnfd", "onboard", "-"); got.code != exitRefused || !strings.Contains(got.stderr, "IMPORT") {
		t.Errorf("got %+v", got)
	}
}

// TestVNFDCharts renders the chart of a package with values, in a process of its own, and sends values with a package.
func TestVNFDCharts(t *testing.T) {
	t.Parallel()
	s := newService(t)
	folder := t.TempDir()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{"v.yaml", lintedVNFD},
		{"chart/Chart.yaml", "apiVersion: v2\nname: u\nversion: 1.0.0\n"},
		{"chart/templates/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: u}\nspec: {containers: [{name: c, image: c:1, resources: {requests: {cpu: {{ .Values.cpu }}, memory: 1Gi}}}]}\n"},
		{"chart/templates/bomb.yaml", "{{ if .Values.bomb }}{{ repeat 100000000000 \"x\" }}{{ end }}"},
	} {
		w, err := z.Create(f[0])
		if err == nil {
			_, err = io.WriteString(w, f[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	csar, values, bomb := filepath.Join(folder, "u.csar"), filepath.Join(folder, "values.yaml"), filepath.Join(folder, "bomb.yaml")
	for name, content := range map[string][]byte{csar: b.Bytes(), values: []byte("cpu: 4\n"), bomb: []byte("bomb: true\n")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := s.command(t, "", "vnfd", "lint", csar, "--values", values)
	if got.code != exitOK || !strings.Contains(got.stdout, `chart/templates/pod.yaml: WARNING MANIFEST_DIFFERS: "upf-u" uses 4000 cpuMillis here and 2000 in the descriptor`) {
		t.Errorf("got %+v", got)
	}
	if got = s.command(t, "", "vnfd", "lint", csar, "--values", bomb); got.code != exitRefused || !strings.Contains(got.stdout, "chart: ERROR TOO_LARGE: rendering it takes more than") {
		t.Errorf("got %+v", got)
	}
	s.json("POST "+packagesPath, 201, example(t, "inventory", "VnfPackageUpf"))
	if got = s.command(t, "", "vnfd", "onboard", csar, "--values", values, "-o", "name"); got.code != exitOK {
		t.Fatalf("got %+v", got)
	}
	kind, params, err := mime.ParseMediaType(s.last().header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		t.Fatalf("sent %s %v", kind, err)
	}
	form := multipart.NewReader(strings.NewReader(s.last().body), params["boundary"])
	for _, want := range [][2]string{{"values", "cpu: 4\n"}, {"package", b.String()}} {
		part, err := form.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(part); err != nil || part.FormName() != want[0] || string(content) != want[1] {
			t.Errorf("the part %s has %d bytes, %v", part.FormName(), len(content), err)
		}
	}
}
