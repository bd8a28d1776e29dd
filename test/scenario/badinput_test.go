package scenario

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"ringfence/test/stub"
)

// TestBadInput sends what is no valid request, and expects the status, and where it helps the place.
func TestBadInput(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	vnfm := d.vnfm(stub.SOL003Containers)
	good := func() string { return string(encode(t, instantiate(vnfm, "amf", "amf-2", "sig", "r0"))) }
	with := func(old, text string) string {
		changed := strings.Replace(good(), old, text, 1)
		if changed == good() && old != "" {
			t.Fatalf("the request has no %s", old)
		}
		return changed
	}
	post := http.Header{"Content-Type": {stub.TypeJSON}}
	for name, c := range map[string]struct {
		role, method, path string
		header             http.Header
		body               string
		status             int
		pointer            string // of the fault; empty: none is expected
		answer             string // a header that the answer has
	}{
		"malformed JSON":               {"VNFM", "POST", "/grant/v1/grants", post, good()[1:], 400, "", ""},
		"JSON that ends too early":     {"VNFM", "POST", "/grant/v1/grants", post, good()[:80], 400, "", ""},
		"something after the JSON":     {"VNFM", "POST", "/grant/v1/grants", post, good() + "{}", 400, "", ""},
		"no body":                      {"VNFM", "POST", "/grant/v1/grants", post, "", 400, "", ""},
		"a string that is no JSON":     {"VNFM", "POST", "/grant/v1/grants", post, `"hello"`, 400, "", ""},
		"a list":                       {"VNFM", "POST", "/grant/v1/grants", post, "[]", 422, "", ""},
		"unknown operation":            {"VNFM", "POST", "/grant/v1/grants", post, with("INSTANTIATE", "BUILD"), 422, "/operation", ""},
		"missing attribute":            {"VNFM", "POST", "/grant/v1/grants", post, with(`"vnfdId":"amf",`, ""), 422, "/vnfdId", ""},
		"attribute of another type":    {"VNFM", "POST", "/grant/v1/grants", post, with(`"vnfdId":"amf"`, `"vnfdId":7`), 422, "/vnfdId", ""},
		"resource of unknown type":     {"VNFM", "POST", "/grant/v1/grants", post, with("OSCONTAINER", "POD"), 422, "/addResources/0/type", ""},
		"control characters":           {"VNFM", "POST", "/grant/v1/grants", post, with(`"amf-2"`, `"amf\u0000"`), 422, "/vnfInstanceId", ""},
		"nothing but null":             {"VNFM", "POST", "/grant/v1/grants", post, "null", 422, "", ""},
		"too large":                    {"VNFM", "POST", "/grant/v1/grants", post, with("{", `{"x":"`+strings.Repeat("x", 1<<20)+`",`), 413, "", ""},
		"another media type":           {"VNFM", "POST", "/grant/v1/grants", http.Header{"Content-Type": {"text/plain"}}, good(), 415, "", ""},
		"no media type":                {"VNFM", "POST", "/grant/v1/grants", nil, good(), 415, "", ""},
		"malformed version":            {"VNFM", "POST", "/grant/v1/grants", http.Header{"Content-Type": {stub.TypeJSON}, "Version": {"one"}}, good(), 400, "", ""},
		"unsupported version":          {"VNFM", "POST", "/grant/v1/grants", http.Header{"Content-Type": {stub.TypeJSON}, "Version": {"7.0.0"}}, good(), 406, "", ""},
		"method that grants lack":      {"VNFM", "GET", "/grant/v1/grants", nil, "", 405, "", "Allow"},
		"method that a grant lacks":    {"VNFM", "DELETE", "/grant/v1/grants/1", nil, "", 405, "", "Allow"},
		"no such grant":                {"VNFM", "GET", "/grant/v1/grants/1", nil, "", 404, "", ""},
		"no such resource":             {"VNFM", "GET", "/grant/v1/permits", nil, "", 404, "", ""},
		"no token":                     {"", "POST", "/grant/v1/grants", post, good(), 401, "", "WWW-Authenticate"},
		"a role that may not":          {"OPERATOR", "POST", "/grant/v1/grants", post, good(), 403, "", ""},
		"filter by nonsense":           {"OPERATOR", "GET", "/placement/v1/reservations?filter=nonsense", nil, "", 400, "", ""},
		"filter by another":            {"OPERATOR", "GET", "/placement/v1/reservations?filter=(eq,colour,red)", nil, "", 400, "", ""},
		"filter with unknown op":       {"OPERATOR", "GET", "/inventory/v1/hosts?filter=(like,id,h)", nil, "", 400, "", ""},
		"unknown selector":             {"OPERATOR", "GET", "/inventory/v1/hosts?fields=colour", nil, "", 400, "", ""},
		"contradicting selectors":      {"OPERATOR", "GET", "/inventory/v1/hosts?fields=labels&all_fields", nil, "", 400, "", ""},
		"a marker of nobody":           {"OPERATOR", "GET", "/inventory/v1/hosts?nextpage_opaque_marker=x", nil, "", 400, "", ""},
		"patch that is no patch":       {"OPERATOR", "PATCH", "/inventory/v1/hosts/h03", post, `{}`, 415, "", ""},
		"stale If-Match":               {"OPERATOR", "PATCH", "/inventory/v1/hosts/h03", http.Header{"Content-Type": {stub.TypeMergePatch}, "If-Match": {`"never"`}}, `{"rackId":"r1"}`, 412, "", ""},
		"unknown attribute":            {"OPERATOR", "PUT", "/inventory/v1/nfvi_pops/MAN", post, `{"id":"MAN","country":"GB","colour":"red"}`, 422, "/colour", ""},
		"id that is not the path's":    {"OPERATOR", "PUT", "/inventory/v1/nfvi_pops/MAN", post, `{"id":"MAM","country":"GB"}`, 422, "/id", ""},
		"reference to nobody":          {"OPERATOR", "PUT", "/inventory/v1/resource_zones/Z", post, `{"id":"Z","nfviPopId":"nobody"}`, 422, "/nfviPopId", ""},
		"wait for too long":            {"AGENT", "GET", "/directives/v1/hosts/h02/directives?wait=2h", nil, "", 400, "", ""},
		"wait for nonsense":            {"AGENT", "GET", "/directives/v1/hosts/h02/directives?wait=soon", nil, "", 400, "", ""},
		"a policy that is none":        {"AUTHOR", "PUT", "/nfvpolicy/v1/policies/" + d.policyID + "/versions/2", http.Header{"Content-Type": {stub.TypeYAML}}, "hello", 422, "", ""},
		"dry run of a broken one":      {"OPERATOR", "POST", "/placement/v1/decisions", post, `{"grantRequest":` + with("INSTANTIATE", "BUILD") + `}`, 422, "/grantRequest/operation", ""},
		"dry run with more than asked": {"OPERATOR", "POST", "/placement/v1/decisions", post, `{"grantRequest":` + good() + `,"colour":"red"}`, 422, "/colour", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := stub.Client{URL: d.URL}
			if c.role != "" {
				client = d.as(c.role)
			}
			answer, err := client.Send(t.Context(), c.method, c.path, c.header, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			p := d.in(t).problem(c.status, answer.Decode(nil))
			if c.pointer != "" && !slices.ContainsFunc(p.InvalidParams, func(i stub.InvalidParam) bool { return i.Pointer == c.pointer && i.Reason != "" }) {
				t.Errorf("%s is not named: %+v", c.pointer, p.InvalidParams)
			}
			if c.answer != "" && answer.Header.Get(c.answer) == "" {
				t.Errorf("the answer has no header %s", c.answer)
			}
		})
	}
}

// TestImportFailsWhole imports a document with faults at its end: every fault is named with its line, and nothing of the
// document is there.
func TestImportFailsWhole(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	document := `apiVersion: ringfence/v1
kind: Inventory
nfviPops:
  - {id: MAN, country: GB}
resourceZones:
  - {id: MAN-A, nfviPopId: MAN}
hosts:
  - {id: h90, nfviPopId: MAN, resourceZoneId: MAN-A, hostPool: pool-core}
  - {id: h91, nfviPopId: MAN, resourceZoneId: MAN-B}
`
	answer, err := d.as("OPERATOR").Send(t.Context(), http.MethodPost, "/inventory/v1/imports", http.Header{"Content-Type": {stub.TypeYAML}}, []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	p := d.problem(http.StatusUnprocessableEntity, answer.Decode(nil))
	lines := map[int]string{}
	for _, f := range p.Findings {
		lines[f.Line] = f.Pointer
	}
	if !strings.HasPrefix(lines[8], "/hosts/0") || lines[9] != "/hosts/1/resourceZoneId" {
		t.Errorf("the findings are %+v", p.Findings)
	}
	for _, path := range []string{"/inventory/v1/nfvi_pops/MAN", "/inventory/v1/resource_zones/MAN-A", "/inventory/v1/hosts/h90"} {
		_ = d.fail(http.StatusNotFound, "OPERATOR", http.MethodGet, path, nil)
	}
}

// TestExportImports exports a deployment and imports the document into an empty one, whose export is the same.
func TestExportImports(t *testing.T) {
	t.Parallel()
	export := func(d *deployment) string {
		answer, err := d.as("OPERATOR").Send(t.Context(), http.MethodGet, "/inventory/v1/export", http.Header{"Accept": {stub.TypeYAML}}, nil)
		if err != nil || answer.Status != http.StatusOK {
			t.Fatalf("export: %d, %v", answer.Status, err)
		}
		return string(answer.Body)
	}
	first := export(startReference(t))
	second := start(t)
	second.importInventory([]byte(first))
	if again := export(second); again != first {
		t.Errorf("exported again:\n%s\nwas\n%s", again, first)
	}
	if !strings.Contains(first, "TD-SEC") {
		t.Errorf("the export is\n%s", first)
	}
}
