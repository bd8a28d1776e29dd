package notify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"ringfence/internal/placement"
)

// The limits of tokens. One whose end is not told is used for a short time only.
const (
	maxTokenRead   = 16 << 10
	maxTokenLength = 8 << 10
	maxTokenAge    = time.Hour
	shortTokenAge  = time.Minute
	tokenMargin    = 10 * time.Second // that a token must still have when it is sent
	maxTokens      = 1000             // that are kept
)

// errNoToken says that a token endpoint was asked in vain. What it answered is nobody's business but its own.
var errNoToken = errors.New("the token endpoint gave no token")

// tokenKey is what a token is asked for with.
type tokenKey struct{ client, endpoint, id, secret string }

func keyOf(s *placement.PolicySubscription) tokenKey {
	return tokenKey{s.ClientID, s.TokenEndpoint, s.OAuthClientID, s.OAuthSecret}
}

type token struct {
	value string
	until time.Time
}

// tokens keeps access tokens until shortly before they end.
type tokens struct {
	mu   sync.Mutex
	kept map[tokenKey]token
}

func (t *tokens) get(key tokenKey, now time.Time) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.kept[key]
	return k.value, ok && now.Before(k.until)
}

func (t *tokens) put(key tokenKey, k token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil || len(t.kept) >= maxTokens {
		t.kept = map[tokenKey]token{}
	}
	t.kept[key] = k
}

func (t *tokens) drop(key tokenKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.kept, key)
}

// token returns an access token for a subscriber, one that is kept or a new one (RFC 6749, section 4.4). The endpoint is reached
// through the same guarded connections as the callback.
func (c *Caller) token(ctx context.Context, client *http.Client, s *placement.PolicySubscription) (string, error) {
	key, now := keyOf(s), time.Now()
	if value, ok := c.tokens.get(key, now); ok {
		return value, nil
	}
	if err := c.guard.checkURI("token endpoint", s.TokenEndpoint); err != nil {
		return "", err
	}
	form := strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.TokenEndpoint, form)
	if err != nil {
		return "", errNoToken
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "ringfence")
	req.SetBasicAuth(url.QueryEscape(s.OAuthClientID), url.QueryEscape(s.OAuthSecret))
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	k, err := readToken(resp, now)
	if err != nil {
		return "", err
	}
	if now.Before(k.until) {
		c.tokens.put(key, k)
	}
	return k.value, nil
}

// readToken reads the answer of a token endpoint.
func readToken(resp *http.Response, now time.Time) (token, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenRead))
	if err != nil || resp.StatusCode != http.StatusOK {
		return token{}, errNoToken
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		TokenType   string  `json:"token_type"`
		ExpiresIn   float64 `json:"expires_in"` // seconds
	}
	unfit := func(r rune) bool { return r <= ' ' || r > '~' }
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" || len(answer.AccessToken) > maxTokenLength ||
		strings.ContainsFunc(answer.AccessToken, unfit) || !strings.EqualFold(answer.TokenType, "Bearer") {
		return token{}, errNoToken
	}
	age := shortTokenAge
	if answer.ExpiresIn > 0 {
		age = time.Duration(min(answer.ExpiresIn, maxTokenAge.Seconds()) * float64(time.Second))
	}
	return token{answer.AccessToken, now.Add(age - tokenMargin)}, nil
}
