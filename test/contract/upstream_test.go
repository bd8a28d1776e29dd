package contract

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"ringfence/test/pki"
	"ringfence/test/stub"
)

// upstreamTimeout is how long ringfence waits for the NFVO in these tests.
const upstreamTimeout = 2 * time.Second

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

// wanted is a request for one VM of a VNF instance.
func wanted(instance string) map[string]any {
	link := map[string]string{"href": "https://vnfm.example/x"}
	return map[string]any{
		"vnfInstanceId": instance, "vnfLcmOpOccId": "op-" + instance, "vnfdId": tackerVNFD, "operation": "INSTANTIATE", "isAutomaticInvocation": false,
		"addResources": []map[string]any{{"id": "r-" + instance, "type": "COMPUTE", "resourceTemplateId": "VDU2"}},
		"_links":       map[string]any{"vnfLcmOpOcc": link, "vnfInstance": link},
	}
}

// ask sends a request as a VNFM.
func (w *tackerWorld) ask(ctx context.Context, vnfm stub.Client, instance string) (status int, detail string, err error) {
	var p stub.Problem
	a, err := vnfm.Do(ctx, http.MethodPost, "/grant/v1/grants", wanted(instance), nil)
	if a.Status == 0 {
		return 0, "", err
	}
	if a.Status >= http.StatusBadRequest {
		if err := json.Unmarshal(a.Body, &p); err != nil {
			return a.Status, "", err
		}
	}
	return a.Status, p.Detail, nil
}

// TestNFVODoesNotAgree has a VNFM ask while the NFVO refuses, fails, or does not answer: nothing stays, and the same request is granted
// once it agrees.
func TestNFVODoesNotAgree(t *testing.T) {
	t.Parallel()
	var decide func(*http.Request, map[string]any) (int, any)
	nfvo := &stub.NFVO{Decide: func(r *http.Request, request map[string]any) (int, any) { return decide(r, request) }}
	w := newTackerWorldBelow(t, false, nfvo)
	vnfm := watched(t, w.as("vnfm"), "VNFM below an NFVO")
	for instance, c := range map[string]struct {
		decide func(*http.Request, map[string]any) (int, any)
		status int
		says   string
	}{
		"refuses": {func(*http.Request, map[string]any) (int, any) {
			return http.StatusForbidden, map[string]any{"status": 403, "detail": "no licence"}
		}, http.StatusForbidden, "no licence"},
		"fails":  {func(*http.Request, map[string]any) (int, any) { return http.StatusInternalServerError, nil }, http.StatusServiceUnavailable, "answered 500"},
		"sleeps": {func(r *http.Request, _ map[string]any) (int, any) { <-r.Context().Done(); return 0, nil }, http.StatusServiceUnavailable, "not agreed"},
		"talks too much": {func(*http.Request, map[string]any) (int, any) {
			return http.StatusCreated, map[string]any{"id": strings.Repeat("x", 16<<20)}
		}, http.StatusServiceUnavailable, "not agreed"},
		"is gone": {func(*http.Request, map[string]any) (int, any) { panic(http.ErrAbortHandler) }, http.StatusServiceUnavailable, "not agreed"},
	} {
		decide = c.decide
		status, detail, err := w.ask(t.Context(), vnfm, instance)
		if err != nil || status != c.status || !strings.Contains(detail, c.says) {
			t.Errorf("%s: %d %q, %v", instance, status, detail, err)
		}
		w.stands(instance, 0)
		decide = func(_ *http.Request, request map[string]any) (int, any) {
			return http.StatusCreated, stub.Agreed(request)
		}
		if status, detail, err := w.ask(t.Context(), vnfm, instance); err != nil || status != http.StatusCreated {
			t.Errorf("%s, and agrees then: %d %q, %v", instance, status, detail, err)
		}
		w.stands(instance+", and agrees then", 1)
		w.mustGiveBack(instance)
	}
}

// stands holds the tables to agree, with so many residencies. An operation that was refused by the NFVO is answered again: it may have
// two grants, the first of them given back.
func (w *tackerWorld) stands(when string, n int) {
	w.t.Helper()
	b := readBooks(w.t, w.ownerURL)
	faults := slices.DeleteFunc(b.Faults, func(line string) bool { return strings.HasPrefix(line, "answered twice: ") })
	if len(b.Residencies) != n || len(faults) > 0 {
		w.t.Errorf("%s: %v, %v", when, b.Residencies, faults)
	}
}

// mustGiveBack tells ringfence that an operation was rolled back.
func (w *tackerWorld) mustGiveBack(instance string) {
	w.t.Helper()
	w.must(w.as("vnfm").Do(w.t.Context(), http.MethodPost, "/placement/v1/vnf_lcm_notifications", map[string]any{
		"id": "n-" + instance, "notificationType": "VnfLcmOperationOccurrenceNotification", "notificationStatus": "RESULT", "operationState": "ROLLED_BACK",
		"timeStamp": "2026-11-24T00:00:00Z", "vnfInstanceId": instance, "vnfLcmOpOccId": "op-" + instance, "operation": "INSTANTIATE", "isAutomaticInvocation": false,
	}, nil))
}

// TestKilledWhileTheNFVODecides kills ringfence after it has reserved and before it has an answer. Asked again it grants what it had
// reserved, once; if nobody asks again, it gives that back.
func TestKilledWhileTheNFVODecides(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 1)
	held := true
	nfvo := &stub.NFVO{Decide: func(r *http.Request, request map[string]any) (int, any) {
		if held {
			reached <- struct{}{}
			<-r.Context().Done()
		}
		return http.StatusCreated, stub.Agreed(request)
	}}
	w := newTackerWorldBelow(t, false, nfvo)
	for _, instance := range []string{"asked again", "left alone"} {
		held = true
		answered := make(chan int, 1)
		vnfm := w.as("vnfm")
		go func() {
			status, _, _ := w.ask(t.Context(), vnfm, instance)
			answered <- status
		}()
		<-reached
		if err := w.process.Kill(); err != nil {
			t.Fatal(err)
		}
		if status := <-answered; status != 0 {
			t.Errorf("a process that was killed answered %d", status)
		}
		if b := readBooks(t, w.ownerURL); len(b.Grants) == 0 || len(b.Faults) > 0 {
			t.Errorf("%s: reserved %v, %v", instance, b.Residencies, b.Faults)
		}
		held = false
		w.start()
		if instance == "asked again" {
			if status, detail, err := w.ask(t.Context(), w.as("vnfm"), instance); err != nil || status != http.StatusCreated {
				t.Fatalf("asked again: %d %q, %v", status, detail, err)
			}
		}
	}
	deadline, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	want := map[string]string{"op-asked again": "AGREED", "op-left alone": "FAILED"}
	for !cmp.Equal(want, w.agreements()) || len(readBooks(t, w.ownerURL).Residencies) != 1 {
		select {
		case <-deadline.Done():
			t.Fatalf("a minute later: %v, and %v", w.agreements(), readBooks(t, w.ownerURL).Residencies)
		case <-time.After(100 * time.Millisecond):
		}
	}
	if b := readBooks(t, w.ownerURL); len(b.Faults) > 0 || len(b.Grants) != 2 {
		t.Errorf("granted %v, %v", b.Grants, b.Faults)
	}
}
