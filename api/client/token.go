package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// TokenSource gives the bearer token of each call. It may be asked at the same time from several places.
type TokenSource interface {
	// Token is the token to send now. An error ends the call; it must not hold the token.
	Token(ctx context.Context) (string, error)
}

// forgetter is a source that can be told that a token was not accepted, so that it is not given again.
type forgetter interface{ forget(token string) }

// StaticToken is a source of one token.
func StaticToken(token string) TokenSource { return staticToken(token) }

type staticToken string

// Token is the token.
func (t staticToken) Token(context.Context) (string, error) { return string(t), nil }

// TokenFile is a source that reads a file for each call, so that the token can be exchanged under a running process.
func TokenFile(file string) TokenSource { return tokenFile(file) }

type tokenFile string

// Token is what the file holds now.
func (f tokenFile) Token(context.Context) (string, error) {
	content, err := os.ReadFile(string(f))
	return strings.TrimSpace(string(content)), err
}

// token asks the source, and takes only what can stand in a header.
func (c *Client) token(ctx context.Context) (string, error) {
	if c.o.Tokens == nil {
		return "", nil
	}
	token, err := c.o.Tokens.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("token: the source gives an empty one, or one with characters that no bearer token has")
	}
	return token, nil
}
