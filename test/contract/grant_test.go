package contract

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/deployments/reference"
	"ringfence/test/stub"
)

// grants asks for the grants of the reference requests and calls use with each: as it was answered and as it is read again.
func grants(t *testing.T, c stub.Client, version string, use func(name string, grant any)) {
	t.Helper()
	for _, name := range []string{"instantiate-upf-vm", "instantiate-amf-pod", "terminate-upf-vm"} {
		request, err := reference.Files.ReadFile("requests/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		answer, grant := send(t, c, http.StatusCreated, http.MethodPost, "/grant/v1/grants", version, request)
		use(name, grant)
		location := answer.Header.Get("Location")
		_, again := send(t, c, http.StatusOK, http.MethodGet, strings.TrimPrefix(location, c.URL), version, nil)
		use(name+", read again", again)
	}
}

// TestGrants holds grants to the definitions of two releases, in the dialect of each, and to the schema of the conformance
// tests; and the requests that ringfence ships to the definition, but for the pod, which is younger than it.
func TestGrants(t *testing.T) {
	t.Parallel()
	folder := definitions(t)
	c := startReference(t)
	newer := document(t, folder, "openapi", "sol003-v3.3.1", "sol003_operation_openapi.json")
	older := plain(t, read(t, folder, "openapi", "sol003-v2.4.1", "SOL003-VNFLifecycleOperationGranting-API.swagger2.json"),
		"paths", "/grants", "post", "responses", "201", "schema")
	suite := plain(t, read(t, folder, "robot-tst010-v2.4.1", "grant.schema.json"))
	created, got := answers(t, newer, "/grants", http.MethodPost, 201), answers(t, newer, "/grants/{grantId}", http.MethodGet, 200)
	var last any
	grants(t, c, "1.4.0", func(name string, grant any) {
		check(t, name+" (3.3.1)", created, grant)
		check(t, name+" (3.3.1)", got, grant)
		last = grant
	})
	grants(t, startReference(t), "", func(name string, grant any) {
		check(t, name+" (2.4.1)", older, grant)
		check(t, name+" (conformance tests)", suite, grant)
	})
	asked := newer.Components.RequestBodies["GrantRequest"].Value.Content.Get("application/json").Schema.Value
	for _, name := range []string{"instantiate-upf-vm", "terminate-upf-vm"} {
		request, err := reference.Files.ReadFile("requests/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(request, &value); err != nil {
			t.Fatal(err)
		}
		check(t, name, asked, value)
	}
	damaged(t, created, last)
}

// damaged expects a definition to find what is wrong with a grant: that it can fail.
func damaged(t *testing.T, schema *openapi3.Schema, grant any) {
	t.Helper()
	object, is := grant.(map[string]any)
	if !is {
		t.Fatal("the grant is no object")
	}
	for name, damage := range map[string]func(map[string]any){
		"no links":         func(g map[string]any) { delete(g, "_links") },
		"an id of 7":       func(g map[string]any) { g["id"] = 7.0 },
		"a nameless zone":  func(g map[string]any) { g["zones"] = []any{map[string]any{"id": "z"}} },
		"null as resource": func(g map[string]any) { g["removeResources"] = nil },
	} {
		bad := maps.Clone(object)
		damage(bad)
		if schema.VisitJSON(bad) == nil {
			t.Errorf("the definition takes a grant with %s", name)
		}
	}
}

// TestGrantProblems holds the problem documents of the granting API to the definitions.
func TestGrantProblems(t *testing.T) {
	t.Parallel()
	folder := definitions(t)
	c := startReference(t)
	newer := document(t, folder, "openapi", "sol003-v3.3.1", "sol003_operation_openapi.json")
	suite := plain(t, read(t, folder, "robot-tst010-v2.4.1", "ProblemDetails.schema.json"))
	refused, err := reference.Files.ReadFile("requests/instantiate-arpf-plain-vm.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]struct {
		status                int
		method, path, version string
		body                  []byte
		defined               string // the path of the definition; empty: it has no such answer
	}{
		"refused":       {403, http.MethodPost, "/grant/v1/grants", "1.4.0", refused, "/grants"},
		"malformed":     {400, http.MethodPost, "/grant/v1/grants", "1.4.0", []byte("{"), "/grants"},
		"no schema":     {422, http.MethodPost, "/grant/v1/grants", "1.4.0", []byte("{}"), "/grants"},
		"other version": {406, http.MethodPost, "/grant/v1/grants", "9.0.0", refused, "/grants"},
		"no grant":      {404, http.MethodGet, "/grant/v1/grants/none", "1.4.0", nil, "/grants/{grantId}"},
		"no list":       {405, http.MethodGet, "/grant/v1/grants", "1.4.0", nil, ""},
		"no deletion":   {405, http.MethodDelete, "/grant/v1/grants/none", "1.4.0", nil, ""},
		"no such path":  {404, http.MethodGet, "/grant/v1/none", "1.4.0", nil, ""},
	} {
		answer, problem := send(t, c, q.status, q.method, q.path, q.version, q.body)
		if kind := answer.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s: the answer is %q", name, kind)
		}
		check(t, name+" (conformance tests)", suite, problem)
		if q.defined != "" {
			check(t, name+" (3.3.1)", answers(t, newer, q.defined, q.method, q.status), problem)
		}
	}
}

// TestAPIVersions holds the resources about versions to the definitions.
func TestAPIVersions(t *testing.T) {
	t.Parallel()
	folder := definitions(t)
	c := startReference(t)
	newer := answers(t, document(t, folder, "openapi", "sol003-v3.3.1", "sol003_operation_openapi.json"), "/api_versions", http.MethodGet, 200)
	suite := plain(t, read(t, folder, "robot-tst010-v2.4.1", "ApiVersionInformation.schema.json"))
	for _, api := range []string{"grant", "nfvpolicy", "inventory", "placement", "directives"} {
		for _, path := range []string{"/" + api + "/api_versions", "/" + api + "/v1/api_versions"} {
			_, versions := send(t, c, http.StatusOK, http.MethodGet, path, "", nil)
			check(t, path+" (3.3.1)", newer, versions)
			check(t, path+" (conformance tests)", suite, versions)
		}
	}
}
