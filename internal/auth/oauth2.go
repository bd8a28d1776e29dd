package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// leeway is by how much clocks may differ.
const leeway = 30 * time.Second

// OAuth2 says whose tokens are good, and for whom.
type OAuth2 struct {
	// Issuer is the authorization server, exactly as its tokens name it.
	Issuer string
	// Audience is what this service is called in tokens.
	Audience string
	// KeysURL is where the server's keys are (JWKS); empty: where its metadata say.
	KeysURL string
	// Algorithms are what tokens may be signed with.
	Algorithms []string
	// MaxLifetime is how long a token may be good for.
	MaxLifetime time.Duration
	// Introspection asks the server about each token instead of checking it here; nil: tokens are JWTs.
	Introspection *Introspection
	// HTTP calls the server: NewHTTPClient.
	HTTP *http.Client
	// Plain lets the server be called over plain HTTP on a loopback address: for a developer's machine only.
	Plain bool
	Log   *slog.Logger
}

// AuthorizationServer checks the tokens that one authorization server issued (RFC 6750, 7519, 7662, 8705, 9068).
type AuthorizationServer struct {
	OAuth2
	keys   *keySet
	asked  *answers
	now    func() time.Time
	accept map[string]bool // algorithms
}

// NewAuthorizationServer checks the settings. It calls nobody: Run does.
func NewAuthorizationServer(o OAuth2) (*AuthorizationServer, error) {
	s := &AuthorizationServer{OAuth2: o, now: time.Now, accept: map[string]bool{}}
	for _, url := range []string{o.Issuer, o.KeysURL} {
		if url != "" {
			if err := checkServerURL(url, o.Plain); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range o.Algorithms {
		if !slices.Contains(Algorithms(), name) {
			return nil, errors.New("tokens signed with " + name + " are not accepted: use some of " + strings.Join(Algorithms(), ", "))
		}
		s.accept[name] = true
	}
	if o.Introspection != nil {
		if err := checkServerURL(o.Introspection.URL, o.Plain); err != nil {
			return nil, err
		}
		s.asked = &answers{known: map[[sha256.Size]byte]answer{}}
		return s, nil
	}
	s.keys = newKeySet(s.fetchKeys, s.accept, o.Log)
	return s, nil
}

// Run keeps the keys of the server current until the context ends.
func (s *AuthorizationServer) Run(ctx context.Context) error {
	if s.keys != nil {
		s.keys.run(ctx)
	}
	return nil
}

// read tells whose a token is.
func (s *AuthorizationServer) read(ctx context.Context, token string, known *clients, cert *x509.Certificate) (Principal, error) {
	var c *claims
	var err error
	if s.Introspection != nil {
		c, err = s.introspect(ctx, token)
	} else {
		c, err = s.parse(ctx, token)
	}
	if err != nil {
		return Principal{}, err
	}
	of, registered := known.named(c.client(), c.Subject)
	err = c.check(&s.OAuth2, s.now())
	if err == nil && !registered {
		err = told("its client is not registered here")
	}
	if err == nil {
		err = c.bound(cert, of.unboundTokens)
	}
	if reason, ok := errors.AsType[*InvalidError](err); ok {
		return Principal{}, reason.of(cmp.Or(of.ClientID, c.client()), of.Has(RoleLIAdmin))
	}
	return c.narrow(of.Principal), err
}

// bound holds the token against the certificate of the connection (RFC 8705).
func (c *claims) bound(cert *x509.Certificate, unboundAllowed bool) error {
	switch {
	case c.Confirmation == nil && unboundAllowed:
		return nil
	case c.Confirmation == nil:
		return told("it is bound to no certificate")
	case cert == nil:
		return told("it is bound to a certificate, and none was shown")
	}
	digest := sha256.Sum256(cert.Raw)
	if thumbprint, ok := c.Confirmation["x5t#S256"].(string); !ok || len(c.Confirmation) != 1 || thumbprint != base64.RawURLEncoding.EncodeToString(digest[:]) {
		return told("it is bound to another certificate")
	}
	return nil
}

// ScopePrefix begins the scopes that mean a role here: ringfence:vnfm.
const ScopePrefix = "ringfence:"

// Scope is the scope that means a role.
func (r Role) Scope() string { return ScopePrefix + strings.ToLower(string(r)) }

// narrow leaves the roles that the token's scopes mean. Scopes are optional: without one of ours the client has all of its roles.
func (c *claims) narrow(p Principal) Principal {
	scopes := strings.Fields(c.Scope)
	if !slices.ContainsFunc(scopes, func(s string) bool { return strings.HasPrefix(s, ScopePrefix) }) {
		return p
	}
	roles := p.Roles
	p.Roles = nil
	for _, r := range roles {
		if slices.Contains(scopes, r.Scope()) {
			p.Roles = append(p.Roles, r)
		} else {
			p.Withheld = append(p.Withheld, r)
		}
	}
	return p
}
