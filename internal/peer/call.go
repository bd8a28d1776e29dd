package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// The limits of one call.
const (
	dialTimeout   = 2 * time.Second
	callTimeout   = 5 * time.Second
	maxAnswer     = 1 << 20
	maxHeaders    = 16 << 10
	maxRetryAfter = time.Hour
	userAgent     = "ringfence"
)

// Guard decides where this service may be led by what callers of its APIs say.
type Guard interface {
	// Check tells whether a URI has the form of an address that may be called; what names it in the error.
	Check(what, uri string) error
	// DialContext connects to where a client's callbacks may go, and to nowhere else.
	DialContext(clientID string) func(ctx context.Context, network, address string) (net.Conn, error)
}

// Peer is whom to call.
type Peer struct {
	APIRoot     string
	Credentials string // their name; empty: none are shown
	// ClientID is the client whose addresses the peer must be at. It is not asked for of what the operator's settings name (Trusted).
	ClientID string
	Trusted  bool
	// Timeout is how long a call may take; 0: 5 s.
	Timeout time.Duration
}

// Request is one call.
type Request struct {
	Method  string
	Path    string // below the API root
	Query   url.Values
	Version string // of the API
	Body    any    // sent as JSON; nil: none
}

// Answer is what came back.
type Answer struct {
	Status   int
	Location string
	Body     []byte
	// RetryAfter is how long the peer wants to be left alone; 0: it did not say.
	RetryAfter time.Duration
}

// Caller calls peers. It is safe for concurrent use.
type Caller struct {
	book  *Book
	guard Guard

	mu      sync.Mutex
	clients map[connections]*http.Client
	tokens  map[string]token // by the name of credentials
}

// connections are those to the peers of one client, on which credentials are shown.
type connections struct {
	clientID, credentials string
	trusted               bool
}

// NewCaller returns a caller.
func NewCaller(book *Book, guard Guard) *Caller {
	return &Caller{book: book, guard: guard, clients: map[connections]*http.Client{}, tokens: map[string]token{}}
}

// Credentials returns those of a peer, if it may be called as the operator's files are now; the error says what is wrong.
func (c *Caller) Credentials(p *Peer) (*Credentials, error) {
	if !p.Trusted {
		if err := c.guard.Check("apiRoot", p.APIRoot); err != nil {
			return nil, err
		}
	}
	return c.book.For(p.Credentials, p.APIRoot)
}

// Call calls a peer. A token that is not accepted is asked for anew, once. The errors may be shown to the operator: they say
// nothing of what is in credentials and answers. An answer of any status is no error.
func (c *Caller) Call(ctx context.Context, p *Peer, r Request) (Answer, error) {
	cred, err := c.Credentials(p)
	if err != nil {
		return Answer{}, err
	}
	timeout := p.Timeout
	if timeout == 0 {
		timeout = callTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := c.send(ctx, p, cred, r)
	if err == nil && answer.Status == http.StatusUnauthorized && cred.OAuth2 != nil {
		c.dropToken(cred.Name)
		answer, err = c.send(ctx, p, cred, r)
	}
	switch {
	case err == nil, errors.Is(err, errNoToken):
		return answer, err
	case errors.As(err, new(forbidden)):
		return answer, errors.New("the operator does not allow calls to the address that the host resolves to: see callbacks in the file of clients")
	case errors.Is(err, context.DeadlineExceeded):
		return answer, fmt.Errorf("no answer within %s", timeout)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return answer, errors.New("the certificate that it shows is not trusted")
	}
	return answer, errors.New("it cannot be reached")
}

// forbidden is what a guard's dial to a forbidden address returns.
type forbidden interface {
	error
	Forbidden()
}

func (c *Caller) send(ctx context.Context, p *Peer, cred *Credentials, r Request) (Answer, error) {
	body, err := bodyOf(r.Body)
	if err != nil {
		return Answer{}, err
	}
	at := p.APIRoot + r.Path
	if len(r.Query) > 0 {
		at += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, at, body)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Version", r.Version)
	req.Header.Set("User-Agent", userAgent)
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if cred.OAuth2 != nil {
		value, err := c.token(ctx, c.client(connections{credentials: cred.Name, trusted: true}, cred), cred)
		if err != nil {
			return Answer{}, err
		}
		req.Header.Set("Authorization", "Bearer "+value)
	}
	resp, err := c.client(connections{p.ClientID, cred.Name, p.Trusted}, cred).Do(req) // #nosec G704 -- where this goes is judged when it is dialled
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	return read(resp)
}

func bodyOf(v any) (io.Reader, error) {
	if v == nil {
		return http.NoBody, nil
	}
	data, err := json.Marshal(v)
	return bytes.NewReader(data), err
}

func read(resp *http.Response) (Answer, error) {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return Answer{}, err
	}
	if len(data) > maxAnswer {
		return Answer{}, fmt.Errorf("an answer is longer than %d bytes", maxAnswer)
	}
	return Answer{Status: resp.StatusCode, Location: resp.Header.Get("Location"), Body: data, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}, nil
}

// retryAfter reads the header of that name: seconds, or a time (RFC 9110).
func retryAfter(v string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// client returns the connections to peers of a client, on which the credentials' certificate is shown.
func (c *Caller) client(to connections, cred *Credentials) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clients[to] == nil {
		dial := (&net.Dialer{Timeout: dialTimeout}).DialContext
		if !to.trusted {
			dial = c.guard.DialContext(to.clientID)
		}
		config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cred.roots}
		if cred.CertFile != "" {
			config.GetClientCertificate = cred.certificate
		}
		c.clients[to] = &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext: dial, TLSHandshakeTimeout: dialTimeout, TLSClientConfig: config, MaxResponseHeaderBytes: maxHeaders,
				DisableCompression: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true, // no Proxy, as for callbacks
			},
		}
	}
	return c.clients[to]
}

// certificate reads the certificate for each connection, so that it can be renewed while the service runs.
func (c *Credentials) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	return &cert, err
}
