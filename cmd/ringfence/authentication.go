package main

import (
	"fmt"
	"log/slog"

	"ringfence/internal/auth"
	"ringfence/internal/config"
	"ringfence/internal/transport"
)

// newAuth is how callers are authenticated, and the authorization server whose tokens they show, if any.
func newAuth(c config.Config, secure *transport.TLS, log *slog.Logger) (auth.Authenticator, *auth.AuthorizationServer, error) {
	var callers *auth.Callers
	var issuer *auth.AuthorizationServer
	switch c.Auth {
	case config.AuthToken:
		registry, err := auth.LoadTokenFile(c.TokenFile, log)
		if err != nil {
			return nil, nil, err
		}
		callers = auth.NewTokens(registry)
	case config.AuthOAuth2:
		registry, err := auth.LoadClientFile(c.ClientFile, log)
		if err != nil {
			return nil, nil, err
		}
		if issuer, err = newIssuer(c, log); err != nil {
			return nil, nil, err
		}
		callers = auth.NewOAuth2(registry, issuer)
	default:
		return auth.Anyone{}, nil, nil
	}
	if secure != nil {
		callers.CheckCertificate = secure.Check
	}
	return callers, issuer, nil
}

func newIssuer(c config.Config, log *slog.Logger) (*auth.AuthorizationServer, error) {
	client, err := auth.NewHTTPClient(c.OAuth2.CAFile)
	if err != nil {
		return nil, err
	}
	o := auth.OAuth2{
		Issuer: c.OAuth2.Issuer, Audience: c.OAuth2.Audience, KeysURL: c.OAuth2.KeysURL, Algorithms: c.OAuth2.Algorithms,
		MaxLifetime: c.OAuth2.MaxLifetime, HTTP: client, Plain: c.Dev, Log: log,
	}
	if c.OAuth2.IntrospectionURL != "" {
		if err := transport.CheckKeyFile(c.OAuth2.IntrospectionSecretFile); err != nil {
			return nil, fmt.Errorf("secret of the introspection: %w", err)
		}
		o.Introspection = &auth.Introspection{
			URL: c.OAuth2.IntrospectionURL, ClientID: c.OAuth2.IntrospectionClientID, SecretFile: c.OAuth2.IntrospectionSecretFile,
		}
	}
	return auth.NewAuthorizationServer(o)
}

// requestsPerSecond is how many requests a client may make. Where nobody says who they are, all are one client, and none is limited.
func requestsPerSecond(c config.Config) int {
	if c.Auth == config.AuthNone {
		return 0
	}
	return c.RequestsPerSecond
}
