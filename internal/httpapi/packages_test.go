package httpapi_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"ringfence/internal/chart"
	"ringfence/internal/inventory"
	"ringfence/internal/policies"
	"ringfence/internal/postgres"
	"ringfence/internal/vnfd"
)

const probeVNFD = `tosca_definitions_version: tosca_simple_yaml_1_3
imports: [etsi_nfv_sol001_vnfd_types.yaml]
node_types:
  ringworks.Probe: {derived_from: tosca.nodes.nfv.VNF}
topology_template:
  node_templates:
    vnf: {type: ringworks.Probe, properties: {descriptor_id: probe-1, descriptor_version: "1.0", provider: Ringworks, product_name: Probe, software_version: "7", vnfm_info: [Tacker], flavour_id: only}}
    collector:
      type: tosca.nodes.nfv.Vdu.Compute
      properties: {name: collector, description: Collects., nfvi_constraints: {hosting: secure}, vdu_profile: {min_number_of_instances: 1, max_number_of_instances: 2}}
      capabilities: {virtual_compute: {properties: {virtual_cpu: {num_virtual_cpu: 2}, virtual_memory: {virtual_mem_size: 4 GiB}}}}
  policies:
    - apart: {type: tosca.policies.nfv.AntiAffinityRule, properties: {scope: nfvi_node}, targets: [collector]}
`

// archiveOf makes a CSAR of names and contents in turn.
func archiveOf(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noise is text that does not compress much.
func noise(n int) string {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func probePackage(t *testing.T) []byte {
	t.Helper()
	return archiveOf(t, "TOSCA-Metadata/TOSCA.meta", "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-by: test\nEntry-Definitions: Definitions/probe.yaml\n",
		"Definitions/probe.yaml", probeVNFD, "Files/large.bin", noise(3<<19))
}

const packagesURL = "/inventory/v1/vnf_packages"

func (a *api) onboard(mediaType string, content []byte) answer {
	a.t.Helper()
	return a.do(call{as: "operator", method: "POST", path: packagesURL, body: string(content), header: map[string]string{"Content-Type": mediaType}})
}

// TestOnboarding takes a package, shows its draft, and makes the VNF profile of it, with a second person.
func TestOnboarding(t *testing.T) {
	t.Parallel()
	a := newTwoPersons(t, postgres.Options{})
	a.policyInForce()
	content := probePackage(t)
	p := a.onboard("application/zip", content).want(201)
	id := fmt.Sprint(p.object()["id"])
	if p.object()["draftState"] != "DRAFT" || p.object()["vnfdId"] != "probe-1" || !strings.HasSuffix(p.header.Get("Location"), packagesURL+"/"+id) {
		t.Errorf("%s", p.body)
	}
	draft := a.read("vnf_packages/" + id + "/draft").want(200).object()
	missing, profile := fmt.Sprint(draft["missing"]), fmt.Sprint(draft["profile"])
	for _, want := range []string{"/trustDomainId", "/nfType", "/components/collector/roles"} {
		if !strings.Contains(missing, want) {
			t.Errorf("missing is %s, without %s", missing, want)
		}
	}
	for _, want := range []string{"cpuMillis:2000", "memoryMiB:4096", "nfvi.hosting:secure", "ANTI_AFFINITY"} {
		if !strings.Contains(profile, want) {
			t.Errorf("the draft is %s, without %s", profile, want)
		}
	}
	complete := func(body object) answer {
		return a.do(call{as: "operator", method: "POST", path: packagesURL + "/" + id + "/profile", body: body})
	}
	incomplete := complete(object{"nfType": "AMF", "trustDomainId": "TD-A", "components": object{"nobody": object{}}}).problem(422)
	if got := fmt.Sprint(incomplete["invalidParams"]); !strings.Contains(got, "/components/collector/roles") || !strings.Contains(got, "/components/nobody") {
		t.Errorf("an incomplete completion is refused for %s", got)
	}
	complete(object{"nfType": "AMF", "trustDomainId": "TD-A", "components": object{"collector": object{"roles": []string{"KING"}}}}).problem(422)
	change := complete(object{"nfType": "AMF", "trustDomainId": "TD-A", "components": object{"collector": object{"roles": []string{"SIGNALLING"}, "isolation": "VM"}}}).pending()
	if got := a.read("vnf_packages/" + id).object()["draftState"]; got != "DRAFT" {
		t.Errorf("before the approval it is %s", got)
	}
	a.approve("approver", change).want(200)
	stored := fmt.Sprint(a.read("vnf_profiles/probe-1").want(200).object())
	for _, want := range []string{"TD-A", "SIGNALLING", "isolation:VM", "cpuMillis:2000", "affinityRules", "deploymentFlavours"} {
		if !strings.Contains(stored, want) {
			t.Errorf("the VNF profile is %s, without %s", stored, want)
		}
	}
	if got := a.read("vnf_packages?filter=" + "(eq,draftState,COMPLETED)").want(200).list(); len(got) != 1 {
		t.Errorf("%d packages are completed", len(got))
	}
	if p := a.onboard("application/octet-stream", content).problem(409); !strings.Contains(fmt.Sprint(p["detail"]), "probe-1") {
		t.Errorf("the same again: %v", p)
	}
	a.do(call{as: "operator", method: "DELETE", path: packagesURL + "/" + id}).want(204)
	a.read("vnf_packages/" + id).problem(404)
	a.read("vnf_profiles/probe-1").want(200)
}

// TestOnboardingRefused sends what is no package, and who may not.
func TestOnboardingRefused(t *testing.T) {
	t.Parallel()
	a := newServerOn(t, postgres.Options{OnePerson: true}, inventory.Options{}, policies.Settings{})
	for name, c := range map[string]struct {
		content []byte
		code    string
	}{
		"nothing":                {nil, "SYNTAX"},
		"no YAML":                {[]byte("a: ["), "SYNTAX"},
		"a path that leads out":  {archiveOf(t, "../v.yaml", probeVNFD), "ARCHIVE"},
		"no descriptor":          {archiveOf(t, "readme.txt", "x"), "METADATA"},
		"a descriptor of no VDU": {archiveOf(t, "v.yaml", strings.Replace(probeVNFD, "tosca.nodes.nfv.Vdu.Compute", "acme.Thing", 1)), "MISSING"},
		"cut off":                {probePackage(t)[:1000], "ARCHIVE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := a.in(t)
			p := a.onboard("application/octet-stream", c.content).problem(422)
			if got := fmt.Sprint(p["findings"]); !strings.Contains(got, c.code) {
				t.Errorf("refused for %s, want %s", got, c.code)
			}
		})
	}
	a.onboard("text/html", []byte("x")).problem(415)
	for _, as := range []string{"vnfm-a", "auditor", "author", "agent"} {
		a.do(call{as: as, method: "POST", path: packagesURL, body: probeVNFD, header: map[string]string{"Content-Type": "application/yaml"}}).problem(403)
	}
	if got := a.read("vnf_packages").want(200).list(); len(got) != 0 {
		t.Errorf("%d packages are kept", len(got))
	}
}

// TestPackageForVNFM reads the package as a VNFM does that asks its NFVO for it.
func TestPackageForVNFM(t *testing.T) {
	t.Parallel()
	a := newServerOn(t, postgres.Options{OnePerson: true}, inventory.Options{}, policies.Settings{})
	content := probePackage(t)
	a.onboard("application/zip", content).want(201)
	a.onboard("application/yaml", []byte(strings.Replace(probeVNFD, "probe-1", "probe-2", 1))).want(201)
	get := func(path string, header map[string]string) answer {
		return a.do(call{as: "vnfm-a", path: "/vnfpkgm/v2/onboarded_vnf_packages/" + path, header: header})
	}
	info := get("probe-1", map[string]string{"Version": "2.1.0"}).want(200)
	if o := info.object(); o["vnfdId"] != "probe-1" || o["onboardingState"] != "ONBOARDED" || o["usageState"] != "NOT_IN_USE" || info.header.Get("Version") != "2.1.0" {
		t.Errorf("%s", info.body)
	}
	if got := get("probe-1/package_content", nil).want(200); !bytes.Equal(got.body, content) || got.header.Get("Content-Type") != "application/zip" {
		t.Errorf("the package is %d bytes of %s, not the %d that were sent", len(got.body), got.header.Get("Content-Type"), len(content))
	}
	for header, want := range map[string][]byte{
		"bytes=0-9": content[:10], "bytes=1048570-1048589": content[1048570:1048590], "bytes=-5": content[len(content)-5:], fmt.Sprintf("bytes=%d-", len(content)-1): content[len(content)-1:],
	} {
		got := get("probe-1/package_content", map[string]string{"Range": header}).want(206)
		if !bytes.Equal(got.body, want) || got.header.Get("Content-Range") == "" {
			t.Errorf("%s: %d bytes, %s", header, len(got.body), got.header.Get("Content-Range"))
		}
	}
	if got := get("probe-1/package_content", map[string]string{"Range": "bytes=99999999-"}); got.problem(416) == nil || got.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", len(content)) {
		t.Errorf("%v", got.header)
	}
	if got := get("probe-1/package_content", map[string]string{"Range": "bytes=0-1,4-5"}).want(200); len(got.body) != len(content) {
		t.Errorf("two ranges give %d bytes", len(got.body))
	}
	for _, vnfd := range []string{"probe-1", "probe-2"} {
		if got := get(vnfd+"/package_content", map[string]string{"Accept": "application/json"}).want(200).header.Get("Content-Type"); got != "application/zip" {
			t.Errorf("%s: to a client that sends one Accept with all it is %s", vnfd, got)
		}
		got := get(vnfd+"/vnfd", map[string]string{"Accept": "application/json"}).want(200)
		z, err := zip.NewReader(bytes.NewReader(got.body), int64(len(got.body)))
		if err != nil || len(z.File) == 0 {
			t.Fatalf("%s: %v", vnfd, err)
		}
	}
	if got := get("probe-2/vnfd", map[string]string{"Accept": "text/plain"}).want(200); !strings.Contains(string(got.body), "probe-2") {
		t.Errorf("%s", got.body)
	}
	get("probe-1/vnfd", map[string]string{"Accept": "text/plain"}).problem(406)
	get("probe-3", nil).problem(404)
	get("probe-1", map[string]string{"Version": "3.0.0"}).problem(406)
	a.do(call{as: "agent", path: "/vnfpkgm/v2/onboarded_vnf_packages/probe-1"}).problem(403)
	versions := a.do(call{as: "vnfm-a", path: "/vnfpkgm/api_versions"}).want(200).object()
	if !strings.HasSuffix(fmt.Sprint(versions["uriPrefix"]), "/vnfpkgm/v2/") {
		t.Errorf("%v", versions)
	}
}

// renderHere renders the charts of these tests, which are their own.
func renderHere(_ context.Context, c vnfd.Chart) (vnfd.Rendered, error) { return chart.Render(c), nil }

// TestCharts renders the chart of a package with the values of a form, and refuses forms that are none.
func TestCharts(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	content := string(archiveOf(t, "v.yaml", probeVNFD, "chart/Chart.yaml", "apiVersion: v2\nname: collector\nversion: 1.0.0\n", "chart/templates/pod.yaml",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Chart.Name }}}\nspec: {containers: [{name: c, image: c:1, resources: {requests: {cpu: {{ .Values.cpu }}, memory: 1Gi}}}]}\n"))
	form := func(parts ...string) answer {
		body := ""
		for i := 0; i+1 < len(parts); i += 2 {
			body += "--x\r\nContent-Disposition: form-data; name=\"" + parts[i] + "\"\r\n\r\n" + parts[i+1] + "\r\n"
		}
		return a.onboard("multipart/form-data; boundary=x", []byte(body+"--x--\r\n"))
	}
	for name, parts := range map[string][]string{"nothing": nil, "no package": {"values", "a: 1"}, "another part": {"surprise", content}} {
		if p := form(parts...); p.status != 400 {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	form("values", strings.Repeat("#", 1<<20+1), "package", content).problem(413)
	p := form("values", "cpu: 3\n", "package", content).want(201)
	draft := a.read("vnf_packages/" + fmt.Sprint(p.object()["id"]) + "/draft").want(200).object()
	if profile := fmt.Sprint(draft["profile"]); !strings.Contains(profile, "cpuMillis:3000") {
		t.Errorf("the chart's container asks for 3 CPUs: %s\n%s", profile, draft["findings"])
	}
}
