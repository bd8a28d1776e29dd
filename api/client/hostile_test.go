package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/api/grant"
	"ringfence/api/inventory"
	"ringfence/api/placement"
)

// answers serves one answer after the other, the last of them for ever, and keeps what it was asked.
type answers struct {
	serve  []http.HandlerFunc
	calls  atomic.Int64
	bodies []string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.bodies = append(a.bodies, string(body))
	n := int(a.calls.Add(1))
	a.serve[min(n, len(a.serve))-1](w, r)
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"status": %d, "title": "T", "detail": "because"}`, code)
	}
}

func content(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// TestRepeats says for each call and each answer how often it is sent.
func TestRepeats(t *testing.T) {
	t.Parallel()
	grantCall := func(ctx context.Context, c *Client) error {
		_, err := c.CreateGrant(ctx, grant.GrantRequest{VNFLcmOpOccID: "o"})
		return err
	}
	explain := func(ctx context.Context, c *Client) error {
		_, err := c.CreateDecision(ctx, placement.DecisionRequest{})
		return err
	}
	patch := func(ctx context.Context, c *Client) error {
		_, err := c.Hosts().Patch(ctx, map[string]any{}, Write{}, "h")
		return err
	}
	put := func(ctx context.Context, c *Client) error {
		_, err := c.Hosts().Put(ctx, inventory.Host{ID: "h"}, Write{}, "h")
		return err
	}
	upload := func(ctx context.Context, c *Client) error {
		_, err := c.OnboardVNFPackage(ctx, "application/zip", strings.NewReader("PK"))
		return err
	}
	given := content(http.StatusCreated, `{"id":"g"}`)
	for _, tt := range []struct {
		name  string
		call  func(context.Context, *Client) error
		serve []http.HandlerFunc
		calls int64
		want  int // status of the problem; 0: success, -1: another error
	}{
		{"a grant after 503", grantCall, []http.HandlerFunc{status(503), given}, 2, 0},
		{"a grant after 502 and 504", grantCall, []http.HandlerFunc{status(502), status(504), given}, 3, 0},
		{"a grant whose answer is lost", grantCall, []http.HandlerFunc{cut, given}, 2, 0},
		{"a grant refused", grantCall, []http.HandlerFunc{status(403)}, 1, 403},
		{"a grant that makes the service fail", grantCall, []http.HandlerFunc{status(500)}, 1, 500},
		{"a grant that is garbage", grantCall, []http.HandlerFunc{content(201, "<html>")}, 1, -1},
		{"a service that never recovers", grantCall, []http.HandlerFunc{status(503)}, 5, 503},
		{"another POST after 503", explain, []http.HandlerFunc{status(503)}, 1, 503},
		{"another POST after 429", explain, []http.HandlerFunc{status(429)}, 1, 429},
		{"another POST whose answer is lost", explain, []http.HandlerFunc{cut}, 1, -1},
		{"a merge patch whose answer is lost", patch, []http.HandlerFunc{cut}, 1, -1},
		{"an upload after 503", upload, []http.HandlerFunc{status(503)}, 1, 503},
		{"a record written after 503", put, []http.HandlerFunc{status(503), given}, 2, 0},
		{"a record of an older version", put, []http.HandlerFunc{status(412)}, 1, 412},
		{"another's record", put, []http.HandlerFunc{status(404)}, 1, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &answers{serve: tt.serve}
			err := tt.call(t.Context(), newTestClient(t, Options{}, a.ServeHTTP))
			problem, is := errors.AsType[*Problem](err)
			if a.calls.Load() != tt.calls || tt.want == 0 && err != nil || tt.want > 0 && (!is || problem.Status != tt.want) || tt.want < 0 && (err == nil || is) {
				t.Errorf("after %d calls, not %d: %v", a.calls.Load(), tt.calls, err)
			}
			for _, body := range a.bodies {
				if body != a.bodies[0] {
					t.Errorf("sent %q, then %q", a.bodies[0], body)
				}
			}
		})
	}
}

// TestRetryAfter asks the client to leave the service alone: for a second, which it does, and for an hour, which is for the
// caller to decide.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	a := &answers{serve: []http.HandlerFunc{status(429, "Retry-After", "1"), content(200, "[]")}}
	c := newTestClient(t, Options{}, a.ServeHTTP)
	begun := time.Now()
	if _, err := c.HostFeed(t.Context(), "h", 0, 0); err != nil || time.Since(begun) < time.Second || a.calls.Load() != 2 {
		t.Errorf("%v after %s and %d calls", err, time.Since(begun), a.calls.Load())
	}
	later := time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat)
	for _, value := range []string{"3600", later} {
		a := &answers{serve: []http.HandlerFunc{status(503, "Retry-After", value)}}
		_, err := newTestClient(t, Options{}, a.ServeHTTP).HostFeed(t.Context(), "h", 0, 0)
		problem, is := errors.AsType[*Problem](err)
		if !is || problem.RetryAfter < 3600*time.Second || problem.RetryAfter > 2*time.Hour || a.calls.Load() != 1 {
			t.Errorf("Retry-After %s: %v after %d calls", value, err, a.calls.Load())
		}
	}
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "99999999999": 365 * 24 * time.Hour, "Thu, 01 Jan 1970 00:00:00 GMT": 0, "9999999999999999999999": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, time.Now()); got != want {
			t.Errorf("Retry-After %q is read as %s", value, got)
		}
	}
}

// TestEndsWithItsContext neither repeats nor begins to wait for somebody who does not want the answer any more.
func TestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	a := &answers{serve: []http.HandlerFunc{status(503, "Retry-After", "20")}}
	c := newTestClient(t, Options{}, a.ServeHTTP)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begun := time.Now()
	if _, err := c.HostFeed(ctx, "h", 0, 0); !HasStatus(err, 503) || time.Since(begun) > 9*time.Second || a.calls.Load() != 1 {
		t.Errorf("%v after %s and %d calls", err, time.Since(begun), a.calls.Load())
	}
	ended, end := context.WithCancel(t.Context())
	silent := &answers{serve: []http.HandlerFunc{func(_ http.ResponseWriter, r *http.Request) {
		end()
		<-r.Context().Done()
	}}}
	if _, err := newTestClient(t, Options{}, silent.ServeHTTP).HostFeed(ended, "h", 0, 0); !errors.Is(err, context.Canceled) || silent.calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, silent.calls.Load())
	}
	slow := &answers{serve: []http.HandlerFunc{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}}
	_, err := newTestClient(t, Options{Timeout: 50 * time.Millisecond}, slow.ServeHTTP).HostFeed(t.Context(), "h", 0, 0)
	if _, is := errors.AsType[*UnansweredError](err); !is || !errors.Is(err, context.DeadlineExceeded) || slow.calls.Load() > 1 {
		t.Errorf("%v after %d calls", err, slow.calls.Load())
	}
}

// TestFollowsNoRedirect has a service that answers with another address, and expects that nobody there hears of it.
func TestFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var heard atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, code := range []int{301, 302, 303, 307, 308} {
		a := &answers{serve: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/grant/v1/grants", code)
		}}}
		c := newTestClient(t, Options{Tokens: StaticToken("s3cret")}, a.ServeHTTP)
		_, err := c.CreateGrant(t.Context(), grant.GrantRequest{})
		if !HasStatus(err, code) || !strings.Contains(err.Error(), "another address") || a.calls.Load() != 1 {
			t.Errorf("%d: %v after %d calls", code, err, a.calls.Load())
		}
	}
	if heard.Load() != 0 {
		t.Errorf("the other host was called %d times", heard.Load())
	}
}

// TestTakesNoWrongAnswer has answers that are too large, break off, or are not what they say.
func TestTakesNoWrongAnswer(t *testing.T) {
	t.Parallel()
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `[{"seq":`)
	}
	chunk := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	for _, tt := range []struct {
		name  string
		serve http.HandlerFunc
		calls int64
		want  string
	}{
		{"huge", content(200, `["`+strings.Repeat("a", 2000)+`"]`), 1, "the answer to GET /directives/v1/hosts/h/directives is larger than 1000 bytes"},
		{"cut off", half, 5, "unexpected EOF"},
		{"cut off between chunks", chunk, 5, "unexpected EOF"},
		{"empty", content(200, ""), 1, "not what the API says"},
		{"another type", content(200, `{}`), 1, "not what the API says"},
		{"more than one value", content(200, `[] []`), 1, "not what the API says"},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(connection, "garbage\r\n\r\n")
				_ = connection.Close()
			}
		}, 5, "no answer to GET"},
		{"a problem of a proxy", content(404, "<h1>nginx</h1>\nmore"), 1, "ringfence answers 404: <h1>nginx</h1>"},
		{"a problem without a body", content(403, ""), 1, "ringfence answers 403: the answer has no body"},
		{"a problem of wrong types", content(400, `{"status":"x","detail":7}`), 1, `ringfence answers 400: {"status":"x","detail":7}`},
		{"a problem with another status", content(409, `{"status":200,"detail":"fine"}`), 1, "ringfence answers 409: fine"},
		{"a problem that steers a terminal", content(400, `{"status":400,"detail":"a\u001b[2Jb\nc"}`), 1, "ringfence answers 400: a [2Jb c"},
		{"a huge problem", content(400, strings.Repeat("b", 5000)), 1, "ringfence answers 400: " + strings.Repeat("b", 200) + "..."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &answers{serve: []http.HandlerFunc{tt.serve}}
			_, err := newTestClient(t, Options{MostBytes: 1000}, a.ServeHTTP).HostFeed(t.Context(), "h", 0, 0)
			if err == nil || !strings.Contains(err.Error(), tt.want) || a.calls.Load() != tt.calls {
				t.Errorf("%v after %d calls", err, a.calls.Load())
			}
		})
	}
}

// TestTokensStayOutOfErrors has sources whose tokens cannot be sent, and a service that cannot be reached.
func TestTokensStayOutOfErrors(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, Options{Tokens: StaticToken("s3cret\r\nX: y")}, status(200))
	_, unsendable := c.HostFeed(t.Context(), "h", 0, 0)
	away, err := New(Options{URL: "https://127.0.0.1:1", Tokens: StaticToken("s3cret"), Retry: Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	_, unreachable := away.HostFeed(t.Context(), "h", 0, 0)
	_, password := New(Options{URL: "https://me:s3cret@ringfence.example.com"})
	_, broken := New(Options{URL: "https://me:s3cret@ringfence.example.com:port"})
	for _, err := range []error{unsendable, unreachable, password, broken} {
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error is %v", err)
		}
	}
}

// TestLists reads pages, stops where the loop does, and notices a list without an end.
func TestLists(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	c := newTestClient(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		marker := r.URL.Query().Get("nextpage_opaque_marker")
		next := map[string]string{"": "two", "two": "three", "loop": "loop"}[marker]
		if next != "" {
			w.Header().Set("Link", `<https://elsewhere.example.com/x?nextpage_opaque_marker=`+next+`>; rel="next"`)
		}
		if r.URL.Query().Get("filter") != "(eq,state,'a,b')" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		_ = json.NewEncoder(w).Encode([]inventory.Host{{ID: marker + "1"}, {ID: marker + "2"}})
	})
	hosts, err := All(c.Hosts().All(t.Context(), Filter("state", "a,b", "nfviPopId", "")))
	if err != nil || len(hosts) != 6 || hosts[5].ID != "three2" || calls.Load() != 3 {
		t.Errorf("%d hosts after %d calls: %v", len(hosts), calls.Load(), err)
	}
	calls.Store(0)
	for host, err := range c.Hosts().All(t.Context(), Filter("state", "a,b")) {
		if err != nil || host.ID == "two1" {
			break
		}
	}
	if calls.Load() != 2 {
		t.Errorf("a loop that ends on the second page made %d calls", calls.Load())
	}
	query := Filter("state", "a,b")
	query.Set("nextpage_opaque_marker", "loop")
	if _, err := All(c.Hosts().All(t.Context(), query)); err == nil || !strings.Contains(err.Error(), "to itself") {
		t.Errorf("a page that leads to itself: %v", err)
	}
}

// TestDecidedLater has a service that takes a request and decides while the client asks.
func TestDecidedLater(t *testing.T) {
	t.Parallel()
	taken := status(202, "Location", "https://elsewhere.example.com/grant/v1/grants/g1")
	a := &answers{serve: []http.HandlerFunc{taken, content(202, ""), func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/grant/v1/grants/g1" {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		fmt.Fprint(w, `{"id":"g1"}`)
	}}}
	granted, err := newTestClient(t, Options{}, a.ServeHTTP).CreateGrant(t.Context(), grant.GrantRequest{})
	if err != nil || granted.ID != "g1" || a.calls.Load() != 3 {
		t.Errorf("%v %v after %d calls", granted.ID, err, a.calls.Load())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	never := &answers{serve: []http.HandlerFunc{taken, content(202, "")}}
	if _, err := newTestClient(t, Options{}, never.ServeHTTP).CreateGrant(ctx, grant.GrantRequest{}); err == nil || HasStatus(err, 202) {
		t.Errorf("never decided: %v", err)
	}
}
