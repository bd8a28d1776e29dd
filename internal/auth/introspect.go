package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	answerGoodFor = 5 * time.Second // how long a token that was revoked may still be used
	maxAnswers    = 10_000
)

// Introspection is where and as whom to ask about tokens (RFC 7662).
type Introspection struct {
	URL, ClientID string
	SecretFile    string // read for each question, so that it can be exchanged
}

// answers are what the server said of tokens a moment ago, by the digests of these. No token is kept.
type answers struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]answer
}

type answer struct {
	claims *claims // nil: not active
	until  time.Time
}

func (a *answers) get(key [sha256.Size]byte, now time.Time) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.known[key]
	return found, ok && now.Before(found.until)
}

func (a *answers) put(key [sha256.Size]byte, found answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxAnswers {
		clear(a.known) // a flood of tokens: what is in use is asked for again
	}
	a.known[key] = found
}

// introspect asks the server about a token, unless it answered a moment ago.
func (s *AuthorizationServer) introspect(ctx context.Context, token string) (*claims, error) {
	key := sha256.Sum256([]byte(token))
	found, ok := s.asked.get(key, s.now())
	if !ok {
		c, err := s.ask(ctx, token)
		if err != nil {
			s.Log.WarnContext(ctx, "the authorization server does not say what a token is", "error", err.Error())
			return nil, fmt.Errorf("%w: the authorization server does not say", ErrUnavailable)
		}
		found = answer{claims: c, until: s.now().Add(answerGoodFor)}
		s.asked.put(key, found)
	}
	if found.claims == nil {
		return nil, invalid("not active")
	}
	return found.claims, nil
}

// ask returns the claims of a token; nil: it is not active. The issuer is the server itself when it does not say.
func (s *AuthorizationServer) ask(ctx context.Context, token string) (*claims, error) {
	secret, err := os.ReadFile(s.Introspection.SecretFile) // #nosec G703 -- the operator names the file
	if err != nil {
		return nil, err
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Introspection.URL, strings.NewReader(form.Encode())) // #nosec G704 -- the operator says where
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(s.Introspection.ClientID), url.QueryEscape(strings.TrimSpace(string(secret))))
	data, err := s.call(req)
	if err != nil {
		return nil, err
	}
	active, c, err := parseIntrospection(data)
	if err != nil || !active {
		return nil, err
	}
	if c.Issuer == "" {
		c.Issuer = s.Issuer
	}
	return c, nil
}
