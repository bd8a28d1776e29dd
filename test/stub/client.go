package stub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

// The media types that the APIs of ringfence take.
const (
	TypeJSON       = "application/json"
	TypeYAML       = "application/yaml"
	TypeMergePatch = "application/merge-patch+json"
	typeProblem    = "application/problem+json"
)

// Client calls ringfence as one of its clients. The zero value of all but URL is useful; copies share nothing but HTTP.
type Client struct {
	// URL is the base of the APIs, without a slash at the end.
	URL string
	// Token is the bearer token; empty: none is sent.
	Token string
	// HTTP sends the requests; nil: http.DefaultClient.
	HTTP *http.Client
}

// Answer is an HTTP answer, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Problem is an answer that is no success (SOL013, ProblemDetails), with the members that ringfence adds.
type Problem struct {
	Status        int            `json:"status"`
	Title         string         `json:"title"`
	Detail        string         `json:"detail"`
	Instance      string         `json:"instance"`
	InvalidParams []InvalidParam `json:"invalidParams"`
	Findings      []Finding      `json:"findings"`
	DecisionID    string         `json:"decisionId"`
	Violations    []Violation    `json:"violations"`
	Conflict      *Conflict      `json:"conflict"`

	// Header are the headers of the answer.
	Header http.Header `json:"-"`
}

// InvalidParam is one place where a request breaks its schema.
type InvalidParam struct{ Pointer, Reason string }

// Finding is one fault of a document.
type Finding struct {
	Severity, Code, Pointer, Message string
	Line, Column                     int
}

// Violation is one rule that stood against resources of a grant request.
type Violation struct {
	RuleID                string   `json:"ruleId"`
	ResourceDefinitionIDs []string `json:"resourceDefinitionIds"`
	HostCount             int      `json:"hostCount"`
	Message               string   `json:"message"`
	NeededIsolation       string   `json:"neededIsolation"`
}

// Conflict is a set of rules and constraints that cannot hold together.
type Conflict struct {
	Members []string `json:"members"`
	Message string   `json:"message"`
}

// Error is the status and the detail.
func (p *Problem) Error() string { return fmt.Sprintf("%d: %s", p.Status, p.Detail) }

// Refused says that the problem is a refused grant, and not a client that may not ask.
func (p *Problem) Refused() bool { return p.Status == http.StatusForbidden && p.DecisionID != "" }

// Send makes one request and reads the answer, whatever its status. An error means that there was none.
func (c Client) Send(ctx context.Context, method, path string, header http.Header, body []byte) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	maps.Copy(request.Header, header)
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	content, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return Answer{}, err
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: content}, nil
}

// Do sends a value as JSON, with PATCH as a merge patch, and reads the answer into another; both may be nil. An answer that
// is no success is a *Problem.
func (c Client) Do(ctx context.Context, method, path string, in, out any) (Answer, error) {
	header := http.Header{"Accept": {TypeJSON}}
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return Answer{}, err
		}
		header.Set("Content-Type", TypeJSON)
		if method == http.MethodPatch {
			header.Set("Content-Type", TypeMergePatch)
		}
	}
	answer, err := c.Send(ctx, method, path, header, body)
	if err != nil {
		return Answer{}, err
	}
	return answer, answer.Decode(out)
}

// Decode reads the body of a success into out, which may be nil. Anything else is a *Problem.
func (a Answer) Decode(out any) error {
	if a.Status/100 != 2 {
		return a.problem()
	}
	if out == nil {
		return nil
	}
	if kind := a.Header.Get("Content-Type"); kind != TypeJSON {
		return fmt.Errorf("the answer is %q, not %s", kind, TypeJSON)
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	return nil
}

// problem reads a problem document as strictly as the strictest VNFM does: the media type without parameters, the status
// repeated, and a detail.
func (a Answer) problem() error {
	if kind := a.Header.Get("Content-Type"); kind != typeProblem {
		return fmt.Errorf("answer %d is %q, not %s: %s", a.Status, kind, typeProblem, a.Body)
	}
	p := &Problem{Header: a.Header}
	if err := json.Unmarshal(a.Body, p); err != nil {
		return fmt.Errorf("answer %d is no problem document: %w", a.Status, err)
	}
	if p.Status != a.Status || strings.TrimSpace(p.Detail) == "" {
		return fmt.Errorf("answer %d has a problem document with status %d and detail %q", a.Status, p.Status, p.Detail)
	}
	return p
}
