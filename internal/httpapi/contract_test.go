package httpapi_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"ringfence/openapi"
)

// operation is one operation of the contract.
type operation struct {
	api, method, path string
	item              *openapi3.PathItem
	*openapi3.Operation
}

// url is the path with something in the place of every parameter.
func (o operation) url() string {
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(o.path, func(name string) string {
		switch name {
		case "{digest}":
			return "sha256:abc"
		case "{enforcementModeId}":
			return "CLIENT:x1"
		}
		return "x1"
	})
}

func (o operation) takes(in, name string) bool {
	return o.Parameters.GetByInAndName(in, name) != nil || o.item.Parameters.GetByInAndName(in, name) != nil
}

// required are the query parameters without which the operation cannot be called.
func (o operation) required() string {
	if o.OperationID == "listDirectives" {
		return "vimConnectionId=v&"
	}
	return ""
}

// judged tells whether the contract's schema judges the body.
func (o operation) judged() bool {
	return o.RequestBody != nil && !o.streamed() && o.OperationID != "transferPolicyVersion"
}

// streamed tells whether bodies may be of any size, and are not read whole.
func (o operation) streamed() bool {
	return o.OperationID == "importInventory" || o.OperationID == "onboardVnfPackage"
}

func (o operation) mediaType() string {
	var names []string
	for name := range o.RequestBody.Value.Content {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[0]
}

func operations(t *testing.T) []operation {
	t.Helper()
	var out []operation
	for _, name := range openapi.Names() {
		doc, err := openapi.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				out = append(out, operation{name, method, path, item, op})
			}
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return out
}

// What is mounted and what the contract says are the same.
func TestRoutesAreTheContract(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var mounted, described []string
	err := chi.Walk(a.server.Routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if name, _, _ := strings.Cut(strings.TrimPrefix(route, "/"), "/"); slices.Contains(openapi.Names(), name) {
			mounted = append(mounted, method+" "+route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range operations(t) {
		described = append(described, o.method+" "+o.path)
	}
	slices.Sort(mounted)
	slices.Sort(described)
	if diff := cmp.Diff(described, mounted); diff != "" {
		t.Errorf("(-contract +mounted):\n%s", diff)
	}
}

// Every method that a path does not have is answered 405 with those that it has; every GET has a HEAD.
func TestMethodsNotAllowed(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	methods := map[string][]string{}
	urls := map[string]operation{}
	for _, o := range operations(t) {
		methods[o.path] = append(methods[o.path], o.method)
		urls[o.path] = o
	}
	for path, has := range methods {
		var allow []string
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			if slices.Contains(has, m) || m == "HEAD" && slices.Contains(has, "GET") {
				allow = append(allow, m)
			}
		}
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			got := a.do(call{as: "root", method: m, path: urls[path].url()})
			if slices.Contains(allow, m) {
				if got.status == http.StatusMethodNotAllowed {
					t.Errorf("%s %s is not allowed", m, path)
				}
				continue
			}
			if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != strings.Join(allow, ", ") || got.header.Get("Version") == "" {
				t.Errorf("%s %s: %d, Allow %q, Version %q; want 405, Allow %q", m, path, got.status, got.header.Get("Allow"), got.header.Get("Version"), allow)
			}
			if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("%s %s: Content-Type %q", m, path, ct)
			}
		}
	}
}

// Nobody may do what none of its roles allows.
func TestRolesOfEveryOperation(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	open := map[string]bool{"getApiVersions": true, "getApiVersionsOfV1": true, "getApiVersionsOfV2": true, "listKeys": true, "getPolicySchema": true}
	for _, o := range operations(t) {
		allowed := 0
		for _, client := range []string{"vnfm-a", "nfvo", "author", "approver", "operator", "auditor", "agent", "verifier", "scrubber"} {
			c := call{as: client, method: o.method, path: o.url(), header: map[string]string{}}
			if o.RequestBody != nil {
				c.header["Content-Type"], c.body = "text/plain", "{}"
			}
			got := a.do(c)
			if got.status == http.StatusForbidden {
				got.problem(403)
				if !strings.Contains(got.header.Get("Www-Authenticate"), "insufficient_scope") {
					t.Errorf("%s as %s: %v", o.OperationID, client, got.header)
				}
			} else {
				allowed++
			}
		}
		switch {
		case open[o.OperationID] && allowed != 9:
			t.Errorf("%s is open to %d of 9", o.OperationID, allowed)
		case !open[o.OperationID] && (allowed == 0 || allowed > 8):
			t.Errorf("%s is allowed to %d of 9 clients with one role each", o.OperationID, allowed)
		}
	}
	for id, allowed := range map[string][]string{
		"createGrant": {"vnfm-a", "nfvo"}, "createReservations": {"nfvo"}, "notifyVnfLcm": {"vnfm-a", "nfvo"}, "createAttestation": {"verifier"}, "createScrubRecord": {"scrubber"}, "createScrubOrder": {"operator"}, "releaseReservation": {"operator"},
		"createAck": {"agent"}, "putObservedState": {"agent"}, "modifyPolicy": {"approver"}, "createPolicy": {"author"}, "transferPolicyVersion": {"author"}, "deletePolicy": {"author"},
		"deletePolicyVersion": {"author"}, "listPolicies": {"author", "approver", "operator", "auditor"}, "replayDecision": {"operator", "auditor"},
		"importInventory": {"operator"}, "listHostDirectives": {"agent", "operator", "auditor"}, "putHost": {"operator"},
	} {
		i := slices.IndexFunc(operations(t), func(o operation) bool { return o.OperationID == id })
		o := operations(t)[i]
		for _, client := range []string{"vnfm-a", "nfvo", "author", "approver", "operator", "auditor", "agent", "verifier", "scrubber"} {
			c := call{as: client, method: o.method, path: o.url(), header: map[string]string{}}
			if o.RequestBody != nil {
				c.header["Content-Type"], c.body = "text/plain", "{}"
			}
			if got, want := a.do(c).status != http.StatusForbidden, slices.Contains(allowed, client); got != want {
				t.Errorf("%s as %s: allowed %v, want %v", id, client, got, want)
			}
		}
	}
}

func TestNoSuchResource(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for path, version := range map[string]bool{
		"/grant/v1/nothing": true, "/nfvpolicy/v2/policies": true, "/grant": true, "/nothing": false, "/inventory/v1/hosts/": true,
	} {
		got := a.do(call{as: "root", path: path})
		got.problem(404)
		if got.header.Get("Version") != "" != version {
			t.Errorf("%s: Version %q", path, got.header.Get("Version"))
		}
	}
	if health := a.do(call{path: "/healthz"}).want(200); string(health.body) != "ok\n" {
		t.Errorf("healthz: %s", health.body)
	}
	a.do(call{path: "/readyz"}).want(200)
}

// An identifier may hold what has a meaning in URIs.
func TestIdentifiersInPaths(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for id, escaped := range map[string]string{"a/b": "a%2Fb", "50%": "50%25", "a//b": "a%2F%2Fb", "a%2Fb": "a%252Fb", "ü x?": "%C3%BC%20x%3F"} {
		p := a.do(call{as: "agent", path: "/directives/v1/hosts/" + escaped + "/directives"}).problem(404)
		if want := fmt.Sprintf("%q", id); !strings.Contains(fmt.Sprint(p["detail"]), want) {
			t.Errorf("%s: %v, want %s", escaped, p["detail"], want)
		}
	}
	a.do(call{as: "agent", path: "/directives/v1/hosts/a%00b/directives"}).problem(400)
	for path, place := range map[string]string{
		"/grant/v1/grants/%ff": "path parameter grantId", "/directives/v1/directives?vimConnectionId=%ff": "query parameter vimConnectionId",
		"/inventory/v1/hosts?filter=(eq,id,%C3)": "query parameter filter", "/inventory/v1/hosts/%c3%28": "path parameter hostId",
	} {
		if p := a.do(call{as: "root", path: path}).problem(400); fmt.Sprint(pointers(p)) != "["+place+"]" {
			t.Errorf("%s: %v", path, p)
		}
	}
	a.do(call{as: "agent", path: "/directives/v1/hosts/" + strings.Repeat("x", 256) + "/directives"}).problem(400)
}

func TestInvalidParamsNameTheInnermostPlace(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for name, c := range map[string]struct {
		change func(object)
		want   []string
	}{
		"missing":          {func(r object) { delete(r, "vnfdId") }, []string{"/vnfdId"}},
		"empty identifier": {func(r object) { r["vnfInstanceId"] = "" }, []string{"/vnfInstanceId"}},
		"wrong type":       {func(r object) { r["vnfInstanceId"] = 7 }, []string{"/vnfInstanceId"}},
		"enumeration":      {func(r object) { r["operation"] = "DESTROY" }, []string{"/operation"}},
		"within an array":  {func(r object) { r["addResources"].([]object)[0]["type"] = "FIREWALL" }, []string{"/addResources/0/type"}},
		"within a link":    {func(r object) { r["_links"] = object{"vnfInstance": object{}, "vnfLcmOpOcc": object{"href": 1}} }, []string{"/_links/vnfInstance/href", "/_links/vnfLcmOpOcc/href"}},
		"of a reference": {func(r object) {
			r["removeResources"] = []object{{"id": "r", "type": "COMPUTE", "resource": object{"resourceId": "", "vimConnectionId": 1}}}
		}, []string{"/removeResources/0/resource/resourceId", "/removeResources/0/resource/vimConnectionId"}},
		"ours": {func(r object) {
			r["additionalParams"] = object{"ringfence": object{"components": object{"a/b~c": object{"isolation": "LOTS"}}}}
		}, []string{"/additionalParams/ringfence/components/a~1b~0c/isolation"}},
		"an id twice": {func(r object) {
			r["addResources"] = append(r["addResources"].([]object), object{"id": "i1-open", "type": "LINKPORT"})
		}, []string{"/addResources/1/id"}},
	} {
		r := instantiate("i1", "vnfd-a", "open")
		c.change(r)
		got := places(a.grant("vnfm-a", r).problem(422))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		dryRun := a.do(call{as: "vnfm-a", method: "POST", path: "/placement/v1/decisions", body: object{"grantRequest": r}}).problem(422)
		got = places(dryRun)
		for i, p := range c.want {
			c.want[i] = "/grantRequest" + p
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, dry run (-want +got):\n%s", name, diff)
		}
	}
}

// places lists each place that a problem names once.
func places(p object) []string {
	list := pointers(p)
	slices.Sort(list)
	return slices.Compact(list)
}

// HEAD answers as GET, without the body.
func TestHead(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for _, path := range []string{"/placement/v1/decisions", "/nfvpolicy/v1/policies", "/directives/v1/keys", "/grant/api_versions"} {
		get := a.do(call{as: "root", path: path}).want(200)
		head := a.do(call{as: "root", method: "HEAD", path: path}).want(200)
		if len(head.body) != 0 || head.header.Get("Content-Type") != get.header.Get("Content-Type") || head.header.Get("ETag") != get.header.Get("ETag") {
			t.Errorf("HEAD %s: %v, GET has %v", path, head.header, get.header)
		}
	}
}
