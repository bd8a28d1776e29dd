package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Credentials are those of a client at an authorization server (OAuth 2.0, client credentials: RFC 6749, section 4.4).
type Credentials struct {
	// TokenURL is the token endpoint. It is called by https, or on the loopback address.
	TokenURL string
	// ClientID is who asks.
	ClientID string
	// SecretFile holds the client's secret, which goes with HTTP Basic. It is read again for each token. Without, the client shows
	// its certificate in place of a secret (RFC 8705).
	SecretFile string
	// Scopes and Audience are what is asked for; empty: what the authorization server gives without being asked.
	Scopes   []string
	Audience string
	// CAFile, CertFile and KeyFile are as in Options, for the authorization server.
	CAFile, CertFile, KeyFile string
}

const (
	mostTokenBytes = 1 << 20
	unknownLife    = time.Minute // of a token of which nobody says how long it holds
	longestMargin  = 30 * time.Second
)

// ClientCredentials is a source that gets tokens from an authorization server and keeps each until shortly before it expires, or
// until the service does not take it any more.
func ClientCredentials(o Credentials) (TokenSource, error) {
	u, err := url.Parse(o.TokenURL)
	if err != nil || u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("%s would carry the secret in the clear: use https", redacted(o.TokenURL))
	}
	if o.ClientID == "" || o.SecretFile == "" && o.CertFile == "" {
		return nil, errors.New("credentials need the client's id, and its secret or its certificate")
	}
	c, err := New(Options{URL: o.TokenURL, CAFile: o.CAFile, CertFile: o.CertFile, KeyFile: o.KeyFile, MostBytes: mostTokenBytes})
	if err != nil {
		return nil, fmt.Errorf("authorization server: %w", err)
	}
	c.base = o.TokenURL // with the slash at its end, if it has one
	return &credentials{o: o, client: c, turn: make(chan struct{}, 1)}, nil
}

// credentials keeps a token.
type credentials struct {
	o      Credentials
	client *Client

	turn    chan struct{} // full while somebody holds what follows
	token   string
	expires time.Time
}

// Token is the token that is kept, or a new one.
func (s *credentials) Token(ctx context.Context) (string, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.token != "" && time.Now().Before(s.expires) {
		return s.token, nil
	}
	token, life, err := s.ask(ctx)
	if err != nil {
		return "", err
	}
	s.token, s.expires = token, time.Now().Add(life-min(life/10, longestMargin))
	return token, nil
}

func (s *credentials) forget(token string) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if s.token == token {
		s.token = ""
	}
}

// ask gets a token and how long it holds. What the authorization server answers appears in no error but for its code.
func (s *credentials) ask(ctx context.Context) (string, time.Duration, error) {
	request, err := s.request()
	if err != nil {
		return "", 0, err
	}
	answer, err := s.client.Do(ctx, request, nil)
	if problem, is := errors.AsType[*Problem](err); is {
		var refusal struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(problem.body, &refusal) // whatever else it is has no code
		return "", 0, fmt.Errorf("%s answers %d %s to the client %s", s.client.base, problem.Status, errorCode(refusal.Error), s.o.ClientID)
	}
	if err != nil {
		return "", 0, fmt.Errorf("authorization server: %w", err)
	}
	var given struct {
		AccessToken string  `json:"access_token"`
		TokenType   string  `json:"token_type"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if json.Unmarshal(answer.Body, &given) != nil || given.AccessToken == "" || !strings.EqualFold(given.TokenType, "Bearer") {
		return "", 0, fmt.Errorf("%s does not answer with a bearer token", s.client.base)
	}
	life := unknownLife
	if given.ExpiresIn > 0 {
		life = time.Duration(min(given.ExpiresIn, (24*time.Hour).Seconds()) * float64(time.Second))
	}
	return given.AccessToken, life, nil
}

func (s *credentials) request() (Request, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(s.o.Scopes) > 0 {
		form.Set("scope", strings.Join(s.o.Scopes, " "))
	}
	if s.o.Audience != "" {
		form.Set("audience", s.o.Audience)
	}
	header := http.Header{}
	if s.o.SecretFile == "" {
		form.Set("client_id", s.o.ClientID)
	} else {
		secret, err := os.ReadFile(s.o.SecretFile)
		if err != nil {
			return Request{}, fmt.Errorf("secret of the client: %w", err)
		}
		pair := url.QueryEscape(s.o.ClientID) + ":" + url.QueryEscape(strings.TrimSpace(string(secret)))
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return Request{
		Method: http.MethodPost, Header: header, Content: []byte(form.Encode()), ContentType: "application/x-www-form-urlencoded", Idempotent: true,
	}, nil
}

// errorCode is an error code of RFC 6749, section 5.2, or nothing.
func errorCode(code string) string {
	if len(code) > 40 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return code
}
