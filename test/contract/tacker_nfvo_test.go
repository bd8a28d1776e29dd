package contract

import (
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/test/pki"
	"ringfence/test/stub"
)

// upstreamTimeout is how long ringfence waits for the NFVO: the most that it may.
const upstreamTimeout = 6 * time.Second

// below is how ringfence is told of an NFVO that has to agree to its grants, which is served for the test. The NFVO admits ringfence
// by its certificate, and each request that it is sent is held to the definition.
func (w *tackerWorld) below(nfvo *stub.NFVO) []string {
	w.t.Helper()
	decide, defs := nfvo.Decide, shelfIfHere(w.t)
	nfvo.Decide = func(r *http.Request, request map[string]any) (int, any) {
		if defs != nil {
			w.asked(defs, request)
		}
		if decide == nil {
			return http.StatusCreated, stub.Agreed(request)
		}
		return decide(r, request)
	}
	nfvo.Admits = func(r *http.Request) bool {
		return len(r.TLS.VerifiedChains) > 0 && r.TLS.PeerCertificates[0].Subject.CommonName == "ringfence"
	}
	listener := httptest.NewUnstartedServer(nfvo)
	listener.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{w.tls.Authority.Server(w.t).TLS()},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: w.tls.Authority.Pool(),
	}
	listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	listener.StartTLS()
	w.t.Cleanup(listener.Close)
	folder := w.t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	w.tls.Authority.Issue(w.t, pki.Leaf{Name: "ringfence"}).Write(w.t, in("cert.pem"), in("key.pem"))
	file, err := json.Marshal(map[string]any{"credentials": []map[string]any{{
		"name": "nfvo", "apiRoots": []string{listener.URL}, "caFile": w.tls.ClientCAFile, "certFile": in("cert.pem"), "keyFile": in("key.pem"),
	}}})
	if err != nil {
		w.t.Fatal(err)
	}
	pki.WriteFile(w.t, in("credentials.json"), file)
	return []string{"--upstream-nfvo", listener.URL, "--upstream-credentials", "nfvo", "--upstream-timeout", upstreamTimeout.String(), "--credentials-file", in("credentials.json")}
}

// asked holds a request to the NFVO to the definition of a GrantRequest.
func (w *tackerWorld) asked(defs *shelf, request map[string]any) {
	entry := tally{requests: 1}
	text, err := json.Marshal(request)
	if err == nil && defs.takes(w.t, specGrant331, text) {
		entry.valid = 1
	} else {
		w.t.Errorf("the NFVO is asked what is no GrantRequest: %v: %s", err, text)
	}
	summary.add(specGrant331, "ringfence, of an NFVO upstream", entry)
}

// agreements are what the table of agreements says, by VNF LCM operation occurrence.
func (w *tackerWorld) agreements() map[string]string {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.ownerURL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	rows, err := conn.Query(w.t.Context(), `SELECT g.vnf_lcm_op_occ_id, u.state FROM upstream_grant u JOIN vnf_grant g ON g.id = u.grant_id`)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	var occurrence, state string
	if _, err := pgx.ForEachRow(rows, []any{&occurrence, &state}, func() error { out[occurrence] = state; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestTackerBelowAnNFVO: the whole life of a VNF, with an NFVO that agrees to each step. The tables are checked as without one.
func TestTackerBelowAnNFVO(t *testing.T) {
	t.Parallel()
	nfvo := &stub.NFVO{}
	w := newTackerWorldBelow(t, true, nfvo)
	(&tackerStory{tackerWorld: w, t: t, ledger: newLedger()}).run("instantiation_level_2")
	agreed := w.agreements()
	for occurrence, state := range agreed {
		if state != "AGREED" {
			t.Errorf("operation %s is %s", occurrence, state)
		}
	}
	if grants := readBooks(t, w.ownerURL).Grants; len(agreed) != len(grants) {
		t.Errorf("%d agreements to %d grants", len(agreed), len(grants))
	}
}
