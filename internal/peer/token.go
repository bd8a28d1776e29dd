package peer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The limits of tokens. One whose end is not told is used for a short time only.
const (
	maxTokenRead   = 16 << 10
	maxTokenLength = 8 << 10
	maxTokenAge    = time.Hour
	shortTokenAge  = time.Minute
	tokenMargin    = 10 * time.Second // that a token must still have when it is sent
)

// errNoToken says that a token endpoint was asked in vain.
var errNoToken = errors.New("the token endpoint of its credentials gave no token")

type token struct {
	value string
	until time.Time
}

// token returns an access token, one that is kept or a new one.
func (c *Caller) token(ctx context.Context, client *http.Client, cred *Credentials) (string, error) {
	c.mu.Lock()
	kept, now := c.tokens[cred.Name], time.Now()
	c.mu.Unlock()
	if now.Before(kept.until) {
		return kept.value, nil
	}
	fresh, err := fetchToken(ctx, client, cred.OAuth2, now)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[cred.Name] = fresh
	return fresh.value, nil
}

func (c *Caller) dropToken(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tokens, name)
}

func fetchToken(ctx context.Context, client *http.Client, as *Client, now time.Time) (token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if as.Scope != "" {
		form.Set("scope", as.Scope)
	}
	if as.SecretFile == "" {
		form.Set("client_id", as.ClientID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, as.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, errNoToken
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if as.SecretFile != "" {
		secret, err := as.secret()
		if err != nil {
			return token{}, errNoToken
		}
		req.SetBasicAuth(url.QueryEscape(as.ClientID), url.QueryEscape(secret))
	}
	resp, err := client.Do(req) // #nosec G704 -- the operator's file says where tokens are
	if err != nil {
		return token{}, errNoToken
	}
	defer resp.Body.Close()
	return readToken(resp, now)
}

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
