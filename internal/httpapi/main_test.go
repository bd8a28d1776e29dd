package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/auth"
	"ringfence/internal/compliance"
	"ringfence/internal/delivery"
	"ringfence/internal/grant"
	"ringfence/internal/httpapi"
	"ringfence/internal/inventory"
	"ringfence/internal/notify"
	"ringfence/internal/packages"
	"ringfence/internal/peer"
	"ringfence/internal/policies"
	"ringfence/internal/postgres"
	"ringfence/internal/postgres/pgtest"
	"ringfence/internal/replica"
	"ringfence/internal/vnfm"
)

var database = pgtest.Server{Migrate: postgres.Migrate}

func TestMain(m *testing.M) { os.Exit(database.Run(m)) }

// api is a whole server over HTTP on a database of the test's own. Every answer is held to the contract.
type api struct {
	grants     *grant.Service
	t          testing.TB
	url        string
	database   string // its owner's address
	server     *httpapi.Server
	store      *postgres.Store
	delivery   *delivery.Service
	compliance *compliance.Service
	replica    *replica.Replica
	notify     *notify.Worker
	client     *http.Client
}

// newAPI starts a server without any inventory or policy, in which an import may set facts.
func newAPI(t testing.TB) *api {
	t.Helper()
	return newServer(t, inventory.Options{AllowFacts: true})
}

func newServer(t testing.TB, opts inventory.Options) *api {
	t.Helper()
	return newServerWith(t, opts, policies.Settings{})
}

func newServerWith(t testing.TB, opts inventory.Options, ofPolicies policies.Settings) *api {
	t.Helper()
	return newServerOn(t, postgres.Options{OnePerson: true}, opts, ofPolicies)
}

func newServerOn(t testing.TB, ofStore postgres.Options, opts inventory.Options, ofPolicies policies.Settings) *api {
	t.Helper()
	ownerURL, appURL := database.NewDatabase(t)
	ofStore.AllowUnsafe, ofStore.MaxConns = true, 8
	store, err := postgres.Open(t.Context(), appURL, ofStore)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	rep := replica.New(store, log)
	if err := rep.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	follow(t, rep)
	signer, err := delivery.LoadSigner(t.TempDir() + "/signing.pem")
	if err != nil {
		t.Fatal(err)
	}
	ofPolicies.BreakGlassFor, ofPolicies.Now, ofPolicies.ReadInventory = time.Hour, rep.Now, httpapi.ReadInventory
	caller := notify.NewCaller(&notify.Guard{Developing: true})
	a := &api{t: t, database: ownerURL, client: http.DefaultClient, store: store, delivery: delivery.New(store, rep), compliance: compliance.New(store, rep, compliance.Settings{EvictionsPerMinute: 100}, unobserved{}, log), replica: rep}
	a.notify = notify.NewWorker(store, caller, httpapi.RenderNotification("https://ringfence.example.com"), log)
	a.grants = grant.New(store, rep, grant.Settings{ReservationTTL: time.Hour, AttestationMargin: 2 * time.Second, HostMappingMaxAge: 10 * time.Minute}, unobserved{}, log)
	server, err := httpapi.New(httpapi.Config{
		Grants: a.grants,
		Feed:   store, Records: store, Policies: policies.New(store, rep, ofPolicies, log), Subscribers: policies.NewSubscribers(store, caller), Delivery: a.delivery, Compliance: a.compliance, Modes: store, Constraints: store, Signer: signer, Auth: clients(t),
		Inventory: inventory.New(store, rep, opts), ReservationTTL: time.Hour, Ready: rep.Ready, Log: log, ValidateResponses: true,
		Packages: packages.New(store, renderHere), VNFMs: vnfm.New(store, a.delivery, peer.NewCaller(&peer.Book{}, &notify.Guard{}), vnfm.Settings{}, log),
	})
	if err != nil {
		t.Fatal(err)
	}
	a.server = server
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		a.delivery.Drain()
		listener.Close()
	})
	a.url = listener.URL
	return a
}

// follow keeps the replica current until the test ends.
func follow(t testing.TB, rep *replica.Replica) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var done sync.WaitGroup
	done.Go(func() {
		if err := rep.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("replica: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		done.Wait()
	})
}

// testLog passes the server's log to the test's.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

type unobserved struct{}

func (unobserved) Solved(context.Context, time.Duration)                  {}
func (unobserved) Committed(context.Context, time.Duration, bool)         {}
func (unobserved) Decided(context.Context, string, string, time.Duration) {}
func (unobserved) Violations(map[string]map[string]int, int)              {}
func (unobserved) ViolationsEnded(string, int)                            {}
func (unobserved) Evicted(int)                                            {}

// The clients of the tests, by their roles. A client's token is its name.
var testClients = map[string][]auth.Role{
	"vnfm-a": {auth.RoleVNFM}, "vnfm-b": {auth.RoleVNFM}, "nfvo": {auth.RoleNFVO}, "vnfm-polls": {auth.RoleVNFM}, "author": {auth.RoleAuthor}, "approver": {auth.RoleApprover}, "operator": {auth.RoleOperator},
	"auditor": {auth.RoleAuditor}, "agent": {auth.RoleAgent}, "verifier": {auth.RoleVerifier}, "scrubber": {auth.RoleScrubber},
	"agent-h1": {auth.RoleAgent}, "agent-vim": {auth.RoleAgent}, "agent-far": {auth.RoleAgent}, "agent-h1-auditor": {auth.RoleAgent, auth.RoleAuditor}, "agent-h1-operator": {auth.RoleAgent, auth.RoleOperator},
	"root": auth.Roles(),
}

// What the agents stand for.
var (
	agentHosts = map[string][]string{
		"agent": {auth.AllHosts}, "root": {auth.AllHosts}, "agent-h1": {"h1"}, "agent-h1-auditor": {"h1"}, "agent-h1-operator": {"h1"},
	}
	agentVIMs = map[string][]string{"agent-vim": {"vim-1"}, "agent-far": {"vim-9"}}
)

// delegation lets an NFVO speak for a VNFM.
type delegation struct {
	ClientID       string   `json:"clientId"`
	VNFInstanceIDs []string `json:"vnfInstanceIds,omitempty"`
}

// delegations are those of the NFVO: of one VNFM all VNF instances, of another one a single one.
var delegations = map[string][]delegation{"nfvo": {{ClientID: "vnfm-a"}, {ClientID: "vnfm-b", VNFInstanceIDs: []string{"theirs"}}}}

func clients(t testing.TB) auth.Authenticator {
	t.Helper()
	type client struct {
		ID          string       `json:"id"`
		TokenSHA256 string       `json:"tokenSha256"`
		Roles       []auth.Role  `json:"roles"`
		Hosts       []string     `json:"hostIds,omitempty"`
		VIMs        []string     `json:"vimConnectionIds,omitempty"`
		SpeaksFor   []delegation `json:"delegations,omitempty"`
		Polls       bool         `json:"pollsGrants,omitempty"`
	}
	var list []client
	for id, roles := range testClients {
		sum := sha256.Sum256([]byte(id))
		list = append(list, client{id, hex.EncodeToString(sum[:]), roles, agentHosts[id], agentVIMs[id], delegations[id], id == "vnfm-polls"})
	}
	data, err := json.Marshal(map[string]any{"clients": list})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.ParseTokens(data)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// in is the server as a part of the test sees it, which fails by itself.
func (a *api) in(t testing.TB) *api {
	part := *a
	part.t = t
	return &part
}

// with is the server as another client reaches it.
func (a *api) with(client *http.Client) *api {
	other := *a
	other.client = client
	return &other
}

// call is one request. A body that is no string or bytes is sent as JSON.
type call struct {
	as     string // client; empty: nobody
	method string // empty: GET
	path   string
	body   any
	header map[string]string
}

// answer is what came back.
type answer struct {
	t      testing.TB
	call   call
	status int
	header http.Header
	body   []byte
}

func (a *api) do(c call) answer {
	a.t.Helper()
	if c.method == "" {
		c.method = http.MethodGet
	}
	var body io.Reader
	switch b := c.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case []byte:
		body = bytes.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			a.t.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(a.t.Context(), c.method, a.url+c.path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	if c.as != "" {
		r.Header.Set("Authorization", "Bearer "+c.as)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	return a.send(r, c)
}

func (a *api) send(r *http.Request, c call) answer {
	a.t.Helper()
	res, err := a.client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer{t: a.t, call: c, status: res.StatusCode, header: res.Header, body: data}
}

// want stops the test unless the answer has the status.
func (w answer) want(status int) answer {
	w.t.Helper()
	if w.status != status {
		w.t.Fatalf("%s %s as %q: %d, want %d\n%s", w.call.method, w.call.path, w.call.as, w.status, status, w.body)
	}
	return w
}

// into reads a JSON body.
func (w answer) into(v any) {
	w.t.Helper()
	if err := json.Unmarshal(w.body, v); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", w.call.method, w.call.path, err, w.body)
	}
}

// object is a JSON object, for tests that look at members.
type object = map[string]any

func (w answer) object() object {
	w.t.Helper()
	var o object
	w.into(&o)
	return o
}

func (w answer) list() []object {
	w.t.Helper()
	var l []object
	w.into(&l)
	return l
}

// problem checks that the answer is a problem document and returns it.
func (w answer) problem(status int) object {
	w.t.Helper()
	w.want(status)
	if ct := w.header.Get("Content-Type"); ct != "application/problem+json" {
		w.t.Errorf("%s %s: Content-Type %q", w.call.method, w.call.path, ct)
	}
	p := w.object()
	if p["status"] != float64(status) || p["detail"] == "" {
		w.t.Errorf("%s %s: %s", w.call.method, w.call.path, w.body)
	}
	return p
}

// pointers lists where a problem says that the request is wrong.
func pointers(p object) []string {
	var out []string
	params, _ := p["invalidParams"].([]any)
	for _, param := range params {
		out = append(out, fmt.Sprint(param.(object)["pointer"]))
	}
	return out
}

const yamlPolicy = "application/vnd.ringfence.policy+yaml"
