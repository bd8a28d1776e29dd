package client

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	wire "ringfence/api/directives"
)

func newTestClient(t *testing.T, o Options, serve http.HandlerFunc) *Client {
	t.Helper()
	service := httptest.NewServer(serve)
	t.Cleanup(service.Close)
	o.URL = service.URL + "/"
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWaitsOutWhatPasses(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	c := newTestClient(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"status":503,"detail":"starting"}`))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := c.Acknowledge(t.Context(), wire.Ack{HostID: "h", Seq: 1, Outcome: "APPLIED"}); err != nil || calls.Load() != 3 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestProblemsAreErrors(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	c := newTestClient(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"status":409,"detail":"the directive was acknowledged as FAILED"}`))
	})
	err := c.Acknowledge(t.Context(), wire.Ack{})
	if !HasStatus(err, http.StatusConflict) || calls.Load() != 1 || err.Error() != "ringfence answers 409: the directive was acknowledged as FAILED" {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

// TestReportAnewAfterAnother has another report come between two of this client's.
func TestReportAnewAfterAnother(t *testing.T) {
	t.Parallel()
	var matches []string
	c := newTestClient(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		matches = append(matches, r.Header.Get("If-Match"))
		if r.Header.Get("If-Match") != "" {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		w.Header().Set("ETag", `"2"`)
		_ = json.NewEncoder(w).Encode(wire.ObservationResult{Unmatched: 3})
	})
	result, etag, err := c.Report(t.Context(), "h", wire.ObservedState{}, `"1"`)
	if err != nil || etag != `"2"` || result.Unmatched != 3 || len(matches) != 2 {
		t.Errorf("%+v, ETag %s, %v, If-Match of the calls %q", result, etag, err, matches)
	}
}

func TestTokenIsReadAnew(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	var got []string
	c := newTestClient(t, Options{TokenFile: file}, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization")+" "+r.URL.RequestURI())
		w.Header().Set("Link", `<https://elsewhere.example.com/directives/v1/directives?marker=m2>; rel="next"`)
		_, _ = w.Write([]byte("[]"))
	})
	marker := "m1"
	for _, token := range []string{"one\n", "two\n"} {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if _, marker, err = c.VIMFeed(t.Context(), "k8s lon", marker, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"Bearer one /directives/v1/directives?marker=m1&vimConnectionId=k8s+lon&wait=1s",
		"Bearer two /directives/v1/directives?marker=m2&vimConnectionId=k8s+lon&wait=1s",
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("the calls were %q, not %q", got, want)
	}
}

func TestRefusesToSendTheTokenInTheClear(t *testing.T) {
	t.Parallel()
	for url, fine := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost": true, "https://ringfence.example.com": true,
		"http://ringfence.example.com": false, "http://127.evil.example.com": false,
		"ftp://127.0.0.1": false, "": false, "https://user@host": false,
	} {
		if _, err := New(Options{URL: url, TokenFile: "token"}); (err == nil) != fine {
			t.Errorf("%q: %v", url, err)
		}
	}
}
