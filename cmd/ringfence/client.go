package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	remote "ringfence/api/client"
)

const (
	defaultURL    = "http://127.0.0.1:8080"
	answerTimeout = 30 * time.Second // of everything but uploads, downloads and long polls
	maxAnswer     = 256 << 20        // of what is read into memory

	typeJSON       = remote.TypeJSON
	typeYAML       = remote.TypeYAML
	typeMergePatch = remote.TypeMergePatch
)

// client calls the APIs of a running service, and says what went wrong to a person.
type client struct {
	base   string // without a slash at the end
	remote *remote.Client
}

// call is one request to the service.
type call = remote.Request

// newClient is a client of the service that the environment names. What may be sent again is, but not for long: somebody waits.
func newClient(getenv func(string) string) (*client, error) {
	o := remote.Options{
		URL: getenv("RINGFENCE_URL"), CAFile: getenv("RINGFENCE_CA_FILE"), CertFile: getenv("RINGFENCE_CERT_FILE"), KeyFile: getenv("RINGFENCE_KEY_FILE"),
		UserAgent: "ringfence-cli/" + version(), Timeout: answerTimeout, MostBytes: maxAnswer,
		Retry: remote.Retry{Attempts: 3, Longest: 5 * time.Second},
	}
	if o.URL == "" {
		o.URL = defaultURL
	}
	if token := getenv("RINGFENCE_TOKEN"); token != "" {
		o.Tokens = remote.StaticToken(token)
	}
	c, err := remote.New(o)
	if err != nil {
		return nil, fmt.Errorf("%w; RINGFENCE_URL, RINGFENCE_CA_FILE, RINGFENCE_CERT_FILE and RINGFENCE_KEY_FILE say where ringfence is and how to reach it", err)
	}
	return &client{base: c.URL(), remote: c}, nil
}

// get reads a resource into a wire type.
func (c *client) get(ctx context.Context, path string, query url.Values, into any) (remote.Response, error) {
	return c.do(ctx, call{Path: path, Query: query}, into)
}

// send posts a wire type, or JSON that is there already as a json.RawMessage, and reads the answer into another.
func (c *client) send(ctx context.Context, path string, body, into any) (remote.Response, error) {
	return c.do(ctx, call{Method: http.MethodPost, Path: path, JSON: body}, into)
}

// do makes a call. into may be nil.
func (c *client) do(ctx context.Context, request call, into any) (remote.Response, error) {
	got, err := c.remote.Do(ctx, request, into)
	if err != nil {
		return remote.Response{}, c.explained(ctx, err)
	}
	return *got, nil
}

// ask asks for a grant, and waits for it where the service decides later.
func (c *client) ask(ctx context.Context, request json.RawMessage, into any) (remote.Response, error) {
	body, err := json.Marshal(request) // without the spaces that people write
	if err != nil {
		return remote.Response{}, fmt.Errorf("write the request: %w", err)
	}
	got, err := c.remote.SendGrantRequest(ctx, body)
	if err != nil {
		return remote.Response{}, c.explained(ctx, err)
	}
	if err := json.Unmarshal(got.Body, into); err != nil {
		return remote.Response{}, &exitError{exitServer, fmt.Errorf("%s answers with a grant that is not what its API says: %w", c.base, err)}
	}
	return *got, nil
}

// open makes a call and leaves the body of the answer to be read and closed.
func (c *client) open(ctx context.Context, request call) (*http.Response, error) {
	response, err := c.remote.Open(ctx, request)
	if err != nil {
		return nil, c.explained(ctx, err)
	}
	return response, nil
}

// explained is an error for a person; it ends the process with exitServer. An *apiError in it is what the server said.
func (c *client) explained(ctx context.Context, err error) error {
	if problem, is := errors.AsType[*remote.Problem](err); is {
		return &exitError{exitServer, &apiError{problem}}
	}
	unanswered, is := errors.AsType[*remote.UnansweredError](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("interrupted: %w", context.Canceled)
	case is && errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("none came within %s: %w", answerTimeout, unanswered.Err)
	case is:
		err = fmt.Errorf("%w; is `ringfence serve` running there? RINGFENCE_URL names another address", unanswered.Err)
	default:
		return &exitError{exitServer, fmt.Errorf("%s: %w", c.base, err)}
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
	for raw, err := range remote.List[json.RawMessage](ctx, c.remote, path, query) {
		if err != nil {
			return nil, false, c.explained(ctx, err)
		}
		if most > 0 && len(entries) == most {
			return entries, true, nil
		}
		e := listed[T]{raw: raw}
		if err := json.Unmarshal(raw, &e.value); err != nil {
			return nil, false, &exitError{exitServer, fmt.Errorf("%s answers GET %s with something else than its API says: %w", c.base, path, err)}
		}
		entries = append(entries, e)
	}
	return entries, false, nil
}
