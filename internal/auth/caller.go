package auth

import (
	"context"
	"crypto/x509"
	"net/http"
	"strings"
)

// maxTokenLength is how long a bearer token may be.
const maxTokenLength = 8 << 10

// Callers authenticates by what a caller shows: a bearer token, else the certificate of its connection.
type Callers struct {
	registry *Registry
	tokens   tokenReader
	// CheckCertificate tells whether a certificate that was good when its connection was made still is; nil: it is.
	CheckCertificate func(*x509.Certificate) error
}

// tokenReader tells whose a token is. cert is what the caller showed on its connection; nil: none.
type tokenReader interface {
	read(ctx context.Context, token string, known *clients, cert *x509.Certificate) (Principal, error)
}

// NewTokens authenticates by tokens whose digests the registry has, for labs.
func NewTokens(r *Registry) *Callers { return &Callers{registry: r, tokens: digests{}} }

// ParseTokens authenticates by the content of a token file, which never changes.
func ParseTokens(data []byte) (*Callers, error) {
	current, err := parseClients("token file", data, true)
	if err != nil {
		return nil, err
	}
	return NewTokens(&Registry{current: current}), nil
}

// NewOAuth2 authenticates by tokens of an authorization server.
func NewOAuth2(r *Registry, s *AuthorizationServer) *Callers { return &Callers{registry: r, tokens: s} }

// Callbacks tells where the callbacks of each client may go; of a client that is missing, nowhere.
func (a *Callers) Callbacks() map[string][]CallbackRange { return a.registry.clients().callbacks }

// Authenticate tells who sends a request.
func (a *Callers) Authenticate(r *http.Request) (Principal, error) {
	cert, err := a.certificate(r)
	if err != nil {
		return Principal{}, err
	}
	token, err := bearer(r.Header)
	switch {
	case err == nil:
		return a.tokens.read(r.Context(), token, a.registry.clients(), cert)
	case err != ErrMissing || cert == nil: //nolint:errorlint // bearer wraps nothing
		return Principal{}, err
	}
	known, ok := a.registry.clients().withCertificate(cert)
	if !ok {
		return Principal{}, told("no client is registered for the certificate")
	}
	return known.Principal, nil
}

// certificate is what the caller showed, verified by the listener.
func (a *Callers) certificate(r *http.Request) (*x509.Certificate, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil, nil //nolint:nilnil // no certificate is an answer
	}
	cert := r.TLS.PeerCertificates[0]
	if a.CheckCertificate != nil {
		if err := a.CheckCertificate(cert); err != nil {
			return nil, told(err.Error())
		}
	}
	return cert, nil
}

// bearer is the token of a request. One in the query or in a form is none.
func bearer(h http.Header) (string, error) {
	all := h.Values("Authorization")
	if len(all) == 0 || len(all) == 1 && all[0] == "" {
		return "", ErrMissing
	}
	scheme, token, ok := strings.Cut(all[0], " ")
	if len(all) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") || !isToken68(token) || len(token) > maxTokenLength {
		return "", ErrMalformed
	}
	return token, nil
}

// isToken68 tells whether a string has the form of a token (RFC 7235).
func isToken68(s string) bool {
	core := strings.TrimRight(s, "=")
	return core != "" && !strings.ContainsFunc(core, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/", r))
	})
}

// digests reads tokens by their digest.
type digests struct{}

func (digests) read(_ context.Context, token string, known *clients, _ *x509.Certificate) (Principal, error) {
	c, ok := known.withToken(token)
	if !ok {
		return Principal{}, invalid("unknown token")
	}
	return c.Principal, nil
}
