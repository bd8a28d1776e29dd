package contract

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/deployments/reference"
	"ringfence/test/stub"
)

// TestGrants asks for the grants of the reference requests in both dialects, and reads them again in every version; a witness holds each
// answer to the definitions of two releases and to the schema of the conformance tests.
func TestGrants(t *testing.T) {
	t.Parallel()
	definitions(t)
	for _, version := range []string{"", "1.4.0"} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			c := watched(t, startReference(t), "reference requests")
			var last any
			for _, name := range []string{"instantiate-upf-vm", "instantiate-amf-pod", "terminate-upf-vm"} {
				request, err := reference.Files.ReadFile("requests/" + name + ".json")
				if err != nil {
					t.Fatal(err)
				}
				var answer stub.Answer
				answer, last = send(t, c, http.StatusCreated, http.MethodPost, "/grant/v1/grants", version, request)
				for _, other := range []string{"", "1.1.1", "1.3.0", "1.4.0", "1.7.0", "1.10.0", "1.12.0"} {
					send(t, c, http.StatusOK, http.MethodGet, strings.TrimPrefix(answer.Header.Get("Location"), c.URL), other, nil)
				}
			}
			shelf := shelfIfHere(t)
			damaged(t, answers(t, shelf.newer, "/grants", http.MethodPost, 201), last)
			damaged(t, shelf.olderGrant, last)
			damaged(t, shelf.suiteGrant, last)
		})
	}
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

// TestGrantProblems causes the problems of the granting API, in both dialects; a witness holds each to the definitions where they are.
func TestGrantProblems(t *testing.T) {
	t.Parallel()
	c := watched(t, startReference(t), "faulty requests")
	refused, err := reference.Files.ReadFile("requests/instantiate-arpf-plain-vm.json")
	if err != nil {
		t.Fatal(err)
	}
	const grants, none = "/grant/v1/grants", "/grant/v1/grants/none"
	large := `{"vnfInstanceId": "` + strings.Repeat("x", 17<<20) + `"}`
	for _, version := range []string{"", "1.4.0"} {
		for name, q := range map[string]struct {
			status       int
			method, path string
			version      string // in place of the dialect's
			body         string
		}{
			"refused":             {403, http.MethodPost, grants, "", string(refused)},
			"malformed":           {400, http.MethodPost, grants, "", "{"},
			"no schema":           {422, http.MethodPost, grants, "", "{}"},
			"too large":           {413, http.MethodPost, grants, "", large},
			"malformed version":   {400, http.MethodPost, grants, "one", string(refused)},
			"other version":       {406, http.MethodPost, grants, "9.0.0", string(refused)},
			"no grant":            {404, http.MethodGet, none, "", ""},
			"other version, read": {406, http.MethodGet, none, "9.0.0", ""},
			"a query":             {400, http.MethodGet, none + "?filter=(eq,id,1)", "", ""},
			"no list":             {405, http.MethodGet, grants, "", ""},
			"no deletion":         {405, http.MethodDelete, none, "", ""},
			"no such path":        {404, http.MethodGet, "/grant/v1/none", "", ""},
		} {
			asked := version
			if q.version != "" {
				asked = q.version
			}
			var body []byte
			if q.body != "" {
				body = []byte(q.body)
			}
			answer, _ := send(t, c, q.status, q.method, q.path, asked, body)
			if answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: the answer is %q", name, answer.Header.Get("Content-Type"))
			}
		}
	}
}

// TestAPIVersions reads the resources about versions of all APIs.
func TestAPIVersions(t *testing.T) {
	t.Parallel()
	c := watched(t, startReference(t), "readers of versions")
	for api, major := range map[string]string{"grant": "v1", "nfvpolicy": "v1", "inventory": "v1", "placement": "v1", "directives": "v1", "vnfpkgm": "v2"} {
		for _, path := range []string{"/" + api + "/api_versions", "/" + api + "/" + major + "/api_versions"} {
			send(t, c, http.StatusOK, http.MethodGet, path, "", nil)
			send(t, c, http.StatusMethodNotAllowed, http.MethodDelete, path, "", nil)
		}
	}
}
