package main

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
	"strings"
	"time"
)

const (
	defaultURL    = "http://127.0.0.1:8080"
	answerTimeout = 30 * time.Second // of everything but uploads, downloads and long polls
	maxAnswer     = 256 << 20        // of what is read into memory
	maxProblem    = 64 << 20         // an import may be answered with very many findings

	typeJSON       = "application/json"
	typeYAML       = "application/yaml"
	typeMergePatch = "application/merge-patch+json"
)

// client calls the APIs of a running service.
type client struct {
	base  string // without a slash at the end
	token string
	http  *http.Client
}

// newClient is a client of the service that the environment names.
func newClient(getenv func(string) string) (*client, error) {
	base := getenv("RINGFENCE_URL")
	if base == "" {
		base = defaultURL
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return nil, fmt.Errorf("RINGFENCE_URL is %q, which is no address such as %s", base, defaultURL)
	}
	token := getenv("RINGFENCE_TOKEN")
	if u.Scheme == "http" && token != "" && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("%s would carry the token in the clear: use https", base)
	}
	transport, err := secured(getenv)
	if err != nil {
		return nil, err
	}
	return &client{base: strings.TrimRight(base, "/"), token: token, http: &http.Client{Transport: transport}}, nil
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// secured speaks TLS with the authorities and the client certificate that the environment names, else with the system's authorities
// and none.
func secured(getenv func(string) string) (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library's
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if file := getenv("RINGFENCE_CA_FILE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("RINGFENCE_CA_FILE: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("RINGFENCE_CA_FILE: %s holds no certificate in PEM", file)
		}
	}
	if file := getenv("RINGFENCE_CERT_FILE"); file != "" {
		pair, err := tls.LoadX509KeyPair(file, getenv("RINGFENCE_KEY_FILE"))
		if err != nil {
			return nil, fmt.Errorf("RINGFENCE_CERT_FILE and RINGFENCE_KEY_FILE: %w", err)
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return transport, nil
}

// call is one request to the service.
type call struct {
	method      string
	path        string // escaped
	query       url.Values
	body        io.Reader
	contentType string
	accept      string // empty: JSON
	ifMatch     string
	breakGlass  string // why one person alone puts a policy in force, or applies a change
	reason      string // why, for the second person
}

// answer is a successful answer that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// get reads a resource into a wire type.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) (answer, error) {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query}, into)
}

// send posts a wire type, or JSON that is there already as a json.RawMessage, and reads the answer into another.
func (c *client) send(ctx context.Context, path string, body, into any) (answer, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return answer{}, fmt.Errorf("write the request: %w", err)
	}
	return c.do(ctx, call{method: http.MethodPost, path: path, body: bytes.NewReader(data), contentType: typeJSON}, into)
}

// do makes a call that is answered at once. into may be nil.
func (c *client) do(ctx context.Context, call call, into any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return c.doPatiently(ctx, call, into)
}

// doPatiently makes a call that may take as long as the context allows.
func (c *client) doPatiently(ctx context.Context, call call, into any) (answer, error) {
	resp, err := c.open(ctx, call)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{}, c.unanswered(ctx, err)
	}
	if len(body) > maxAnswer {
		return answer{}, &exitError{exitServer, fmt.Errorf("the answer to %s %s is larger than %d bytes", call.method, call.path, maxAnswer)}
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			return answer{}, &exitError{exitServer, fmt.Errorf("%s answers %s %s with something else than its API says: %w", c.base, call.method, call.path, err)}
		}
	}
	return answer{resp.StatusCode, resp.Header, body}, nil
}

// open makes a call and leaves the body of the answer to be read and closed. Whatever is no success is an error that
// ends the process with exitServer; an *apiError in it is what the server said.
func (c *client) open(ctx context.Context, call call) (*http.Response, error) {
	target := c.base + call.path
	if len(call.query) > 0 {
		target += "?" + call.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.method, target, call.body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Accept", typeJSON)
	if call.accept != "" {
		req.Header.Set("Accept", call.accept)
	}
	if call.contentType != "" {
		req.Header.Set("Content-Type", call.contentType)
	}
	if call.ifMatch != "" {
		req.Header.Set("If-Match", call.ifMatch)
	}
	if call.breakGlass != "" {
		req.Header.Set("Ringfence-Break-Glass", call.breakGlass)
	}
	if call.reason != "" {
		req.Header.Set("Ringfence-Change-Reason", call.reason)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("User-Agent", "ringfence-cli/"+version())
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
		return nil, &exitError{exitServer, newAPIError(resp, body)}
	}
	return resp, nil
}

// unanswered says that no answer came, or not all of one.
func (c *client) unanswered(ctx context.Context, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("interrupted: %w", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("none came within %s: %w", answerTimeout, err)
	default:
		err = fmt.Errorf("%w; is `ringfence serve` running there? RINGFENCE_URL names another address", err)
	}
	return &exitError{exitServer, fmt.Errorf("no answer from %s: %w", c.base, err)}
}

// listed is an entry of a list: as it came, and as a wire type.
type listed[T any] struct {
	raw   json.RawMessage
	value T
}

// list reads a list page by page; most is how many entries are wanted, 0 all. more says that there are others.
func list[T any](ctx context.Context, c *client, path string, query url.Values, most int) (entries []listed[T], more bool, err error) {
	page := url.Values{}
	maps.Copy(page, query)
	for {
		var raws []json.RawMessage
		got, err := c.get(ctx, path, page, &raws)
		if err != nil {
			return nil, false, err
		}
		for _, raw := range raws {
			if most > 0 && len(entries) == most {
				return entries, true, nil
			}
			e := listed[T]{raw: raw}
			if err := json.Unmarshal(raw, &e.value); err != nil {
				return nil, false, &exitError{exitServer, fmt.Errorf("%s answers GET %s with something else than its API says: %w", c.base, path, err)}
			}
			entries = append(entries, e)
		}
		marker := nextMarker(got.header)
		if marker == "" || marker == page.Get("nextpage_opaque_marker") {
			return entries, false, nil
		}
		page.Set("nextpage_opaque_marker", marker)
	}
}

// nextMarker is where the next page starts; empty on the last. Only the marker of the link is used: the address that
// the service has for itself need not be the one that leads to it from here.
func nextMarker(h http.Header) string {
	for _, link := range h.Values("Link") {
		target, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(rest, `rel="next"`) {
			continue
		}
		if u, err := url.Parse(target); err == nil {
			return u.Query().Get("nextpage_opaque_marker")
		}
	}
	return ""
}

// filter is an expression of SOL013's filter grammar: attributes that must equal a value. Empty values are left out.
func filter(pairs ...string) url.Values {
	var terms []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			terms = append(terms, "(eq,"+pairs[i]+","+filterValue(pairs[i+1])+")")
		}
	}
	if len(terms) == 0 {
		return nil
	}
	return url.Values{"filter": {strings.Join(terms, ";")}}
}

// filterValue quotes a value that holds what means something in the grammar; a quote is doubled.
func filterValue(v string) string {
	if !strings.ContainsAny(v, "',)") {
		return v
	}
	return "'" + strings.ReplaceAll(v, "'", "''") + "'"
}
