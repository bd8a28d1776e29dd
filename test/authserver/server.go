// Package authserver is a real OAuth 2.0 authorization server for tests: clients get tokens by the client credentials grant, with a
// secret or with their certificate, and tokens are bound to the certificate of the connection that they were asked for on (RFC 8705).
//
// The protocol is github.com/zitadel/oidc's. This package brings the clients.
package authserver

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"ringfence/test/pki"
)

// Client is one that gets tokens.
type Client struct {
	// ID and Secret are how the client shows who it is.
	ID, Secret string
	// Certificate does too, in place of the secret; nil: it does not.
	Certificate *x509.Certificate
	// Scopes are what the client may ask for.
	Scopes []string
}

// Server is a running authorization server, over TLS.
type Server struct {
	// Issuer is what the server calls itself.
	Issuer string
	// TokenURL is where tokens are asked for.
	TokenURL string

	authority *pki.Authority
}

// Start runs a server whose tokens are for one audience. The authority vouches for it, and for its clients' certificates.
func Start(t testing.TB, authority *pki.Authority, audience string, clients ...Client) *Server {
	t.Helper()
	listener := httptest.NewUnstartedServer(nil)
	listener.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{authority.Server(t).TLS()},
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool(),
	}
	listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	issuer := "https://" + listener.Listener.Addr().String()
	s := &registry{Storage: storage.NewStorage(storage.NewUserStore(issuer)), audience: audience, clients: map[string]*Client{}}
	for _, c := range clients {
		s.clients[c.ID] = &c
	}
	key := sha256.Sum256([]byte(rand.Text()))
	provider, err := op.NewProvider(&op.Config{CryptoKey: key, AuthMethodPost: true}, s, op.StaticIssuer(issuer), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	listener.Config.Handler = s.withCertificate(provider)
	listener.StartTLS()
	t.Cleanup(listener.Close)
	return &Server{Issuer: issuer, TokenURL: issuer + "/oauth/token", authority: authority}
}

// Token asks for a token, with the secret, or where that is empty with the certificate, which the token is then bound to.
func (s *Server) Token(t testing.TB, client, secret string, cert *pki.Identity, scopes ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}}
	if secret == "" {
		form.Set("client_id", client)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		req.SetBasicAuth(client, secret)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.authority.Pool()}
	if cert != nil {
		config.Certificates = []tls.Certificate{cert.TLS()}
	}
	caller := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	defer caller.CloseIdleConnections()
	resp, err := caller.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" {
		t.Fatalf("no token: %d %s", resp.StatusCode, body)
	}
	return answer.Token
}

// Subject is the client that a token was issued to; an error for one that this server did not sign.
func (s *Server) Subject(ctx context.Context, token string) (string, error) {
	caller := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.authority.Pool()}}}
	defer caller.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Issuer+"/keys", http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := caller.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&keys); err != nil {
		return "", err
	}
	signed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", err
	}
	var claims jwt.Claims
	if err := signed.Claims(&keys, &claims); err != nil {
		return "", err
	}
	return claims.Subject, claims.Validate(jwt.Expected{Issuer: s.Issuer})
}

// registry is the clients as the library asks for them; whatever is not about clients is its own in-memory storage.
type registry struct {
	*storage.Storage

	audience string
	clients  map[string]*Client
}

type certificateKey struct{}

// withCertificate lets a client show its certificate in place of its secret.
func (s *registry) withCertificate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.VerifiedChains) > 0 {
			cert := r.TLS.PeerCertificates[0]
			r = r.WithContext(context.WithValue(r.Context(), certificateKey{}, cert))
			c := s.clients[r.PostFormValue("client_id")]
			if _, _, basic := r.BasicAuth(); !basic && c != nil && c.Certificate != nil && c.Certificate.Equal(cert) {
				r.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// ClientCredentials tells whether a secret is a client's.
func (s *registry) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok || c.Secret != secret {
		return nil, oidc.ErrInvalidClient()
	}
	return &registered{c}, nil
}

// ClientCredentialsTokenRequest is for whom a client's token is, and with which scopes.
func (s *registry) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{s.audience}, Scopes: scopes}, nil
}

// GetClientByClientID is a client.
func (s *registry) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if c, ok := s.clients[id]; ok {
		return &registered{c}, nil
	}
	return nil, errors.New("unknown client")
}

// GetPrivateClaimsFromScopes names the scopes of a token (RFC 9068), which the library does not, and binds it to the certificate of the
// connection.
func (s *registry) GetPrivateClaimsFromScopes(ctx context.Context, _, _ string, scopes []string) (map[string]any, error) {
	claims := map[string]any{}
	if len(scopes) > 0 {
		claims["scope"] = strings.Join(scopes, " ")
	}
	if cert, ok := ctx.Value(certificateKey{}).(*x509.Certificate); ok {
		sum := sha256.Sum256(cert.Raw)
		claims["cnf"] = map[string]string{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	}
	return claims, nil
}

// registered is a client as the library knows it.
type registered struct{ *Client }

// GetID is the client's id.
func (c *registered) GetID() string { return c.ID }

// RedirectURIs are none: nobody is redirected.
func (c *registered) RedirectURIs() []string { return nil }

// PostLogoutRedirectURIs are none: nobody is redirected.
func (c *registered) PostLogoutRedirectURIs() []string { return nil }

// ApplicationType is that of a program with a secret.
func (c *registered) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }

// AuthMethod is HTTP Basic.
func (c *registered) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodBasic }

// ResponseTypes are none: there is no authorization endpoint for such a client.
func (c *registered) ResponseTypes() []oidc.ResponseType { return nil }

// GrantTypes is client credentials alone.
func (c *registered) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials}
}

// LoginURL is none: nobody logs in.
func (c *registered) LoginURL(string) string { return "" }

// AccessTokenType is a JWT.
func (c *registered) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// IDTokenLifetime is of no use without ID tokens.
func (c *registered) IDTokenLifetime() time.Duration { return time.Minute }

// DevMode is off.
func (c *registered) DevMode() bool { return false }

// RestrictAdditionalIdTokenScopes restricts nothing.
func (c *registered) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:staticcheck // the library's name
	return func(s []string) []string { return s }
}

// RestrictAdditionalAccessTokenScopes restricts nothing.
func (c *registered) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

// IsScopeAllowed tells whether the client may ask for a scope.
func (c *registered) IsScopeAllowed(scope string) bool { return slices.Contains(c.Scopes, scope) }

// IDTokenUserinfoClaimsAssertion is off.
func (c *registered) IDTokenUserinfoClaimsAssertion() bool { return false }

// ClockSkew is none.
func (c *registered) ClockSkew() time.Duration { return 0 }
