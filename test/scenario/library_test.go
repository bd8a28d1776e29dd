package scenario

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/api/client"
	"ringfence/api/grant"
	"ringfence/api/inventory"
	"ringfence/deployments/reference"
)

// library is the client library as a role, at an address.
func library(t *testing.T, url, role string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{
		URL: url, Tokens: client.StaticToken("token-of-" + role), UserAgent: "scenario", Retry: client.Retry{Attempts: 10, First: 10 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLibraryAsksOnceOverABadNetwork has what lies between a VNFM and ringfence lose the first answer and fail at the second
// request: the client library gets one grant, and nothing is reserved twice.
func TestLibraryAsksOnceOverABadNetwork(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	target, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	var requests atomic.Int64
	network := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) {
		case 1:
			through.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case 2:
			w.WriteHeader(http.StatusBadGateway)
		default:
			through.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(network.Close)
	text, err := reference.Files.ReadFile("requests/instantiate-amf-pod.json")
	if err != nil {
		t.Fatal(err)
	}
	var request grant.GrantRequest
	if err := json.Unmarshal(text, &request); err != nil {
		t.Fatal(err)
	}
	vnfm := library(t, network.URL, "vnfm")
	granted, err := vnfm.CreateGrant(t.Context(), request)
	if err != nil || requests.Load() != 3 {
		t.Fatalf("%v after %d requests", err, requests.Load())
	}
	held := d.reservations(request.VNFInstanceID)
	if len(held) != len(request.AddResources) || held[0].GrantID != granted.ID {
		t.Errorf("grant %s holds %+v", granted.ID, held)
	}
	again, decided, err := vnfm.Grant(t.Context(), granted.ID)
	if err != nil || !decided || again.ID != granted.ID || again.AddResources[0].ResourceDefinitionID != request.AddResources[0].ID {
		t.Errorf("read again it is %+v: %v", again, err)
	}
	if text, err = reference.Files.ReadFile("requests/instantiate-arpf-plain-vm.json"); err != nil {
		t.Fatal(err)
	}
	request = grant.GrantRequest{}
	if err := json.Unmarshal(text, &request); err != nil {
		t.Fatal(err)
	}
	_, err = vnfm.CreateGrant(t.Context(), request)
	if problem, is := errors.AsType[*client.Problem](err); !is || !problem.Refused() || len(problem.Violations) == 0 {
		t.Errorf("what the policy does not allow: %v", err)
	}
}

// TestLibraryWritesRecords changes hosts by their ETag, and reads a list of several pages.
func TestLibraryWritesRecords(t *testing.T) {
	t.Parallel()
	d := startReference(t)
	operator := library(t, d.URL, "operator")
	host, etag, err := operator.Hosts().Get(t.Context(), "h03")
	if err != nil || host.ID != "h03" || etag == "" {
		t.Fatalf("%+v, ETag %s: %v", host, etag, err)
	}
	answer, err := operator.Hosts().Patch(t.Context(), map[string]any{"lifecycle": "CORDONED"}, client.Write{IfMatch: etag}, "h03")
	if err != nil || answer.ETag() == etag {
		t.Fatalf("the patch: %v", err)
	}
	if _, err := operator.Hosts().Patch(t.Context(), map[string]any{"lifecycle": "IN_SERVICE"}, client.Write{IfMatch: etag}, "h03"); !client.HasStatus(err, http.StatusPreconditionFailed) {
		t.Errorf("by the old ETag: %v", err)
	}
	if _, _, err := operator.Hosts().Get(t.Context(), "no-such-host"); !client.HasStatus(err, http.StatusNotFound) {
		t.Errorf("of no host: %v", err)
	}
	const pops = 130 // more than one page
	for i := range pops {
		id := "pop-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		if _, err := operator.NFVIPoPs().Put(t.Context(), inventory.NFVIPoP{ID: id, Country: "GB"}, client.Write{OnlyNew: true}, id); err != nil {
			t.Fatal(err)
		}
	}
	before := len(list[inventory.NFVIPoP](d, "OPERATOR", "/inventory/v1/nfvi_pops"))
	all, err := client.All(operator.NFVIPoPs().All(t.Context(), nil))
	if err != nil || len(all) != before || before <= pops {
		t.Errorf("%d NFVI-PoPs of %d: %v", len(all), before, err)
	}
	cordoned, err := client.All(operator.Hosts().All(t.Context(), client.Filter("lifecycle", "CORDONED")))
	if err != nil || len(cordoned) != 1 || cordoned[0].ID != "h03" {
		t.Errorf("the cordoned hosts are %+v: %v", cordoned, err)
	}
}
