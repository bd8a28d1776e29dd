package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/httpapi"
)

// refused is what the auditor is shown of refused callers, the newest first, as "kind client operation count: reason".
func (a *api) refused() (list []string) {
	a.t.Helper()
	a.server.RecordRefusalsNow(a.t.Context())
	for _, r := range a.do(call{as: "auditor", path: "/placement/v1/access_refusals"}).want(200).list() {
		if r["address"] != nil && r["address"] != "127.0.0.1" {
			a.t.Errorf("address %v", r["address"])
		}
		list = append(list, fmt.Sprintf("%v %v %v %v: %v", r["kind"], r["clientId"], r["operation"], r["count"], r["reason"]))
	}
	return list
}

// TestRefusedCallersAreRecorded: who failed to show who it is, and who may not do what it asked for, is recorded with number and reason,
// and without anything that was sent.
func TestRefusedCallersAreRecorded(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	const secret = "s3cret-token-of-nobody"
	for range 3 {
		a.do(call{as: secret, path: "/inventory/v1/hosts"}).problem(401)
	}
	a.do(call{path: "/inventory/v1/hosts"}).problem(401)
	a.do(call{path: "/inventory/v1/hosts", header: map[string]string{"Authorization": "Basic \u202e" + secret}}).problem(400)
	a.do(call{as: "vnfm-a", path: "/inventory/v1/hosts/h1"}).problem(403)
	a.do(call{as: "agent-far", method: "POST", path: "/directives/v1/acks", body: object{"hostId": "h1", "seq": 1, "outcome": "APPLIED"}}).problem(403)
	a.do(call{as: "operator", method: "PUT", path: "/placement/v1/enforcement_modes/CLIENT:vnfm-a", body: object{"mode": "OBSERVE", "reason": "x"}}).problem(403)
	a.grant("vnfm-a", instantiate("i1", "vnfd-a", "big")).problem(403) // a decision, not a refused caller
	want := []string{
		"AUTHORIZATION operator putEnforcementMode 1: the client may not do this, or not with this object",
		"AUTHORIZATION agent-far createAck 1: the client may not do this, or not with this object",
		"AUTHORIZATION vnfm-a getHost 1: the client has no role for the operation",
		"AUTHENTICATION <nil> listHosts 1: the Authorization header is not of the form Bearer TOKEN",
		"AUTHENTICATION <nil> listHosts 1: no bearer token was sent",
		"AUTHENTICATION <nil> listHosts 3: the token is not valid: unknown token",
	}
	if diff := cmp.Diff(want, a.refused()); diff != "" {
		t.Error(diff)
	}
	if body := string(a.do(call{as: "auditor", path: "/placement/v1/access_refusals"}).body); strings.Contains(body, secret) {
		t.Errorf("the token is in %s", body)
	}
	for _, as := range []string{"operator", "approver", "vnfm-a"} {
		a.do(call{as: as, path: "/placement/v1/access_refusals"}).problem(403)
	}
}

// TestFloodOfRefusals: however different they are, a bounded number of entries counts all of them.
func TestFloodOfRefusals(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	const flood = 3 * httpapi.MaxRefusals
	for i := range flood {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/inventory/v1/hosts", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:4711", i/250, i%250)
		a.server.ServeHTTP(discard{header: http.Header{}}, r)
	}
	a.server.RecordRefusalsNow(t.Context())
	var all float64
	entries := a.do(call{as: "auditor", path: "/placement/v1/access_refusals"}).want(200).list()
	for _, r := range entries {
		all += r["count"].(float64)
	}
	if len(entries) != httpapi.MaxRefusals+1 || all != flood {
		t.Errorf("%d entries count %v of %d", len(entries), all, flood)
	}
}

// TestRefusalsWait: what the database does not take is counted with the next.
func TestRefusalsWait(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a.do(call{path: "/inventory/v1/hosts"}).problem(401)
	a.server.RecordRefusalsNow(gone)
	a.do(call{path: "/inventory/v1/hosts"}).problem(401)
	if diff := cmp.Diff([]string{"AUTHENTICATION <nil> listHosts 2: no bearer token was sent"}, a.refused()); diff != "" {
		t.Error(diff)
	}
}

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header          { return d.header }
func (discard) WriteHeader(int)                {}
func (discard) Write(data []byte) (int, error) { return len(data), nil }
