package main

import (
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
