package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Request is one call. At most one of JSON, Content and Stream is set.
type Request struct {
	// Method is that of HTTP; empty: GET.
	Method string
	// Path is the escaped path below the base, beginning with a slash.
	Path string
	// Query is added to the path.
	Query url.Values
	// Header holds further headers.
	Header http.Header

	// JSON is written as JSON, and with PATCH as a merge patch.
	JSON any
	// Content is sent as it is.
	Content []byte
	// Stream is sent as it comes, and therefore never twice.
	Stream io.Reader
	// ContentType is that of Content or Stream.
	ContentType string
	// Accept is the media type to be answered with; empty: JSON.
	Accept string

	// Idempotent says that a POST or PATCH may be sent twice.
	Idempotent bool
	// Wait is how long the service is asked to wait before it answers.
	Wait time.Duration
	// Patient says that an attempt may take as long as the context allows.
	Patient bool
}

// Response is a success, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// ETag is the version of what was read or written, for If-Match.
func (r *Response) ETag() string { return r.Header.Get("ETag") }

// PendingChangeID is the change that a write became because a second person must approve it (202); empty: it holds already.
func (r *Response) PendingChangeID() string {
	if r.Status != http.StatusAccepted {
		return ""
	}
	return lastSegment(r.Header.Get("Location"))
}

// Do makes a call and reads the answer into a value, which may be nil. An answer that is not yet what was asked for (202), or without
// content (204), leaves it as it is.
func (c *Client) Do(ctx context.Context, r Request, into any) (*Response, error) {
	var answer *Response
	err := c.repeat(ctx, r, func(body io.Reader) error {
		var err error
		answer, err = c.read(ctx, r, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	if into == nil || answer.Status == http.StatusAccepted || answer.Status == http.StatusNoContent {
		return answer, nil
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return nil, fmt.Errorf("the answer to %s %s is not what the API says: %w", r.method(), r.Path, err)
	}
	return answer, nil
}

// Open makes a call and leaves the body of its success to be read and closed by the caller, who may take as long as the context
// allows. Size and end of what is read are the caller's to check.
func (c *Client) Open(ctx context.Context, r Request) (*http.Response, error) {
	var response *http.Response
	err := c.repeat(ctx, r, func(body io.Reader) error {
		var err error
		response, err = c.open(ctx, r, body) //nolint:bodyclose // the caller closes it
		return err
	})
	return response, err
}

// read is one attempt of Do.
func (c *Client) read(ctx context.Context, r Request, body io.Reader) (*Response, error) {
	if !r.Patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.o.Timeout+r.Wait)
		defer cancel()
	}
	response, err := c.open(ctx, r, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, c.o.MostBytes+1))
	if err != nil {
		return nil, r.unanswered(err)
	}
	if int64(len(content)) > c.o.MostBytes {
		return nil, fmt.Errorf("the answer to %s %s is larger than %d bytes", r.method(), r.Path, c.o.MostBytes)
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: content}, nil
}

// open is one attempt. The body of what it returns without an error is open; any answer but a success is a *Problem.
func (c *Client) open(ctx context.Context, r Request, body io.Reader) (*http.Response, error) {
	request, err := c.request(ctx, r, body)
	if err != nil {
		return nil, err
	}
	token, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, r.unanswered(err)
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	if source, can := c.o.Tokens.(forgetter); can && response.StatusCode == http.StatusUnauthorized {
		source.forget(token)
	}
	content, _ := io.ReadAll(io.LimitReader(response.Body, c.o.MostBytes)) // half a document is none, and the status says enough
	return nil, newProblem(response, content)
}

func (c *Client) request(ctx context.Context, r Request, body io.Reader) (*http.Request, error) {
	if clean := path.Clean(r.Path); r.Path != "" && strings.TrimSuffix(r.Path, "/") != strings.TrimSuffix(clean, "/") || strings.ContainsAny(r.Path, "?#") {
		return nil, fmt.Errorf("%q is no path of an API: an id in it is empty, \".\" or \"..\", or is not escaped", r.Path)
	}
	target := c.base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.method(), target, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	maps.Copy(request.Header, r.Header)
	request.Header.Set("Accept", TypeJSON)
	if r.Accept != "" {
		request.Header.Set("Accept", r.Accept)
	}
	if contentType := r.contentType(); contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if c.o.UserAgent != "" {
		request.Header.Set("User-Agent", c.o.UserAgent)
	}
	return request, nil
}

func (r Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

func (r Request) contentType() string {
	switch {
	case r.JSON == nil || r.ContentType != "":
		return r.ContentType
	case r.Method == http.MethodPatch:
		return TypeMergePatch
	}
	return TypeJSON
}

// bodies makes the body of each attempt.
func (r Request) bodies() (func() io.Reader, error) {
	content := r.Content
	switch {
	case r.Stream != nil:
		return func() io.Reader { return r.Stream }, nil
	case r.JSON != nil:
		var err error
		if content, err = json.Marshal(r.JSON); err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
	case content == nil:
		return func() io.Reader { return nil }, nil
	}
	return func() io.Reader { return bytes.NewReader(content) }, nil
}

func (r Request) unanswered(err error) error {
	if u, is := errors.AsType[*url.Error](err); is {
		err = u.Err
	}
	return &UnansweredError{Method: r.method(), Path: r.Path, Err: err}
}

// escaped joins ids to a path.
func escaped(prefix string, ids ...string) string {
	for _, id := range ids {
		prefix += "/" + url.PathEscape(id)
	}
	return prefix
}

// lastSegment is the id at the end of an address; empty when there is none.
func lastSegment(address string) string {
	u, err := url.Parse(address)
	if err != nil || !strings.Contains(u.Path, "/") {
		return ""
	}
	return u.Path[strings.LastIndex(u.Path, "/")+1:]
}
