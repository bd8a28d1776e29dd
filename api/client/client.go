// Package client calls ringfence from Go, with the wire types of the packages beside it. The product's own command line, its agent
// and its enforcement in a cluster use it, and so may anybody else.
//
//	c, err := client.New(client.Options{URL: "https://ringfence.example.com", TokenFile: "/etc/vnfm/token"})
//	granted, err := c.CreateGrant(ctx, request)
//
// Every operation that a client of ringfence needs is a method; [Client.Do] makes any other call. What the service answers in place
// of a success is a [*Problem]; no answer at all is an [*UnansweredError].
//
// # What is repeated
//
// A call is sent again, a bounded number of times and with growing pauses, when the service answers 429, 502, 503 or 504 or the
// connection fails, and only if it may be sent twice: GET, HEAD, PUT and DELETE, and the few POSTs whose second copy the service
// recognises, of which [Client.CreateGrant] is one. A conditional write (If-Match) that reached the service although its answer was
// lost is answered 412 when it is sent again. Retry-After is a lower bound of the pause; where it is longer than [Retry.Longest], or
// the context ends before, the problem is returned at once with what was asked.
//
// # What is guarded
//
// No credential goes over plain HTTP beyond the loopback address, redirects are not followed, answers are bounded in size, and no
// error holds a token or a secret. Directives come as they were signed: [Verifier] reads them.
//
// The package must not interpret what it carries: which grant is good or which directive means what is its callers' business. It
// logs nothing and keeps nothing on disk.
package client

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The media types that the APIs take.
const (
	TypeJSON       = "application/json"
	TypeYAML       = "application/yaml"
	TypeMergePatch = "application/merge-patch+json"
)

const (
	defaultTimeout = 30 * time.Second
	defaultMost    = 64 << 20
)

// Options say where ringfence is and how to call it. All but URL may be empty.
type Options struct {
	// URL is the base of the APIs. Plain HTTP carries no token beyond the loopback address.
	URL string
	// TokenFile holds the bearer token. It is read again for each call, so that it can be exchanged under a running process.
	TokenFile string
	// Tokens gives the bearer token of each call, in place of TokenFile.
	Tokens TokenSource
	// CAFile holds the certificates (PEM) that vouch for ringfence, and is read once; empty: those of the system.
	CAFile string
	// CertFile and KeyFile are the client's certificate (PEM) for mutual TLS. They are read again for each connection.
	CertFile, KeyFile string
	// UserAgent names the program that calls.
	UserAgent string
	// Timeout bounds one attempt of a call that is answered at once; 0: 30 s. Long polls have their wait on top, and what moves
	// whole documents takes as long as the context allows.
	Timeout time.Duration
	// MostBytes bounds an answer that is read into memory; 0: 64 MiB.
	MostBytes int64
	// Retry says how often and when a call is sent again.
	Retry Retry
}

// Client calls ringfence. Its methods may be called at the same time.
type Client struct {
	base string // without a slash at the end
	o    Options
	http *http.Client
}

// New is a client. It connects to nothing yet.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q is no address of ringfence, such as https://ringfence.example.com", redacted(o.URL))
	}
	if o.TokenFile != "" {
		if o.Tokens != nil {
			return nil, fmt.Errorf("the token comes from %s or from a source, not from both", o.TokenFile)
		}
		o.Tokens = TokenFile(o.TokenFile)
	}
	if u.Scheme == "http" && o.Tokens != nil && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("%s would carry the token in the clear: use https", o.URL)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MostBytes == 0 {
		o.MostBytes = defaultMost
	}
	o.Retry = o.Retry.withDefaults()
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library's
	if transport.TLSClientConfig, err = TLSConfig(o.CAFile, o.CertFile, o.KeyFile); err != nil {
		return nil, err
	}
	return &Client{base: strings.TrimRight(o.URL, "/"), o: o, http: &http.Client{Transport: transport, CheckRedirect: stay}}, nil
}

// URL is the base of the APIs, without a slash at the end.
func (c *Client) URL() string { return c.base }

// stay follows no redirect: it could lead the token, the request or the certificate to somebody else.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// redacted is an address without what might be a password in it.
func redacted(address string) string {
	if scheme, rest, found := strings.Cut(address, "://"); found {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			return scheme + "://xxxxx" + rest[at:]
		}
	}
	return address
}
