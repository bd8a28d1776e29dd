package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/deployments/reference"
	"ringfence/test/server"
	"ringfence/test/stub"
)

// row is a request to the policy management API, in the order of the test, and how it is answered. In paths and bodies, names in
// braces stand for what earlier answers were: {p} and {q} are policies, {s} is a subscription, {callback} the subscriber.
type row struct {
	method, path string // below /nfvpolicy/v1
	status       int
	as           string // the client; empty: that which may
	body, kind   string
	header       http.Header
	keep         string // what the new resource is called from now on
	location     string // that the answer must have
}

const (
	plainPolicy = "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: %s\ntargetType: %s\nrules:\n" +
		"  - {id: R-POOL, kind: domain-permit, rationale: pools say who may run there}\n"
	british = plainPolicy + "  - {id: R-GB, kind: location, params: {countries: [GB]}, rationale: at home}\n"
	french  = plainPolicy + "  - {id: R-FR, kind: location, params: {countries: [FR]}, rationale: abroad}\n"
)

// rows go through every operation with each way in which SOL012 has it answered that a client can cause.
func rows() []row {
	put := func(path, document string, status int, location string) row {
		return row{method: "PUT", path: path, body: document, kind: stub.TypeYAML, status: status, location: location}
	}
	patch := func(body string, status int) row {
		return row{method: "PATCH", path: "/policies/{p}", body: body, kind: stub.TypeMergePatch, status: status}
	}
	malformed, foreign := http.Header{"Version": {"one"}}, http.Header{"Version": {"9.0.0"}}
	picture := http.Header{"Accept": {"image/png"}}
	list := []row{
		{method: "GET", path: "/policies", status: 200},
		{method: "POST", path: "/policies", body: `{"designer": "d", "name": "n"}`, status: 201, keep: "{p}", location: "/policies/{p}"},
		{method: "POST", path: "/policies", body: `{"designer": "d", "name": "of another day", "unheardOf": {"a": 1}}`, status: 201, keep: "{q}", location: "/policies/{q}"},
		{method: "POST", path: "/policies", body: `{"designer": "d"`, status: 400},
		{method: "POST", path: "/policies", body: `{"designer": "d"}`, status: 422},
		{method: "POST", path: "/policies", body: `{"designer": "d", "name": "n", "pfId": "another function"}`, status: 422},
		{method: "GET", path: "/policies?filter=(eq,colour,red)", status: 400},
		{method: "GET", path: "/policies?nextpage_opaque_marker=x", status: 400},
		{method: "GET", path: "/policies/{p}", status: 200},
		{method: "GET", path: "/policies/none", status: 404},
		// CREATED: nothing to select, nothing to activate.
		{method: "GET", path: "/policies/{p}/selected_versions", status: 404},
		patch(`{"activationStatus": "ACTIVATED"}`, 409), patch(`{"activationStatus": "DEACTIVATED"}`, 409),
		patch(`{"selectedVersion": "1"}`, 409), patch(`{"addAssociations": ["i"]}`, 409),
		put("/policies/{p}/versions/1", fmt.Sprintf(plainPolicy, "2", "COMMON"), 422, ""),
		put("/policies/{p}/versions/1", "rules: [", 422, ""),
		put("/policies/none/versions/1", fmt.Sprintf(plainPolicy, "1", "COMMON"), 404, ""),
		put("/policies/{p}/versions/not%20fit", fmt.Sprintf(plainPolicy, "1", "COMMON"), 400, ""),
		{method: "GET", path: "/policies/{p}/versions/1", status: 404},
		// TRANSFERRED, DEACTIVATED.
		put("/policies/{p}/versions/1", fmt.Sprintf(british, "\"1\"", "COMMON"), 201, "/policies/{p}/versions/1"),
		put("/policies/{p}/versions/1", fmt.Sprintf(british, "\"1\"", "COMMON"), 409, ""),
		put("/policies/{p}/versions/2", fmt.Sprintf(british, "\"2\"", "VNF"), 201, "/policies/{p}/versions/2"),
		{method: "GET", path: "/policies/{p}/versions/2", status: 200},
		{method: "GET", path: "/policies/{p}/selected_versions", status: 200},
		{method: "GET", path: "/policies/{p}/selected_versions", header: picture, status: 406},
		patch(`{"activationStatus": "DEACTIVATED"}`, 409), patch(`{"selectedVersion": "9"}`, 422), patch(`{"unheardOf": 1}`, 422), patch(`{`, 400),
		patch(`{"removeAllAssociations": true, "addAssociations": ["i"]}`, 422), patch(`{"addAssociations": ["i"]}`, 422),
		{method: "DELETE", path: "/policies/{p}/versions/1", status: 409},
		{method: "DELETE", path: "/policies/{p}/versions/9", status: 404},
		// Subscriptions.
		{method: "POST", path: "/subscriptions", body: `{"callbackUri": "{callback}"}`, status: 201, keep: "{s}", location: "/subscriptions/{s}"},
		{method: "POST", path: "/subscriptions", body: `{"callbackUri": "{callback}"}`, status: 303, location: "/subscriptions/{s}"},
		{method: "POST", path: "/subscriptions", body: `{"callbackUri": "http://127.0.0.1:1/nobody"}`, status: 422},
		{method: "POST", path: "/subscriptions", body: `{"filter": {"changeTypes": ["EXPLODE_POLICY"]}, "callbackUri": "{callback}"}`, status: 422},
		{method: "POST", path: "/subscriptions", body: `[`, status: 400},
		{method: "GET", path: "/subscriptions", status: 200},
		{method: "GET", path: "/subscriptions?filter=(eq,colour,red)", status: 400},
		{method: "GET", path: "/subscriptions?filter=(cont,callbackUri,notify)", status: 200},
		{method: "GET", path: "/subscriptions/{s}", status: 200},
		{method: "GET", path: "/subscriptions/none", status: 404},
		{method: "DELETE", path: "/subscriptions/none", status: 404},
		// ACTIVATED.
		{method: "PATCH", path: "/policies/{p}", body: `{"activationStatus": "ACTIVATED"}`, kind: stub.TypeJSON, status: 200},
		patch(`{"activationStatus": "ACTIVATED"}`, 409),
		patch(`{"selectedVersion": "2", "addAssociations": ["i", "j"]}`, 200), patch(`{"removeAssociations": ["j", "k"]}`, 200), patch(`{"removeAllAssociations": true, "selectedVersion": "1"}`, 200),
		{method: "DELETE", path: "/policies/{p}", status: 409},
		{method: "DELETE", path: "/policies/{p}/versions/1", status: 409},
		{method: "DELETE", path: "/policies/{p}/versions/2", status: 204},
		{method: "GET", path: "/policies?filter=(eq,activationStatus,ACTIVATED)", status: 200},
		{method: "GET", path: "/policies/{p}", status: 200},
		// Another policy that contradicts it.
		put("/policies/{q}/versions/1", fmt.Sprintf(french, "\"1\"", "COMMON"), 201, "/policies/{q}/versions/1"),
		{method: "PATCH", path: "/policies/{q}", body: `{"activationStatus": "ACTIVATED"}`, kind: stub.TypeMergePatch, status: 200},
		{method: "PATCH", path: "/policies/{q}", body: `{"activationStatus": "DEACTIVATED"}`, kind: stub.TypeMergePatch, status: 200},
		{method: "DELETE", path: "/policies/{q}", status: 204},
		{method: "DELETE", path: "/policies/{q}", status: 404},
		{method: "GET", path: "/api_versions", status: 200},
		{method: "GET", path: "/api_versions", as: "nobody", status: 401},
		{method: "GET", path: "/api_versions", header: picture, status: 406},
	}
	for _, target := range []struct{ method, path string }{
		{"GET", "/policies"},
		{"POST", "/policies"},
		{"GET", "/policies/{p}"},
		{"PATCH", "/policies/{p}"},
		{"DELETE", "/policies/{p}"},
		{"GET", "/policies/{p}/selected_versions"},
		{"PUT", "/policies/{p}/versions/7"},
		{"GET", "/policies/{p}/versions/1"},
		{"DELETE", "/policies/{p}/versions/1"},
		{"GET", "/subscriptions"},
		{"POST", "/subscriptions"},
		{"GET", "/subscriptions/{s}"},
		{"DELETE", "/subscriptions/{s}"},
	} {
		list = append(list,
			row{method: target.method, path: target.path, as: "nobody", status: 401}, row{method: target.method, path: target.path, as: "vnfm", status: 403},
			row{method: target.method, path: target.path, header: malformed, status: 400}, row{method: target.method, path: target.path, header: foreign, status: 406})
	}
	for _, target := range []struct{ method, path string }{
		{"PUT", "/policies"},
		{"DELETE", "/policies"},
		{"PUT", "/policies/{p}"},
		{"POST", "/policies/{p}"},
		{"PUT", "/policies/{p}/selected_versions"},
		{"PATCH", "/policies/{p}/versions/1"},
		{"POST", "/policies/{p}/versions/1"},
		{"PUT", "/subscriptions"},
		{"PATCH", "/subscriptions/{s}"},
	} {
		list = append(list, row{method: target.method, path: target.path, status: 405})
	}
	return list
}

// lastRows end the subscription, once it was told of everything.
func lastRows() []row {
	return []row{{method: "DELETE", path: "/subscriptions/{s}", status: 204}, {method: "GET", path: "/subscriptions/{s}", status: 404}}
}

// may is the client of the test that may do what is asked.
func (r *row) may() string {
	switch {
	case r.as != "":
		return r.as
	case r.method == http.MethodPatch:
		return "approver"
	case strings.HasPrefix(r.path, "/subscriptions"):
		return "auditor"
	}
	return "author"
}

// defined is the path of the definition that a path is one of.
func defined(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	if len(parts) > 2 {
		parts[2] = map[string]string{"policies": "{policyId}", "subscriptions": "{subscriptionId}"}[parts[1]]
	}
	if len(parts) > 4 {
		parts[4] = "{version}"
	}
	return strings.Join(parts, "/")
}

// TestEveryAnswerOfPolicies holds every answer of every operation to what SOL012 3.7.1 defines for it: status, headers and body; and
// both kinds of notification.
func TestEveryAnswerOfPolicies(t *testing.T) {
	t.Parallel()
	folder := definitions(t)
	policies := document(t, folder, "sol012", "v3.7.1", "PolicyManagement", "PolicyManagement.yaml")
	notifications := document(t, folder, "sol012", "v3.7.1", "PolicyManagementNotification", "PolicyManagementNotification.yaml")
	for _, doc := range []*openapi3.T{policies, notifications} {
		if err := doc.Validate(t.Context()); err != nil {
			t.Fatalf("the definition, without the scheme that it lacks: %v", err)
		}
	}
	subscriber := &stub.Subscriber{}
	endpoint := httptest.NewServer(subscriber)
	t.Cleanup(endpoint.Close)
	var clients []server.Client
	for _, role := range []string{"author", "approver", "auditor", "vnfm"} {
		clients = append(clients, server.Client{ID: role, Token: "token-of-" + role, Roles: []string{strings.ToUpper(role)}})
	}
	clients = append(clients, server.Client{ID: "importer", Token: "token-of-importer", Roles: []string{"OPERATOR", "LI_ADMIN"}})
	_, appURL := database.NewDatabase(t)
	p := server.Run(t.Context(), t, server.Options{Program: program, DatabaseURL: appURL, Clients: clients, Flags: []string{"--on-policy-conflict", "notify"}})
	importReference(t, stub.Client{URL: p.URL, Token: "token-of-importer"})
	names := map[string]string{"{callback}": endpoint.URL + "/notify"}
	answered := map[string]bool{}
	run := func(list []row) {
		for _, r := range list {
			checkRow(t, policies, &r, r.ask(t, p.URL, names), names, p.URL)
			answered[fmt.Sprint(r.method, " ", defined(r.path), " ", r.status)] = true
		}
	}
	run(rows())
	checkNotifications(t, notifications, subscriber)
	run(lastRows())
	checkComplete(t, policies, answered)
}

// ask makes the request of a row, and keeps what the new resource is called.
func (r *row) ask(t *testing.T, base string, names map[string]string) stub.Answer {
	t.Helper()
	var pairs []string
	for name, value := range names {
		pairs = append(pairs, name, value)
	}
	named := strings.NewReplacer(pairs...)
	header := http.Header{"Version": {"1.0.0"}, "Accept": {"*/*"}}
	maps.Copy(header, r.header)
	if r.body != "" || r.method == http.MethodPost || r.method == http.MethodPatch || r.method == http.MethodPut {
		header.Set("Content-Type", r.kind)
		if r.kind == "" {
			header.Set("Content-Type", stub.TypeJSON)
		}
	}
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c := stub.Client{URL: base, Token: "token-of-" + r.may(), HTTP: direct}
	a, err := c.Send(t.Context(), r.method, "/nfvpolicy/v1"+named.Replace(r.path), header, []byte(named.Replace(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != r.status {
		t.Fatalf("%s %s as %s with %s: answered %d, want %d: %s", r.method, r.path, r.may(), r.body, a.Status, r.status, a.Body)
	}
	if r.keep != "" {
		location := a.Header.Get("Location")
		names[r.keep] = location[strings.LastIndex(location, "/")+1:]
	}
	return a
}

// checkRow holds an answer to the definition.
func checkRow(t *testing.T, doc *openapi3.T, r *row, a stub.Answer, names map[string]string, base string) {
	t.Helper()
	what := fmt.Sprint(r.method, " ", r.path, " ", r.status)
	if a.Header.Get("Version") == "" {
		t.Errorf("%s: no Version", what)
	}
	if (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden) != (a.Header.Get("WWW-Authenticate") != "") {
		t.Errorf("%s: WWW-Authenticate is %q", what, a.Header.Get("WWW-Authenticate"))
	}
	want := ""
	if r.location != "" {
		want = base + "/nfvpolicy/v1" + r.location
		for name, value := range names {
			want = strings.ReplaceAll(want, name, value)
		}
	}
	if a.Header.Get("Location") != want {
		t.Errorf("%s: Location is %q, want %q", what, a.Header.Get("Location"), want)
	}
	switch {
	case r.status == http.StatusMethodNotAllowed: // the definition has it with the operations that there are
		if a.Header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", what)
		}
		r = &row{method: "GET", path: "/policies", status: r.status}
	case response(doc, defined(r.path), r.method, r.status) == nil:
		t.Errorf("%s: the definition has no such answer", what)
		return
	}
	if r.status == http.StatusOK && strings.Contains(r.path, "/policies/{p}/") {
		if len(a.Body) == 0 || a.Header.Get("Content-Type") == "" {
			t.Errorf("%s: content %q of type %q", what, a.Body, a.Header.Get("Content-Type"))
		}
		return
	}
	checkBody(t, what, response(doc, defined(r.path), r.method, r.status), r, a)
}

// checkBody holds the body of an answer to the definition; one that has none must have none.
func checkBody(t *testing.T, what string, defined *openapi3.Response, r *row, a stub.Answer) {
	t.Helper()
	kind := stub.TypeJSON
	if r.status >= http.StatusBadRequest {
		kind = "application/problem+json"
	}
	if slices.Contains([]int{http.StatusNoContent, http.StatusSeeOther}, r.status) || r.method == http.MethodPut && r.status == http.StatusCreated {
		if len(a.Body) != 0 {
			t.Errorf("%s: a body, %s", what, a.Body)
		}
		return
	}
	if got := a.Header.Get("Content-Type"); got != kind {
		t.Errorf("%s: Content-Type %q", what, got)
	}
	var schema *openapi3.Schema
	for _, media := range defined.Content {
		schema = media.Schema.Value
	}
	if schema == nil {
		t.Errorf("%s: the definition has no body, the answer has %s", what, a.Body)
		return
	}
	var value any
	if err := json.Unmarshal(a.Body, &value); err != nil {
		t.Errorf("%s: %v: %s", what, err, a.Body)
		return
	}
	check(t, "each operation", what, schema, value)
}

// checkComplete tells of answers of the definition that a client can cause, and that no row does.
func checkComplete(t *testing.T, doc *openapi3.T, answered map[string]bool) {
	t.Helper()
	known := map[string]string{
		"DELETE /subscriptions/{subscriptionId} 409": "nothing stands against ending a subscription",
		"GET /api_versions 403":                      "it is open to every client",
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				key := method + " " + path + " " + status
				// What is wrong with a body, or what is not there, can only be wrong where there is something to be wrong.
				certain := status[0] == '2' || status == "401" || status == "403" || status == "406" || status == "409" || status == "303"
				if certain && !answered[key] && known[key] == "" {
					t.Errorf("no row is answered as %s", key)
				}
			}
		}
	}
}

// checkNotifications holds what a subscriber was told to the definition of each kind.
func checkNotifications(t *testing.T, doc *openapi3.T, s *stub.Subscriber) {
	t.Helper()
	const changes, conflicts = 9, 1 // that the rows make after the subscription
	deadline, poll := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer poll.Stop()
	for late := false; !late && len(s.Got()) < changes+conflicts; {
		select {
		case <-poll.C:
		case <-deadline:
			late = true
		}
	}
	kinds := map[string]int{}
	for _, n := range s.Got() {
		kinds[n.Type]++
		body := doc.Components.RequestBodies[n.Type]
		if body == nil {
			t.Errorf("the definition has no %s", n.Raw)
			continue
		}
		var value any
		if err := json.Unmarshal(n.Raw, &value); err != nil {
			t.Error(err)
		}
		check(t, "notifications", n.Type, body.Value.Content.Get("application/json").Schema.Value, value)
	}
	if kinds["PolicyChangeNotification"] != changes || kinds["PolicyConflictNotification"] != conflicts || s.Tests() < 1 || len(s.Faults()) != 0 {
		t.Errorf("told %v; tested %d times; %v", kinds, s.Tests(), s.Faults())
	}
}

// importReference imports the inventory of the reference deployment.
func importReference(t *testing.T, c stub.Client) {
	t.Helper()
	inventory, err := reference.Files.ReadFile("deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Send(t.Context(), http.MethodPost, "/inventory/v1/imports", http.Header{"Content-Type": {stub.TypeYAML}, "Accept": {stub.TypeJSON}}, inventory)
	if err = errors.Join(err, a.Decode(nil)); err != nil {
		t.Fatal(err)
	}
}
