package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// standIn is an authorization server on the loopback address that answers as a test says.
func standIn(t *testing.T, o OAuth2, answers http.HandlerFunc) *AuthorizationServer {
	t.Helper()
	listener := httptest.NewServer(answers)
	t.Cleanup(listener.Close)
	client, err := NewHTTPClient("")
	if err != nil {
		t.Fatal(err)
	}
	o.Issuer, o.HTTP, o.Plain, o.Algorithms, o.Log = listener.URL+"/realms/nfv", client, true, []string{"ES256"}, slog.New(slog.DiscardHandler)
	if o.Introspection != nil {
		o.Introspection.URL = listener.URL + "/introspect"
	}
	s, err := NewAuthorizationServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asking is how tokens are asked about in a test.
func asking(t *testing.T) OAuth2 {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return OAuth2{Introspection: &Introspection{ClientID: "ringfence", SecretFile: secret}}
}

// TestIntrospectionAnswers: only an answer that says so in the form of RFC 7662 makes a token good. One that says nothing makes nobody
// anything: the request is refused, with the advice to try again.
func TestIntrospectionAnswers(t *testing.T) {
	t.Parallel()
	says := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, body)
		}
	}
	good := `{"active": true, "client_id": "vnfm", "exp": 4000000000}`
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error // nil: the token is good
	}{
		"active":                      {says(good), nil},
		"not active":                  {says(`{"active": false}`), ErrInvalid},
		"not active, with claims":     {says(`{"active": false, "client_id": "vnfm", "exp": 4000000000}`), ErrInvalid},
		"nothing":                     {says(``), ErrUnavailable},
		"an empty object":             {says(`{}`), ErrInvalid},
		"active as text":              {says(`{"active": "true", "client_id": "vnfm"}`), ErrUnavailable},
		"active as a number":          {says(`{"active": 1, "client_id": "vnfm"}`), ErrUnavailable},
		"active twice":                {says(`{"active": false, "active": true, "client_id": "vnfm"}`), ErrUnavailable},
		"a list":                      {says(`[` + good + `]`), ErrUnavailable},
		"something behind it":         {says(good + good), ErrUnavailable},
		"a page":                      {says(`<html>log in</html>`), ErrUnavailable},
		"a signed answer":             {says(`eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.`), ErrUnavailable},
		"an expiry that is no number": {says(`{"active": true, "client_id": "vnfm", "exp": "never"}`), ErrUnavailable},
		"an expiry beyond all clocks": {says(`{"active": true, "client_id": "vnfm", "exp": 1e308}`), ErrUnavailable},
		"a client that is no name":    {says(`{"active": true, "client_id": ["vnfm"], "exp": 4000000000}`), ErrUnavailable},
		"too much":                    {says(`{"active": true, "client_id": "vnfm", "x": "` + strings.Repeat("x", maxFetched) + `"}`), ErrUnavailable},
		"good, but with a status": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			says(good)(w, r)
		}, ErrUnavailable},
		"good, but without permission": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized); says(good)(w, r) }, ErrUnavailable},
		"a redirect to good": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, ErrUnavailable},
		"a connection that ends": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := standIn(t, asking(t), func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					says(good)(w, r)
					return
				}
				if id, secret, ok := r.BasicAuth(); !ok || id != "ringfence" || secret != "hush" || r.PostFormValue("token") != "t" {
					t.Errorf("asked as %s with %s about %s", id, secret, r.PostFormValue("token"))
				}
				c.answer(w, r)
			})
			claims, err := s.introspect(t.Context(), "t")
			if !errors.Is(err, c.want) || (claims != nil) != (c.want == nil) {
				t.Errorf("%+v, %v; want %v", claims, err, c.want)
			}
		})
	}
}

// TestIntrospectionIsSlow: who waits for the server longer than for anything else is told to try again.
func TestIntrospectionIsSlow(t *testing.T) {
	t.Parallel()
	s := standIn(t, asking(t), func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the end of the connection is seen
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.introspect(ctx, "t"); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

// TestAnswersAreRemembered: for a few seconds, those that say no too, and never more than so many. Failures are not remembered.
func TestAnswersAreRemembered(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var state atomic.Value
	state.Store(`{"active": true, "client_id": "vnfm"}`)
	s := standIn(t, asking(t), func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if body := fmt.Sprint(state.Load()); body != "" {
			_, _ = fmt.Fprint(w, body)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	now := time.Now()
	s.now = func() time.Time { return now }
	for i, step := range []struct {
		later time.Duration
		says  string
		want  error
		asked int64
	}{
		{0, `{"active": true, "client_id": "vnfm"}`, nil, 1},
		{answerGoodFor - 1, `{"active": false}`, nil, 1}, // revoked, and not known yet
		{1, `{"active": false}`, ErrInvalid, 2},
		{answerGoodFor - 1, `{"active": true, "client_id": "vnfm"}`, ErrInvalid, 2},
		{1, ``, ErrUnavailable, 3}, // the server is down: no answer is better than an old one
		{0, `{"active": true, "client_id": "vnfm"}`, nil, 4},
	} {
		now = now.Add(step.later)
		state.Store(step.says)
		if _, err := s.introspect(t.Context(), "t"); !errors.Is(err, step.want) || asked.Load() != step.asked {
			t.Errorf("step %d: %v, asked %d times; want %v, %d", i, err, asked.Load(), step.want, step.asked)
		}
	}
	for i := range 2 * maxAnswers {
		s.asked.put(sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)}), answer{until: now.Add(time.Hour)})
	}
	if n := len(s.asked.known); n > maxAnswers {
		t.Errorf("%d answers are kept", n)
	}
}

// jwks is a key set with a key of each name.
func jwks(t *testing.T, kids ...string) string {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, kid := range kids {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: private.Public(), KeyID: kid, Algorithm: "ES256", Use: "sig"})
	}
	var text strings.Builder
	for i, k := range set.Keys {
		one, err := k.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			text.WriteString(",")
		}
		text.Write(one)
	}
	return `{"keys": [` + text.String() + `]}`
}

// TestKeysOutliveTheServer: keys that are known stay good for a while when the server is down or serves what is no key set, and are
// not good for ever. For keys that nobody knows it is asked at most so often.
func TestKeysOutliveTheServer(t *testing.T) {
	t.Parallel()
	many := make([]string, maxKeys+1)
	for i := range many {
		many[i] = fmt.Sprint("many-", i)
	}
	for name, poison := range map[string]string{
		"down": "", "no JSON": "<html>", "no keys": `{"keys": 7}`, "too many": jwks(t, many...), "too long": `{"keys": [], "x": "` + strings.Repeat("x", maxFetched) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, fetched := jwks(t, "one", "twice", "twice"), 0
			k := newKeySet(func(context.Context) ([]byte, error) {
				fetched++
				if len(body) > maxFetched {
					return nil, errors.New("too long") // as call has it
				}
				if body == "" {
					return nil, errors.New("down")
				}
				return []byte(body), nil
			}, map[string]bool{"ES256": true}, slog.New(slog.DiscardHandler))
			now := time.Now()
			k.now = func() time.Time { return now }
			find := func(kid string, want error) {
				t.Helper()
				if key, err := k.find(t.Context(), kid, "ES256"); !errors.Is(err, want) || (key != nil) != (want == nil) {
					t.Errorf("%s: %v, %v; want %v", kid, key, err, want)
				}
			}
			find("one", nil)
			find("twice", ErrInvalid) // two keys of one name: neither
			find("none", ErrInvalid)
			if fetched != 1 {
				t.Errorf("fetched %d times", fetched)
			}
			body = poison
			for range 100 {
				now = now.Add(keysAgain / 50)
				find("none", ErrInvalid)
			}
			if fetched != 3 {
				t.Errorf("for unknown keys fetched %d times in %s", fetched-1, 2*keysAgain)
			}
			find("one", nil)
			now = now.Add(keysGoodFor)
			find("one", ErrUnavailable)
			body = jwks(t, "two")
			now = now.Add(keysAgain)
			find("two", nil)
			find("one", ErrInvalid)
		})
	}
}

// TestWhereKeysAre: where OpenID Connect has the server's metadata, else where RFC 8414 does; and the metadata must be the issuer's.
func TestWhereKeysAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, issuer, keys string // in the metadata; %s: the server
		good               bool
	}{
		"OpenID Connect":   {"/realms/nfv/.well-known/openid-configuration", "%s/realms/nfv", "%s/keys", true},
		"RFC 8414":         {"/.well-known/oauth-authorization-server/realms/nfv", "%s/realms/nfv", "%s/keys", true},
		"neither":          {"/.well-known/oauth-authorization-server", "%s/realms/nfv", "%s/keys", false},
		"another's":        {"/realms/nfv/.well-known/openid-configuration", "%s/realms/other", "%s/keys", false},
		"keys in the open": {"/realms/nfv/.well-known/openid-configuration", "%s/realms/nfv", "http://as.example.com/keys", false},
		"keys of a file":   {"/realms/nfv/.well-known/openid-configuration", "%s/realms/nfv", "file:///etc/passwd", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := jwks(t, "one")
			s := standIn(t, OAuth2{}, func(w http.ResponseWriter, r *http.Request) {
				self := "http://" + r.Host
				switch r.URL.Path {
				case c.path:
					_, _ = fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, strings.ReplaceAll(c.issuer, "%s", self), strings.ReplaceAll(c.keys, "%s", self))
				case "/keys":
					_, _ = fmt.Fprint(w, set)
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			})
			if _, err := s.keys.find(t.Context(), "one", "ES256"); (err == nil) != c.good {
				t.Errorf("found: %v", err)
			}
		})
	}
}

// FuzzIntrospection: whatever a server says, a token is good only if it says true, and once.
func FuzzIntrospection(f *testing.F) {
	for _, seed := range []string{`{"active": true, "client_id": "vnfm", "exp": 4000000000, "cnf": {"x5t#S256": "x"}}`, `{"active": false}`, `{"active":true,"aud":["a","b"]}`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if active, c, err := parseIntrospection(data); err == nil && active && (c == nil || !strings.Contains(string(data), "true")) {
			t.Errorf("%q is active", data)
		}
	})
}

// FuzzKeys: a key set yields keys that sign tokens, and no others.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys": [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "EC", "crv": "P-256", "x": "", "y": ""}]}`))
	f.Add([]byte(`{"keys": null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeys(data)
		if err != nil && keys != nil || len(keys) > maxKeys {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for i := range keys {
			if !keys[i].IsPublic() || !keys[i].Valid() {
				t.Errorf("key %d of %q is no public key", i, data)
			}
		}
	})
}
