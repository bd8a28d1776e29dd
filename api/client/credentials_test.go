package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ringfence/test/authserver"
	"ringfence/test/pki"
)

// files writes what a client reads from files.
func files(t *testing.T, authority *pki.Authority, identity *pki.Identity, secret string) (caFile, certFile, keyFile, secretFile string) {
	t.Helper()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	pki.WriteFile(t, at("ca"), authority.PEM())
	pki.WriteFile(t, at("secret"), []byte(secret+"\n"))
	identity.Write(t, at("cert"), at("key"))
	return at("ca"), at("cert"), at("key"), at("secret")
}

// TestClientCredentials gets tokens from a real authorization server, with a secret and with a certificate.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	authority := pki.New(t, "authority")
	vnfm := authority.Issue(t, pki.Leaf{Name: "vnfm"})
	as := authserver.Start(t, authority, "ringfence",
		authserver.Client{ID: "vnfm", Secret: "s3cret/+ é", Certificate: vnfm.Certificate, Scopes: []string{"ringfence:vnfm"}})
	caFile, certFile, keyFile, secretFile := files(t, authority, vnfm, "s3cret/+ é")
	_, _, _, wrongFile := files(t, authority, vnfm, "s3cret-wrong")
	for _, tt := range []struct {
		name string
		o    Credentials
		want string // of the error; empty: there is a token
	}{
		{"secret", Credentials{SecretFile: secretFile, Scopes: []string{"ringfence:vnfm"}}, ""},
		{"certificate", Credentials{CertFile: certFile, KeyFile: keyFile}, ""},
		{"secret over mutual TLS", Credentials{SecretFile: secretFile, CertFile: certFile, KeyFile: keyFile}, ""},
		{"wrong secret", Credentials{SecretFile: wrongFile}, "invalid_client to the client vnfm"},
		{"no secret file", Credentials{SecretFile: secretFile + "-"}, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := tt.o
			o.TokenURL, o.ClientID, o.CAFile = as.TokenURL, "vnfm", caFile
			source, err := ClientCredentials(o)
			if err != nil {
				t.Fatal(err)
			}
			token, err := source.Token(t.Context())
			switch {
			case tt.want == "" && (err != nil || strings.Count(token, ".") != 2):
				t.Errorf("token %q, %v", token, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret")):
				t.Errorf("the error is %v", err)
			}
			if again, err := source.Token(t.Context()); tt.want == "" && (err != nil || again != token) {
				t.Errorf("another token at once: %v", err)
			}
		})
	}
	if _, err := ClientCredentials(Credentials{TokenURL: as.TokenURL, ClientID: "vnfm"}); err == nil {
		t.Error("neither a secret nor a certificate is needed")
	}
}

// TestTokenIsForgotten has the service take a token no more: the next call has another.
func TestTokenIsForgotten(t *testing.T) {
	t.Parallel()
	_, _, _, secretFile := files(t, pki.New(t, "authority"), pki.New(t, "authority").Server(t), "s3cret")
	var given atomic.Int64
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"access_token":"token%d","token_type":"bearer","expires_in":3600}`, given.Add(1))
	}))
	t.Cleanup(issuer.Close)
	source, err := ClientCredentials(Credentials{TokenURL: issuer.URL, ClientID: "vnfm", SecretFile: secretFile})
	if err != nil {
		t.Fatal(err)
	}
	c := newTestClient(t, Options{Tokens: source}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token1" {
			status(401)(w, r)
			return
		}
		fmt.Fprint(w, "[]")
	})
	if _, err := c.HostFeed(t.Context(), "h", 0, 0); !HasStatus(err, 401) {
		t.Fatalf("the first call: %v", err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := c.HostFeed(t.Context(), "h", 0, 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if given.Load() != 2 {
		t.Errorf("%d tokens were asked for", given.Load())
	}
}

// TestTokenEndpointsThatAreNone answer with what is no token; nothing of it gets into an error.
func TestTokenEndpointsThatAreNone(t *testing.T) {
	t.Parallel()
	_, _, _, secretFile := files(t, pki.New(t, "authority"), pki.New(t, "authority").Server(t), "s3cret")
	for _, serve := range []http.HandlerFunc{
		content(200, `{"access_token":"s3cret"}`), content(200, `s3cret`), content(400, `{"error":"the secret s3cret is wrong"}`),
		content(200, strings.Repeat(" ", mostTokenBytes+1)), content(302, "s3cret"),
		content(200, `{"access_token":"s3cret\u0000","token_type":"Bearer"}`),
	} {
		issuer := httptest.NewServer(serve)
		t.Cleanup(issuer.Close)
		source, err := ClientCredentials(Credentials{TokenURL: issuer.URL, ClientID: "vnfm", SecretFile: secretFile})
		if err != nil {
			t.Fatal(err)
		}
		c := newTestClient(t, Options{Tokens: source}, content(200, "[]"))
		_, err = c.HostFeed(t.Context(), "h", 0, 0)
		if _, answered := errors.AsType[*Problem](err); err == nil || answered || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error is %v", err)
		}
	}
}

// TestCertificateIsReadAnew exchanges the client certificate under a running client.
func TestCertificateIsReadAnew(t *testing.T) {
	t.Parallel()
	authority := pki.New(t, "authority")
	caFile, certFile, keyFile, _ := files(t, authority, authority.Issue(t, pki.Leaf{Name: "one"}), "")
	var shown []string
	service := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.TLS.PeerCertificates[0].Subject.CommonName)
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "[]")
	}))
	service.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{authority.Server(t).TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool(),
	}
	service.StartTLS()
	t.Cleanup(service.Close)
	c, err := New(Options{URL: service.URL, CAFile: caFile, CertFile: certFile, KeyFile: keyFile})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		authority.Issue(t, pki.Leaf{Name: name}).Write(t, certFile, keyFile)
		if _, err := c.HostFeed(t.Context(), "h", 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if len(shown) != 2 || shown[1] != "two" {
		t.Errorf("the client showed %q", shown)
	}
}
