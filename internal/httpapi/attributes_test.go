package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// lenient are the operations that let attributes pass which they do not know, and why. TestWhatLenientOperationsIgnore tries them.
var lenient = map[string]string{
	"createGrant":              "SOL003: the VNFMs of others know more attributes than one version of it",
	"notifyVnfLcm":             "as createGrant; it answers nothing",
	"createPolicy":             "SOL012, as createGrant",
	"createPolicySubscription": "as createPolicy",
}

// topAttributes are the attributes of an object that a schema knows.
func topAttributes(s *openapi3.Schema) map[string]bool {
	known := map[string]bool{}
	for _, part := range s.AllOf {
		maps.Copy(known, topAttributes(part.Value))
	}
	for name := range s.Properties {
		known[name] = true
	}
	return known
}

// serviceSet are the attributes of an operation's answers that its requests do not have, and more that services of the kind keep.
func (o operation) serviceSet() []string {
	extra := map[string]bool{"revision": true, "createdBy": true, "actorId": true, "clientId": true, "tenantId": true}
	for status, r := range o.Responses.Map() {
		if media := r.Value.Content["application/json"]; media != nil && strings.HasPrefix(status, "2") {
			maps.Copy(extra, topAttributes(media.Schema.Value))
		}
	}
	for name := range topAttributes(o.RequestBody.Value.Content[o.mediaType()].Schema.Value) {
		delete(extra, name)
	}
	return slices.Sorted(maps.Keys(extra))
}

// What only the service says cannot be said by a client: whoever sends an answer back as a request is told each attribute.
func TestNobodySetsWhatTheServiceSets(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, o := range operations(t) {
		if o.RequestBody == nil || !o.judged() || lenient[o.OperationID] != "" || o.method == http.MethodPatch && o.OperationID != "modifyPolicy" {
			continue // a merge patch is judged by what comes out: TestMergePatchOfEveryAttribute
		}
		c, body := o.plain("root"), object{}
		for _, name := range o.serviceSet() {
			body[name] = "mine"
		}
		c.body = body
		told := pointers(a.do(c).problem(422))
		for name := range body {
			if !slices.Contains(told, "/"+name) {
				t.Errorf("%s takes %s; told are %v", o.OperationID, name, told)
			}
		}
	}
}

// What a lenient operation does not know it ignores.
func TestWhatLenientOperationsIgnore(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	policy := object{
		"designer": "d", "name": "n", "id": "mine", "activationStatus": "ACTIVATED", "transferStatus": "TRANSFERRED", "selectedVersion": "1.0.0", "versions": []string{"1.0.0"},
		"breakGlass": object{"reason": "r"}, "_links": object{"self": object{"href": "https://mine.example.com"}}, "createdBy": "mine", "revision": 9,
	}
	made := a.do(call{as: "author", method: http.MethodPost, path: "/nfvpolicy/v1/policies", body: policy}).want(201)
	o := made.object()
	if strings.Contains(string(made.body), "mine") || o["activationStatus"] != "DEACTIVATED" || o["selectedVersion"] != nil || o["versions"] != nil || o["breakGlass"] != nil ||
		made.header.Get("ETag") != `"1"` {
		t.Errorf("created: %s, ETag %s", made.body, made.header.Get("ETag"))
	}
	request := instantiate("i1", "vnfd-a", "plain")
	request["id"], request["decisionId"], request["clientId"], request["zones"] = "mine", "mine", "mine", []object{{"id": "mine", "zoneId": "mine"}}
	if granted := a.grant("vnfm-a", request).want(201); strings.Contains(string(granted.body), "mine") {
		t.Errorf("granted: %s", granted.body)
	}
}

// A merge patch of every attribute of every resource: what it has again changes nothing, null takes an optional one away, and what
// must not be patched is refused with its place.
func TestMergePatchOfEveryAttribute(t *testing.T) {
	t.Parallel()
	a := newFilterWorld(t)
	all := slices.DeleteFunc(operations(t), func(o operation) bool { return o.method != http.MethodPatch || o.OperationID == "modifyPolicy" })
	samples := a.samples(all)
	if len(all) < 11 {
		t.Fatalf("%d operations take merge patches", len(all))
	}
	for _, o := range all {
		at := samples[o.path].url
		before := a.do(call{as: "root", path: at}).want(200)
		for _, contentType := range []string{"application/json", "application/json-patch+json"} {
			a.do(call{as: "root", method: http.MethodPatch, path: at, body: "{}", header: map[string]string{"Content-Type": contentType}}).problem(415)
		}
		for body, pointer := range map[string]string{`{"colour":"red"}`: "/colour", `{"revision":9}`: "/revision", `[]`: "", `null`: "", `"a"`: ""} {
			if told := pointers(a.mergePatch(at, body).problem(422)); !slices.Contains(told, pointer) {
				t.Errorf("%s with %s: told are %v", o.OperationID, body, told)
			}
		}
		schema := o.Responses.Status(http.StatusOK).Value.Content["application/json"].Schema.Value
		removed := 0
		for _, name := range slices.Sorted(maps.Keys(topAttributes(schema))) {
			if value, ok := before.object()[name]; ok {
				a.mergePatch(at, object{name: value}).want(200)
			}
			removed += a.removes(at, schema, name)
			a.do(call{as: "root", method: http.MethodPut, path: at, body: before.body}).want(200)
		}
		if diff := cmp.Diff(before.object(), a.do(call{as: "root", path: at}).want(200).object()); diff != "" {
			t.Errorf("%s (-before +after):\n%s", o.OperationID, diff)
		}
		if removed == 0 && len(schema.Required) < len(topAttributes(schema)) {
			t.Errorf("%s takes no attribute away", o.OperationID)
		}
	}
}

// removes patches an attribute with null, and returns 1 when it is not there any more, or what absence means is.
func (a *api) removes(at string, schema *openapi3.Schema, name string) int {
	a.t.Helper()
	got := a.mergePatch(at, object{name: nil})
	switch {
	case got.status == http.StatusOK && !slices.Contains(schema.Required, name):
		if value, ok := got.object()[name]; ok && name != "observedAt" { // which stays when nothing else changes
			if _, byDefault := property(schema, name); fmt.Sprint(value) != fmt.Sprint(byDefault) {
				a.t.Errorf("%s: %s is %v after null", at, name, value)
			}
		}
		return 1
	case got.status == http.StatusUnprocessableEntity:
		if told := pointers(got.problem(422)); len(told) == 0 {
			a.t.Errorf("%s without %s: %s", at, name, got.body)
		}
	case got.status != http.StatusConflict:
		a.t.Errorf("%s without %s: %d %s", at, name, got.status, got.body)
	}
	return 0
}

// mergePatch sends a merge patch.
func (a *api) mergePatch(at string, patch any) answer {
	a.t.Helper()
	if text, ok := patch.(string); ok {
		patch = json.RawMessage(text)
	}
	return a.do(call{as: "root", method: http.MethodPatch, path: at, body: patch, header: map[string]string{"Content-Type": "application/merge-patch+json"}})
}
