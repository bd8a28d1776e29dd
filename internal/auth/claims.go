package auth

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"

	josejson "github.com/go-jose/go-jose/v4/json"
)

// claims are what a token says, of what matters here. Members that nobody knows mean nothing.
type claims struct {
	Issuer       string         `json:"iss"`
	Audience     audience       `json:"aud"`
	Subject      string         `json:"sub"`
	ClientID     string         `json:"client_id"`
	Authorized   string         `json:"azp"`
	Scope        string         `json:"scope"`
	Expires      *seconds       `json:"exp"`
	NotBefore    *seconds       `json:"nbf"`
	IssuedAt     *seconds       `json:"iat"`
	Confirmation map[string]any `json:"cnf"`

	// What tokens that are no access tokens have.
	Type   string `json:"typ"` // of Keycloak: Bearer, ID, Refresh
	Use    string `json:"token_use"`
	Nonce  any    `json:"nonce"`
	AtHash any    `json:"at_hash"`
	CHash  any    `json:"c_hash"`
	Events any    `json:"events"`
}

// parseClaims reads the payload of a token. A member that is there twice is a fault.
func parseClaims(payload []byte) (*claims, error) {
	c := &claims{}
	if err := josejson.Unmarshal(payload, c); err != nil {
		return nil, err
	}
	return c, nil
}

// client is the client that the token was issued to.
func (c *claims) client() string {
	if c.ClientID != "" {
		return c.ClientID
	}
	return c.Authorized
}

// check refuses a token that is not for this service, not good now, or no access token.
func (c *claims) check(o *OAuth2, now time.Time) error {
	if c.Issuer != o.Issuer {
		return told("another issuer")
	}
	if !slices.Contains(c.Audience, o.Audience) {
		return told("it is for another audience")
	}
	if c.client() == "" || c.ClientID != "" && c.Authorized != "" && c.ClientID != c.Authorized {
		return told("it does not name one client")
	}
	if c.noAccessToken() {
		return told("it is no access token")
	}
	return c.checkTimes(o.MaxLifetime, now)
}

func (c *claims) noAccessToken() bool {
	return c.Type != "" && c.Type != "Bearer" || c.Use != "" && c.Use != "access" ||
		c.Nonce != nil || c.AtHash != nil || c.CHash != nil || c.Events != nil
}

func (c *claims) checkTimes(limit time.Duration, now time.Time) error {
	switch {
	case c.Expires == nil:
		return told("it never expires")
	case !now.Before(c.Expires.time().Add(leeway)):
		return told("it has expired")
	case c.NotBefore != nil && now.Add(leeway).Before(c.NotBefore.time()):
		return told("it is not valid yet")
	case c.IssuedAt != nil && now.Add(leeway).Before(c.IssuedAt.time()):
		return told("it was issued in the future")
	}
	from := now.Add(-leeway)
	if c.IssuedAt != nil {
		from = c.IssuedAt.time()
	}
	if c.Expires.time().Sub(from) > limit+leeway {
		return told("it is valid for longer than " + limit.String())
	}
	return nil
}

// seconds is a time as tokens have it: whole seconds since 1970. Fractions, strings and what no clock shows are refused.
type seconds int64

const maxSeconds = 1 << 40

// UnmarshalJSON reads the number.
func (s *seconds) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil || n < 0 || n > maxSeconds {
		return errors.New("a time that is no number of seconds")
	}
	*s = seconds(n)
	return nil
}

func (s *seconds) time() time.Time { return time.Unix(int64(*s), 0) }

// audience is for whom a token is: one name or several.
type audience []string

// UnmarshalJSON reads a string or an array of strings.
func (a *audience) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return josejson.Unmarshal(data, (*[]string)(a))
	}
	var one string
	err := josejson.Unmarshal(data, &one)
	*a = audience{one}
	return err
}

// parseIntrospection reads what the server says of a token.
func parseIntrospection(data []byte) (active bool, c *claims, err error) {
	var state struct {
		Active bool `json:"active"`
	}
	if err := josejson.Unmarshal(data, &state); err != nil || !state.Active {
		return false, nil, err
	}
	c, err = parseClaims(data)
	return true, c, err
}
