// Package client calls ringfence's own APIs for the parts of it that run elsewhere: the agent of a host, the enforcement in a
// cluster. It authenticates, waits out what passes, turns problem documents into errors, and verifies what the directives'
// feed delivers.
//
// It must not interpret what it carries: which directive means what is its callers' business.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	answerTimeout = 30 * time.Second // of a call that does not wait for something to happen
	maxAnswer     = 64 << 20
	attempts      = 5
	firstPause    = 200 * time.Millisecond
	longestPause  = 30 * time.Second
)

// Options say where ringfence is and how to authenticate. All but URL may be empty. Files are read again for each call or
// connection, so that they can be exchanged under a running process.
type Options struct {
	// URL is the base of the APIs. Plain HTTP carries no token beyond the loopback address.
	URL string
	// TokenFile holds the bearer token.
	TokenFile string
	// CAFile holds the certificates (PEM) that vouch for ringfence; empty: those of the system.
	CAFile string
	// CertFile and KeyFile are the client's certificate (PEM) for mutual TLS.
	CertFile, KeyFile string
	// UserAgent names the program that calls.
	UserAgent string
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
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%q is no address of ringfence, such as https://ringfence.example.com", o.URL)
	}
	if u.Scheme == "http" && o.TokenFile != "" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("%s would carry the token in the clear: use https", o.URL)
	}
	config, err := o.tls()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library's
	transport.TLSClientConfig = config
	return &Client{base: strings.TrimRight(o.URL, "/"), o: o, http: &http.Client{Transport: transport}}, nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (o Options) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("certificates of ringfence: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", o.CAFile)
		}
	}
	if o.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
			return &pair, err
		}
		if _, err := load(); err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return config, nil
}

// Problem is an answer that is no success (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`

	retryAfter time.Duration
}

// Error is the status and the detail.
func (p *Problem) Error() string { return fmt.Sprintf("ringfence answers %d: %s", p.Status, p.Detail) }

// HasStatus tells whether an error is an answer with that status.
func HasStatus(err error, status int) bool {
	problem, is := errors.AsType[*Problem](err)
	return is && problem.Status == status
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any // JSON; nil: none
	timeout      time.Duration
}

// do makes a call and reads the answer into a value, which may be nil. What passes is waited out for a few attempts, as
// long as the server asks: every call of this package may be repeated without harm.
func (c *Client) do(ctx context.Context, call call, into any) (http.Header, error) {
	var body []byte
	if call.body != nil {
		var err error
		if body, err = json.Marshal(call.body); err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		header, err := c.once(ctx, call, body, into)
		wait, passing := passes(err, pause)
		if !passing || attempt == attempts || !sleep(ctx, wait) {
			return header, err
		}
		pause = min(2*pause, longestPause)
	}
}

// passes tells whether an error may go away by itself, and after how long to try again.
func passes(err error, pause time.Duration) (time.Duration, bool) {
	if err == nil || errors.Is(err, context.Canceled) {
		return 0, false
	}
	if problem, is := errors.AsType[*Problem](err); is {
		wait := min(max(pause, problem.retryAfter), longestPause)
		return wait, problem.Status == http.StatusServiceUnavailable || problem.Status == http.StatusTooManyRequests
	}
	_, network := errors.AsType[*url.Error](err)
	return pause, network
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) once(ctx context.Context, call call, body []byte, into any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, call.timeout+answerTimeout)
	defer cancel()
	request, err := c.request(ctx, call, body)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &url.Error{Op: call.method, URL: call.path, Err: err}
	case len(content) > maxAnswer:
		return nil, fmt.Errorf("the answer to %s %s is larger than %d bytes", call.method, call.path, maxAnswer)
	case response.StatusCode/100 != 2:
		return response.Header, newProblem(response, content)
	case into == nil:
		return response.Header, nil
	}
	if err := json.Unmarshal(content, into); err != nil {
		return nil, fmt.Errorf("the answer to %s %s is not what the API says: %w", call.method, call.path, err)
	}
	return response.Header, nil
}

func (c *Client) request(ctx context.Context, call call, body []byte) (*http.Request, error) {
	target := c.base + call.path
	if len(call.query) > 0 {
		target += "?" + call.query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, call.method, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	maps.Copy(request.Header, call.header)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.o.UserAgent)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.o.TokenFile != "" {
		token, err := os.ReadFile(c.o.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	return request, nil
}

func newProblem(response *http.Response, content []byte) *Problem {
	p := &Problem{}
	if err := json.Unmarshal(content, p); err != nil || p.Detail == "" {
		p.Detail = http.StatusText(response.StatusCode)
	}
	p.Status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.retryAfter = time.Duration(seconds) * time.Second
	}
	return p
}
