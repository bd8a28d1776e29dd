package client

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	wire "ringfence/api/directives"
)

// newTestClient calls a real HTTP server, and pauses next to nothing between attempts.
func newTestClient(t *testing.T, o Options, serve http.HandlerFunc) *Client {
	t.Helper()
	service := httptest.NewServer(serve)
	t.Cleanup(service.Close)
	o.URL = service.URL + "/"
	if o.Retry.First == 0 {
		o.Retry.First = time.Millisecond
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
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
		"ftp://127.0.0.1": false, "": false, "https://user@host": false, "https://host?a=b": false,
	} {
		if _, err := New(Options{URL: url, TokenFile: "token"}); (err == nil) != fine {
			t.Errorf("%q: %v", url, err)
		}
		if _, err := ClientCredentials(Credentials{TokenURL: url, ClientID: "c", SecretFile: "secret"}); (err == nil) != fine {
			t.Errorf("token endpoint %q: %v", url, err)
		}
	}
}

// TestIDsMakeNoOtherPath gives ids that would lead a call to another resource.
func TestIDsMakeNoOtherPath(t *testing.T) {
	t.Parallel()
	calls := 0
	c := newTestClient(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.URL.EscapedPath() != "/inventory/v1/hosts/..%2Fa%3Fb%23c" {
			t.Errorf("called %s", r.URL.EscapedPath())
		}
		_, _ = w.Write([]byte("{}"))
	})
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.Hosts().Delete(t.Context(), Write{}, id); err == nil {
			t.Errorf("the id %q is taken", id)
		}
		if err := c.DeletePolicyVersion(t.Context(), id, "1.0.0"); err == nil {
			t.Errorf("the policy id %q is taken", id)
		}
	}
	if _, err := c.Hosts().Delete(t.Context(), Write{}); err == nil {
		t.Error("a record without an id is taken")
	}
	if _, _, err := c.Hosts().Get(t.Context(), "../a?b#c"); err != nil || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
