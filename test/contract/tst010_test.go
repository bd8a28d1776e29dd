package contract

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/test/server"
	"ringfence/test/stub"
)

// conformance is a ringfence for the granting cases of ETSI's conformance tests (NFV-TST 010), in words of our own: over TLS, with tokens,
// with paths that begin with two slashes, and without a Version.
type conformance struct {
	stub.Client

	t        *testing.T
	ownerURL string
}

func newConformance(t *testing.T) *conformance {
	t.Helper()
	ownerURL, appURL := database.NewDatabase(t)
	secured := server.NewTLS(t)
	clients := []server.Client{
		{ID: "polls", Token: "token-of-polls", Roles: []string{"VNFM"}, PollsGrants: true},
		{ID: "hasty", Token: "token-of-hasty", Roles: []string{"VNFM"}, RequestsPerSecond: 1},
	}
	for _, role := range []string{"VNFM", "OPERATOR", "AUTHOR", "APPROVER"} {
		id := strings.ToLower(role)
		clients = append(clients, server.Client{ID: id, Token: "token-of-" + id, Roles: []string{role}})
	}
	p := server.Run(t.Context(), t, server.Options{Program: program, DatabaseURL: appURL, TLS: secured, Clients: clients})
	c := &conformance{Client: watched(t, stub.Client{URL: p.URL, HTTP: secured.Client(t)}, "TST010 cases"), t: t, ownerURL: ownerURL}
	yaml := http.Header{"Content-Type": {stub.TypeYAML}}
	must := func(a stub.Answer, err error) {
		t.Helper()
		if err != nil || a.Status/100 != 2 {
			t.Fatalf("%d %v: %s", a.Status, err, a.Body)
		}
	}
	must(c.as("operator").Send(t.Context(), http.MethodPost, "/inventory/v1/imports", yaml, read(t, tackerFolder+"fleet.yaml")))
	must(c.as("operator").Do(t.Context(), http.MethodPut, "/inventory/v1/vnf_profiles/myVnF", map[string]any{
		"vnfdId": "myVnF", "nfType": "SMF", "trustDomainId": "TD-A", "components": []map[string]any{{"id": "any", "runtime": "kvm"}},
	}, nil))
	var policy struct{ ID string }
	must(c.as("author").Do(t.Context(), http.MethodPost, "/nfvpolicy/v1/policies", map[string]any{"designer": "d", "name": "n"}, &policy))
	path := "/nfvpolicy/v1/policies/" + policy.ID
	must(c.as("author").Send(t.Context(), http.MethodPut, path+"/versions/1.0.0", yaml, read(t, tackerFolder+"policy.yaml")))
	must(c.as("approver").Do(t.Context(), http.MethodPatch, path, map[string]any{"selectedVersion": "1.0.0", "activationStatus": "ACTIVATED"}, nil))
	return c
}

// as is the client with an id.
func (c *conformance) as(id string) stub.Client {
	client := c.Client
	client.Token = "token-of-" + id
	return client
}

// request is a grant request of the form that the conformance tests send: with neither resources nor a level, and hrefs that lead nowhere.
func (c *conformance) request(vnfdID string, resources ...string) []byte {
	c.t.Helper()
	link := map[string]string{"href": "string"}
	r := map[string]any{
		"vnfInstanceId": "vnf-" + vnfdID, "vnfLcmOpOccId": uuid.NewString(), "vnfdId": vnfdID, "flavourId": "string", "operation": "INSTANTIATE",
		"isAutomaticInvocation": true, "_links": map[string]any{"vnfLcmOpOcc": link, "vnfInstance": link},
	}
	var list []map[string]any
	for _, id := range resources {
		list = append(list, map[string]any{"id": id, "type": "COMPUTE", "vduId": "any"})
	}
	if list != nil {
		r["addResources"] = list
	}
	text, err := json.Marshal(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

// expect makes a request of a client, which is answered with a status.
func (c *conformance) expect(status int, client, method, path string, header http.Header, body []byte) stub.Answer {
	c.t.Helper()
	if header == nil {
		header = http.Header{"Accept": {stub.TypeJSON}}
	}
	if body != nil {
		header.Set("Content-Type", stub.TypeJSON)
	}
	a, err := c.as(client).Send(c.t.Context(), method, path, header, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if a.Status != status {
		c.t.Errorf("%s %s of %s is answered %d, want %d: %s", method, path, client, a.Status, status, a.Body)
	}
	if problem := (*stub.Problem)(nil); status >= http.StatusBadRequest && !asProblem(a, &problem) {
		c.t.Errorf("%s %s: no problem document: %q %s", method, path, a.Header.Get("Content-Type"), a.Body)
	}
	return a
}

func asProblem(a stub.Answer, into **stub.Problem) bool {
	problem, is := a.Decode(nil).(*stub.Problem) //nolint:errorlint // Decode returns it unwrapped, and anything else is no problem
	*into = problem
	return is
}

const (
	suiteGrants   = "//grant/v1/grants"
	suiteVersions = "//grant/api_versions"
)

// TestConformanceOfGranting asks for grants and reads them.
func TestConformanceOfGranting(t *testing.T) {
	t.Parallel()
	c := newConformance(t)
	a := c.expect(201, "vnfm", http.MethodPost, suiteGrants, nil, c.request("myVnF"))
	var g stub.Grant
	if err := a.Decode(&g); err != nil {
		t.Fatal(err)
	}
	at := a.Header.Get("Location")
	if !strings.HasPrefix(at, c.URL+"/grant/v1/grants/") || !strings.HasSuffix(at, g.ID) || g.VNFInstanceID != "vnf-myVnF" || g.Links["vnfInstance"].Href != "string" {
		t.Errorf("granted at %q: %+v", at, g)
	}
	one := suiteGrants + "/" + g.ID
	again := c.expect(200, "vnfm", http.MethodGet, one, nil, nil)
	if string(again.Body) != string(a.Body) {
		t.Errorf("read again it is %s, not %s", again.Body, a.Body)
	}
	refused := c.expect(403, "vnfm", http.MethodPost, suiteGrants, nil, c.request("string"))
	if problem := (*stub.Problem)(nil); !asProblem(refused, &problem) || !problem.Refused() || !strings.Contains(problem.Detail, "string") {
		t.Errorf("refused for %+v", problem)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		c.expect(405, "vnfm", method, suiteGrants, nil, nil)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		c.expect(405, "vnfm", method, one, nil, nil)
	}
	c.expect(404, "vnfm", http.MethodGet, suiteGrants+"/"+uuid.NewString(), nil, nil)
	c.expect(404, "polls", http.MethodGet, one, nil, nil) // another client's
	c.expect(400, "vnfm", http.MethodPost, suiteGrants, nil, []byte("{"))
	c.expect(422, "vnfm", http.MethodPost, suiteGrants, nil, []byte("{}"))
	c.expect(401, "nobody", http.MethodPost, suiteGrants, nil, c.request("myVnF"))
	c.expect(401, "nobody", http.MethodGet, one, nil, nil)
	for _, header := range []http.Header{{"Accept": {"text/plain"}}, {"Accept": {stub.TypeJSON}, "Version": {"7.0.0"}}} {
		c.expect(406, "vnfm", http.MethodPost, suiteGrants, header.Clone(), c.request("myVnF"))
		c.expect(406, "vnfm", http.MethodGet, one, header, nil)
	}
}

// TestConformanceOfVersions reads which versions there are.
func TestConformanceOfVersions(t *testing.T) {
	t.Parallel()
	c := newConformance(t)
	for _, path := range []string{suiteVersions, "//grant/v1/api_versions"} {
		var info struct {
			URIPrefix   string `json:"uriPrefix"`
			APIVersions []struct{ Version string }
		}
		a := c.expect(200, "vnfm", http.MethodGet, path, nil, nil)
		if err := a.Decode(&info); err != nil || info.URIPrefix != c.URL+"/grant/v1/" || len(info.APIVersions) == 0 {
			t.Errorf("%s: %v %s", path, err, a.Body)
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			c.expect(405, "vnfm", method, path, nil, nil)
		}
	}
}

// TestConformanceOfPolling asks as a client that polls: while nothing can be decided it is answered 202 without a body, then as it
// would have been at once.
func TestConformanceOfPolling(t *testing.T) {
	t.Parallel()
	c := newConformance(t)
	release := c.holdHosts()
	take := func(vnfdID string) (path string) {
		t.Helper()
		a := c.expect(202, "polls", http.MethodPost, suiteGrants, nil, c.request(vnfdID, "r0"))
		if len(a.Body) > 0 || !strings.HasPrefix(a.Header.Get("Location"), c.URL) {
			t.Fatalf("taken at %q with %q", a.Header.Get("Location"), a.Body)
		}
		return strings.TrimPrefix(a.Header.Get("Location"), c.URL)
	}
	granted := take("myVnF")
	if a := c.expect(202, "polls", http.MethodGet, granted, nil, nil); len(a.Body) > 0 {
		t.Errorf("undecided it is %s", a.Body)
	}
	refused := take("string")
	release()
	if a := c.decided(granted); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"r0"`) {
		t.Errorf("decided it is %d %s", a.Status, a.Body)
	}
	if problem := (*stub.Problem)(nil); !asProblem(c.decided(refused), &problem) || problem.Status != http.StatusForbidden {
		t.Errorf("refused it is %+v", problem)
	}
}

// holdHosts keeps every host locked until the test releases them, so that nothing can be granted.
func (c *conformance) holdHosts() (release func()) {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.ownerURL)
	if err != nil {
		c.t.Fatal(err)
	}
	tx, err := conn.Begin(c.t.Context())
	if err == nil {
		_, err = tx.Exec(c.t.Context(), "SELECT FROM host FOR UPDATE")
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return func() {
		c.t.Helper()
		if err := errors.Join(tx.Rollback(c.t.Context()), conn.Close(c.t.Context())); err != nil {
			c.t.Fatal(err)
		}
	}
}

// TestConformanceUnderLoad asks more often than the client may, and for what cannot be decided now: both say when to ask again.
func TestConformanceUnderLoad(t *testing.T) {
	t.Parallel()
	c := newConformance(t)
	release := c.holdHosts()
	request := c.request("myVnF", "r0")
	busy := c.expect(503, "vnfm", http.MethodPost, suiteGrants, nil, request)
	release()
	c.expect(201, "vnfm", http.MethodPost, suiteGrants, nil, request)
	hasty := stub.Answer{}
	for range 100 {
		var err error
		if hasty, err = c.as("hasty").Send(t.Context(), http.MethodGet, suiteGrants+"/none", http.Header{"Accept": {stub.TypeJSON}}, nil); err != nil {
			t.Fatal(err)
		}
		if hasty.Status == http.StatusTooManyRequests {
			break
		}
	}
	for status, a := range map[int]stub.Answer{503: busy, 429: hasty} {
		if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); a.Status != status || err != nil || seconds < 1 {
			t.Errorf("%d, Retry-After %q; want %d", a.Status, a.Header.Get("Retry-After"), status)
		}
	}
}

// decided polls until an answer is no 202 any more.
func (c *conformance) decided(path string) stub.Answer {
	c.t.Helper()
	giveUp, poll := time.After(2*time.Minute), time.NewTicker(50*time.Millisecond)
	defer poll.Stop()
	for {
		a, err := c.as("polls").Send(c.t.Context(), http.MethodGet, path, http.Header{"Accept": {stub.TypeJSON}}, nil)
		if err != nil {
			c.t.Fatal(err)
		}
		if a.Status != http.StatusAccepted {
			return a
		}
		select {
		case <-poll.C:
		case <-giveUp:
			c.t.Fatalf("%s is not decided in two minutes", path)
		}
	}
}
