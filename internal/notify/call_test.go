package notify

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// subscriber is a callback endpoint on loopback.
func subscriber(t *testing.T, h http.HandlerFunc) (uri string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/notify", calls
}

// to is a subscription of a client.
func to(clientID, uri string) placement.PolicySubscription {
	return placement.PolicySubscription{ClientID: clientID, CallbackURI: uri}
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func TestCallbackIsTested(t *testing.T) {
	t.Parallel()
	caller := NewCaller(&Guard{Developing: true})
	uri, calls := subscriber(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); r.Method != http.MethodGet || user != "me" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		noContent(w, r)
	})
	known := to("vnfm", uri)
	known.UserName, known.Password = "me", "secret"
	if err := caller.Test(t.Context(), known); err != nil || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	unauthorised := caller.Test(t.Context(), to("vnfm", uri))
	nobody := caller.Test(t.Context(), to("vnfm", "http://127.0.0.1:1/x"))
	stranger := NewCaller(&Guard{}).Test(t.Context(), to("another", "https://10.1.2.3/x"))
	if unauthorised == nil || nobody == nil || stranger == nil || unauthorised.Error() != nobody.Error() || nobody.Error() != stranger.Error() {
		t.Errorf("what a client learns differs:\n%v\n%v\n%v", unauthorised, nobody, stranger)
	}
}

// TestTestsAreCounted lets a client try a few callbacks, not scan a network with them.
func TestTestsAreCounted(t *testing.T) {
	t.Parallel()
	c, now := NewCaller(&Guard{}), time.Now()
	for i := range maxTests + 1 {
		if got := c.mayTest("vnfm", now); got != (i < maxTests) {
			t.Errorf("test %d: %t", i, got)
		}
	}
	if !c.mayTest("another", now) || !c.mayTest("vnfm", now.Add(testWindow+time.Second)) {
		t.Error("another client, or a later minute, is refused")
	}
}

// TestGuardHoldsWhenDialled lets no connection through to an address that is not allowed, by whatever name it is called.
func TestGuardHoldsWhenDialled(t *testing.T) {
	t.Parallel()
	uri, calls := subscriber(t, noContent)
	port := uri[strings.LastIndex(uri, ":"):]
	g := &Guard{Rules: Rules{Targets: map[string][]Target{"vnfm": {{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}}}}
	caller := NewCaller(g)
	for _, host := range []string{
		"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"localhost.", "[::127.0.0.1]",
	} {
		if _, err := caller.call(t.Context(), http.MethodPost, new(to("vnfm", "http://"+host+port)), []byte("{}")); err == nil {
			t.Errorf("%s was called", host)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d connections got through", calls.Load())
	}
	// The same client, allowed: the guard is what stopped the others.
	if err := NewCaller(&Guard{Developing: true}).Post(t.Context(), to("vnfm", uri), []byte("{}")); err != nil || calls.Load() != 1 {
		t.Errorf("%v, %d calls", err, calls.Load())
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	target, calls := subscriber(t, noContent)
	for _, status := range []int{301, 302, 303, 307, 308} {
		uri, _ := subscriber(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, status) })
		if err := NewCaller(&Guard{Developing: true}).Post(t.Context(), to("vnfm", uri), []byte("{}")); err == nil {
			t.Errorf("a redirect with %d counts as delivered", status)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d redirects were followed", calls.Load())
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	uri, _ := subscriber(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<16)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	start := time.Now()
	if err := NewCaller(&Guard{Developing: true}).Post(t.Context(), to("vnfm", uri), []byte("{}")); err != nil {
		t.Error(err) // 200 with an endless body: delivered, and left alone
	}
	if took := time.Since(start); took > callTimeout {
		t.Errorf("an endless answer held the caller for %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewCaller(&Guard{Developing: true}).Post(ctx, to("vnfm", uri), nil); err == nil {
		t.Error("a cancelled call counts as delivered")
	}
}
