package contract

import (
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/test/authserver"
	"ringfence/test/pki"
	"ringfence/test/server"
	"ringfence/test/stub"
)

// decideFunc is how an NFVO answers.
type decideFunc func(r *http.Request, request map[string]any) (status int, body any)

// nfvoWorld is a ringfence below an NFVO, which it calls over TLS with its certificate and a token, and a VNFM that asks.
type nfvoWorld struct {
	t        *testing.T
	ownerURL string // of the database
	options  server.Options
	nfvo     *stub.NFVO
	listener *httptest.Server
	vnfm     *stub.VNFM
	process  *server.Process
}

// nfvoWorldOptions are what differs from test to test.
type nfvoWorldOptions struct {
	decide   decideFunc
	later    int // polls before an answer
	timeout  time.Duration
	stranger bool // the certificate of the NFVO is another authority's
	flags    []string
}

const nfvoVNFD = "nfvo-vnfd"

func newNFVOWorld(t *testing.T, o nfvoWorldOptions) *nfvoWorld {
	t.Helper()
	w := &nfvoWorld{t: t, nfvo: &stub.NFVO{Later: o.later, Decide: o.decide}}
	secured := server.NewTLS(t)
	ca, dir := secured.Authority, t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	secret := uuid.NewString()
	as := authserver.Start(t, ca, "nfvo", authserver.Client{ID: "ringfence", Secret: secret})
	w.nfvo.Admits = func(r *http.Request) bool {
		id, err := as.Subject(r.Context(), bearer(r))
		return err == nil && id == "ringfence" && len(r.TLS.VerifiedChains) > 0
	}
	w.listen(ca, o.stranger)
	ca.Issue(t, pki.Leaf{Name: "ringfence"}).Write(t, in("cert.pem"), in("key.pem"))
	pki.WriteFile(t, in("secret"), []byte(secret))
	credentials, err := json.Marshal(map[string]any{"credentials": []map[string]any{{
		"name": "nfvo", "apiRoots": []string{w.listener.URL}, "caFile": secured.ClientCAFile, "certFile": in("cert.pem"), "keyFile": in("key.pem"),
		"oauth2": map[string]any{"tokenEndpoint": as.TokenURL, "clientId": "ringfence", "clientSecretFile": in("secret")},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	pki.WriteFile(t, in("credentials.json"), credentials)
	var appURL string
	w.ownerURL, appURL = database.NewDatabase(t)
	w.options = server.Options{Program: program, DatabaseURL: appURL, TLS: secured, DataDir: server.DataDir(t), Flags: append([]string{
		"--credentials-file", in("credentials.json"), "--upstream-nfvo", w.listener.URL, "--upstream-credentials", "nfvo", "--upstream-timeout", o.timeout.String(),
	}, o.flags...)}
	w.vnfm = &stub.VNFM{Dialect: stub.TackerV2, Links: "https://vnfm.invalid"}
	w.start()
	t.Cleanup(w.stop)
	const fleets = "../scenario/testdata/fleets/"
	w.process.Command(t.Context(), t, "import", fleets+"grid.yaml")
	w.process.Command(t.Context(), t, "policy", "apply", fleets+"plain.policy.yaml", "--activate")
	putProfile(t, w.vnfm.Client, nfvoVNFD, []string{"VDU1"})
	return w
}

func bearer(r *http.Request) string {
	const scheme = "Bearer "
	header := r.Header.Get("Authorization")
	return header[min(len(header), len(scheme)):]
}

// listen serves the NFVO over TLS, to those who show a certificate.
func (w *nfvoWorld) listen(ca *pki.Authority, stranger bool) {
	w.t.Helper()
	shown := ca
	if stranger {
		shown = pki.New(w.t, "another")
	}
	w.listener = httptest.NewUnstartedServer(w.nfvo)
	w.listener.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{shown.Server(w.t).TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool()}
	w.listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	w.listener.StartTLS()
	w.t.Cleanup(w.listener.Close)
}

// start runs ringfence, for the first time or again on what it left.
func (w *nfvoWorld) start() {
	w.t.Helper()
	var err error
	if w.process, err = server.Start(w.t.Context(), w.options); err != nil {
		w.t.Fatal(err)
	}
	w.vnfm.Client = watched(w.t, stub.Client{URL: w.process.URL, HTTP: w.options.TLS.Client(w.t)}, "a VNFM below an NFVO")
}

func (w *nfvoWorld) stop() {
	if err := w.process.Stop(); err != nil {
		w.t.Errorf("%v:\n%s", err, w.process.Log())
	}
	for _, record := range w.process.Errors() {
		w.t.Errorf("ringfence logged: %s", record)
	}
}

// request is one for two servers that belong together.
func (w *nfvoWorld) request() *stub.GrantRequest {
	r := w.vnfm.NewRequest("INSTANTIATE", nfvoVNFD, uuid.NewString())
	r.AddResources = []stub.ResourceDefinition{w.vnfm.Resource("a", "VDU1"), w.vnfm.Resource("b", "VDU1")}
	return r
}

// ask sends a request once.
func (w *nfvoWorld) ask(r *stub.GrantRequest) (stub.Answer, error) {
	body, err := w.vnfm.Encode(r)
	if err != nil {
		return stub.Answer{}, err
	}
	header := http.Header{"Accept": {stub.TypeJSON}, "Content-Type": {stub.TypeJSON}}
	if w.vnfm.Dialect != stub.TackerV1 {
		header.Set("Version", "1.4.0")
	}
	return w.vnfm.Send(w.t.Context(), http.MethodPost, "/grant/v1/grants", header, body)
}

// answered sends a request that has to be answered with a status.
func (w *nfvoWorld) answered(r *stub.GrantRequest, status int) stub.Answer {
	w.t.Helper()
	a, err := w.ask(r)
	if err != nil || a.Status != status {
		w.t.Fatalf("%d %v, want %d: %s\n%s", a.Status, err, status, a.Body, w.process.Log())
	}
	return a
}

// relayBooks is what the tables say of a relayed request.
type relayBooks struct {
	// Upstream is state and whether all was given back, of each grant in its order.
	Upstream []string
	// Residencies are resource definitions and states.
	Residencies []string
	// Directives are how many there are of each kind.
	Directives []string
	// Faults are sums that do not agree with their rows.
	Faults []string
}

// granted is what stands of a request that the NFVO agreed to, beside what was given back before.
func granted(before ...string) relayBooks {
	return relayBooks{Upstream: append(before, "AGREED kept"), Residencies: []string{"a RESERVED", "b RESERVED"}}
}

// A request may have been granted and given back before it was granted for good, so only what was agreed to counts.
const (
	answeredTwiceSQL = `FROM vnf_grant GROUP BY`
	agreedTwiceSQL   = `FROM vnf_grant JOIN upstream_grant u ON u.grant_id = id WHERE u.state = 'AGREED' GROUP BY`
)

// books reads the tables.
func (w *nfvoWorld) books() (b relayBooks) {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.ownerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	for query, into := range map[string]*[]string{
		`SELECT state || CASE WHEN given_back THEN ' given back' ELSE ' kept' END
		 FROM upstream_grant u JOIN vnf_grant g ON g.nfvi_pop_id = u.nfvi_pop_id AND g.id = u.grant_id ORDER BY g.granted_at`: &b.Upstream,
		`SELECT concat_ws(' ', resource_definition_id, state) FROM residency ORDER BY resource_definition_id`: &b.Residencies,
		`SELECT concat_ws(' ', kind, definition, count(*))
		 FROM (SELECT kind, body -> 'workload' ->> 'resourceDefinitionId' AS definition FROM directive WHERE kind IN ('PLACE', 'RELEASE')) d
		 GROUP BY kind, definition ORDER BY kind, definition`: &b.Directives,
		strings.Replace(booksSQL["faults"], answeredTwiceSQL, agreedTwiceSQL, 1): &b.Faults,
	} {
		rows, err := conn.Query(w.t.Context(), query)
		if err != nil {
			w.t.Fatal(err)
		}
		if *into, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			w.t.Fatal(err)
		}
		if len(*into) == 0 {
			*into = nil
		}
	}
	return b
}

// holds compares the tables.
func (w *nfvoWorld) holds(what string, want relayBooks) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.books()); diff != "" {
		w.t.Errorf("%s (-want +tables):\n%s", what, diff)
	}
}

// judge holds what went to the NFVO, and what it answered, to the definitions of ETSI.
func (w *nfvoWorld) judge(spec string) {
	w.t.Helper()
	defs := shelfIfHere(w.t)
	if defs == nil {
		return
	}
	request, answer := defs.newerGrantAsked, answers(w.t, defs.newer, "/grants", http.MethodPost, http.StatusCreated)
	if spec == specGrant241 {
		request, answer = defs.olderRequest, defs.olderGrant
	}
	for _, asked := range w.nfvo.Asked() {
		entry := tally{requests: 1, valid: 1, answers: 1}
		if err := request.VisitJSON(asked, openapi3.MultiErrors()); err != nil {
			entry.valid = 0
			w.t.Errorf("%s: what ringfence asks its NFVO: %v", spec, err)
		}
		text, err := json.Marshal(stub.Agreed(asked))
		var value any
		if err == nil {
			err = json.Unmarshal(text, &value)
		}
		if err == nil {
			err = answer.VisitJSON(value, openapi3.MultiErrors())
		}
		if err != nil {
			entry.failed = 1
			w.t.Errorf("%s: what its NFVO answers: %v", spec, err)
		}
		summary.add(spec, "ringfence, of its NFVO", entry)
	}
}
