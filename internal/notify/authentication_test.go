package notify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// secure is an endpoint on loopback with TLS, which asks its callers for a certificate of an authority if there is one.
func secure(t *testing.T, authority *x509.CertPool, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if authority != nil {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority}
	}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// trusting is a guard of a developer's machine that trusts servers.
func trusting(servers ...*httptest.Server) *Guard {
	g := &Guard{Developing: true, roots: x509.NewCertPool()}
	for _, s := range servers {
		g.roots.AddCert(s.Certificate())
	}
	return g
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue writes a client certificate and its key into files.
func (a *authority) issue(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificateIsShown: a subscriber that accepts TLS_CERT sees the certificate, the renewed one once it is there; one that does not
// accept it does not; without a certificate another way is taken, or none.
func TestCertificateIsShown(t *testing.T) {
	t.Parallel()
	ca, dir := newAuthority(t), t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca.issue(t, "ringfence", certFile, keyFile)
	var mu sync.Mutex
	var names, users []string
	heard := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if len(r.TLS.PeerCertificates) > 0 {
			names = append(names, r.TLS.PeerCertificates[0].Subject.CommonName)
		}
		user, _, _ := r.BasicAuth()
		users = append(users, user)
		w.Header().Set("Connection", "close")
		noContent(w, r)
	}
	seen := func() (certs, basics []string) {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(names), slices.Clone(users)
	}
	strict, lax := secure(t, ca.pool(), heard), secure(t, nil, heard)
	g := trusting(strict, lax)
	cert, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	g.Certificate = cert
	caller := NewCaller(g)
	s := to("vnfm", strict.URL+"/x")
	s.AuthTypes, s.UserName, s.Password = []placement.AuthType{placement.AuthBasic, placement.AuthTLS}, "me", "secret"
	if err := caller.Test(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	ca.issue(t, "renewed", certFile, keyFile)
	if err := caller.Post(t.Context(), s, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(seen()); got != "[ringfence renewed] [ ]" {
		t.Errorf("shown %s", got)
	}
	basic := s
	basic.AuthTypes = basic.AuthTypes[:1]
	if err := caller.Post(t.Context(), basic, []byte("{}")); err == nil {
		t.Error("one that does not accept it is shown the certificate")
	}
	g.Certificate = nil
	s.CallbackURI = lax.URL + "/x"
	if err := NewCaller(g).Post(t.Context(), s, []byte("{}")); err != nil {
		t.Errorf("without a certificate: %v", err)
	}
	certs, basics := seen()
	if fmt.Sprint(certs, basics) != "[ringfence renewed] [  me]" {
		t.Errorf("without a certificate: %v, %v", certs, basics)
	}
	s.AuthTypes = []placement.AuthType{placement.AuthTLS}
	for _, err := range []error{NewCaller(g).Test(t.Context(), s), NewCaller(g).Post(t.Context(), s, []byte("{}"))} {
		if err == nil || !strings.Contains(err.Error(), "notify-cert-file") {
			t.Errorf("no way is left: %v", err)
		}
	}
	if _, after := seen(); len(after) != len(basics) {
		t.Error("no way is left, and yet it was called")
	}
	if _, err := LoadCertificate(keyFile, certFile); err == nil {
		t.Error("files that are no certificate are taken for one")
	}
}

// tokenServer is an authorization server whose answers a test chooses.
type tokenServer struct {
	*httptest.Server

	mu     sync.Mutex
	asked  int
	answer func(n int, w http.ResponseWriter, r *http.Request)
}

func newTokenServer(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *tokenServer {
	t.Helper()
	s := &tokenServer{answer: answer}
	s.Server = secure(t, nil, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked++
		n, answer := s.asked, s.answer
		s.mu.Unlock()
		answer(n, w, r)
	})
	return s
}

func (s *tokenServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// numbered gives tokens with numbers to who asks as RFC 6749 has it.
func numbered(seconds int) func(int, http.ResponseWriter, *http.Request) {
	return func(n int, w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.Method != http.MethodPost || r.PostFormValue("grant_type") != "client_credentials" || id != "ring%3Afence" || secret != "se+cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token": "token-%d", "token_type": "bearer", "expires_in": %d}`, n, seconds)
	}
}

// bearers is a callback endpoint that takes some tokens, and remembers all.
func bearers(t *testing.T, takes func(bearer string) bool) (s *httptest.Server, seen func() string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	s = secure(t, nil, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if all = append(all, bearer); !takes(bearer) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		noContent(w, r)
	})
	return s, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(all, " ")
	}
}

func withToken(callback *httptest.Server, endpoint string) placement.PolicySubscription {
	s := to("vnfm", callback.URL+"/x")
	s.AuthTypes = []placement.AuthType{placement.AuthOAuth2}
	s.TokenEndpoint, s.OAuthClientID, s.OAuthSecret = endpoint, "ring:fence", "se cret"
	return s
}

// TestTokenIsKeptAndRenewed: a token is asked for once while it lasts, again when it does not last, and once more when it is refused.
func TestTokenIsKeptAndRenewed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seconds int
		takes   func(bearer string) bool
		posts   int
		asked   int
		seen    string
		fails   bool
	}{
		"kept":            {3600, func(string) bool { return true }, 3, 1, "token-1 token-1 token-1", false},
		"ends at once":    {5, func(string) bool { return true }, 2, 2, "token-1 token-2", false},
		"without an end":  {0, func(string) bool { return true }, 2, 1, "token-1 token-1", false},
		"revoked":         {3600, func(b string) bool { return b != "token-1" }, 2, 2, "token-1 token-2 token-2", false},
		"refused forever": {3600, func(string) bool { return false }, 1, 2, "token-1 token-2", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callback, seen := bearers(t, c.takes)
			server := newTokenServer(t, numbered(c.seconds))
			caller := NewCaller(trusting(callback, server.Server))
			for range c.posts {
				err := caller.Post(t.Context(), withToken(callback, server.URL+"/token"), []byte("{}"))
				if (err != nil) != c.fails || err != nil && err.Error() != "answered 401, 204 was expected" {
					t.Errorf("posted: %v", err)
				}
			}
			if server.count() != c.asked || seen() != c.seen {
				t.Errorf("asked %d times, sent %s; want %d, %s", server.count(), seen(), c.asked, c.seen)
			}
		})
	}
}

// TestTokenEndpointIsNotTrusted: whatever it answers but a token reaches no callback, it leads nowhere else, and it is reached only
// where callbacks may go. What went wrong tells nothing of it, nor of the secret.
func TestTokenEndpointIsNotTrusted(t *testing.T) {
	t.Parallel()
	say := func(status int, body string) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	callback, seen := bearers(t, func(string) bool { return true })
	elsewhere := newTokenServer(t, numbered(60))
	for name, answer := range map[string]func(int, http.ResponseWriter, *http.Request){
		"an error":      say(400, `{"error": "invalid_client"}`),
		"no JSON":       say(200, "token"),
		"no token":      say(200, `{"token_type": "Bearer"}`),
		"another type":  say(200, `{"access_token": "t", "token_type": "mac"}`),
		"a second line": say(200, `{"access_token": "t\r\nX-Evil: 1", "token_type": "Bearer"}`),
		"a long token":  say(200, `{"access_token": "`+strings.Repeat("t", maxTokenLength+1)+`", "token_type": "Bearer"}`),
		"a long answer": say(200, strings.Repeat(" ", maxTokenRead)+`{"access_token": "t", "token_type": "Bearer"}`),
		"somewhere else": func(_ int, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
	} {
		server := newTokenServer(t, answer)
		err := NewCaller(trusting(callback, server.Server, elsewhere.Server)).Post(t.Context(), withToken(callback, server.URL), []byte("{}"))
		if err == nil || err.Error() != "the token endpoint gave no token" {
			t.Errorf("%s: %v", name, err)
		}
	}
	caller := NewCaller(trusting(callback))
	for uri, want := range map[string]string{
		"https://10.1.2.3/token":     "the operator does not allow callbacks to the address that the host resolves to",
		"https://a:b@127.0.0.1/t":    "no answer",
		"https://127.0.0.1:1/token":  "no answer",
		"ftp://127.0.0.1/token":      "no answer",
		"https://169.254.169.254/tk": "the operator does not allow callbacks to the address that the host resolves to",
	} {
		err := caller.Post(t.Context(), withToken(callback, uri), []byte("{}"))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if err := caller.Test(t.Context(), withToken(callback, "http://user:pw@x/")); err == nil || !strings.Contains(err.Error(), "the token endpoint must not carry a user") {
		t.Errorf("tested: %v", err)
	}
	if elsewhere.count() != 0 || seen() != "" {
		t.Errorf("%d times led elsewhere, the callback saw %q", elsewhere.count(), seen())
	}
}

// TestUnreadableSecrets: without the credentials that it asked for, a subscriber is not called, and the record says why.
func TestUnreadableSecrets(t *testing.T) {
	t.Parallel()
	server := secure(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("the subscriber is called without its credentials") })
	s := to("vnfm", server.URL+"/x")
	s.UserName, s.Unreadable = "me", true
	if err := NewCaller(trusting(server)).Post(t.Context(), s, []byte("{}")); err == nil || !strings.Contains(err.Error(), "RINGFENCE_SECRETS_KEY_FILE") {
		t.Errorf("delivered: %v", err)
	}
}
