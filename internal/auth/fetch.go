package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// The limits of a call of the authorization server.
const (
	fetchTimeout = 5 * time.Second
	maxFetched   = 256 << 10
)

// NewHTTPClient calls an authorization server: no redirects, no proxies of the environment, bounded. caFile names the authorities (PEM)
// that vouch for it; empty: those of the system.
func NewHTTPClient(caFile string) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("certificates of the authorization server: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificates of the authorization server: %s holds none in PEM", caFile)
		}
	}
	return &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: config, TLSHandshakeTimeout: fetchTimeout, MaxResponseHeaderBytes: 16 << 10, MaxConnsPerHost: 16,
			IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
	}, nil
}

// checkServerURL refuses what is no address of an authorization server.
func checkServerURL(raw string, plain bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "":
		return fmt.Errorf("%q is no address of an authorization server, such as https://as.example.com/realms/nfv", raw)
	case u.Scheme == "https", u.Scheme == "http" && plain && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()):
		return nil
	}
	return fmt.Errorf("%q: an authorization server must be called over https", raw)
}

// fetchKeys fetches the key set, from where the server's metadata say unless the settings do.
func (s *AuthorizationServer) fetchKeys(ctx context.Context) ([]byte, error) {
	at := s.KeysURL
	if at == "" {
		var err error
		if at, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	return s.get(ctx, at)
}

// discover reads the server's metadata: where OpenID Connect has them, else where RFC 8414 does.
func (s *AuthorizationServer) discover(ctx context.Context) (string, error) {
	u, err := url.Parse(s.Issuer)
	if err != nil {
		return "", err
	}
	oidc := strings.TrimSuffix(s.Issuer, "/") + "/.well-known/openid-configuration"
	u.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.Path, "/")
	data, err := s.get(ctx, oidc)
	if err != nil {
		var other error
		if data, other = s.get(ctx, u.String()); other != nil {
			return "", errors.Join(err, other)
		}
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(data, &metadata); err != nil {
		return "", fmt.Errorf("metadata of the authorization server: %w", err)
	}
	if metadata.Issuer != s.Issuer {
		return "", fmt.Errorf("the authorization server calls itself %.200q, which is not the issuer of the settings", metadata.Issuer)
	}
	return metadata.JWKSURI, checkServerURL(metadata.JWKSURI, s.Plain)
}

func (s *AuthorizationServer) get(ctx context.Context, at string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	return s.call(req)
}

// call makes a request and reads the answer, which must be 200.
func (s *AuthorizationServer) call(req *http.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), fetchTimeout)
	defer cancel()
	resp, err := s.HTTP.Do(req.WithContext(ctx)) // #nosec G704 -- the operator says where the authorization server is, and it where its keys are
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxFetched+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", req.URL, err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %d", req.URL, resp.StatusCode)
	case len(data) > maxFetched:
		return nil, fmt.Errorf("%s answers more than %d bytes", req.URL, maxFetched)
	}
	return data, nil
}
