package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ringfence/api/grant"
)

// Problem is an answer that is no success. Its members are those of the problem document; what the document lacks is empty, and an
// answer that is no such document has the beginning of its body as Detail.
type Problem struct {
	grant.GrantRefusal

	// RetryAfter is how long the service asks to be left alone; 0: it does not say.
	RetryAfter time.Duration
	// Location is where an answer leads that is a redirect (3xx). It was not followed.
	Location string
	// Document is the problem document as it came; nil when the answer was none.
	Document json.RawMessage

	body []byte
}

// Error is the status and the detail.
func (p *Problem) Error() string {
	return fmt.Sprintf("ringfence answers %d: %s", p.Status, strings.Map(visible, p.Detail))
}

// Refused tells whether the problem is a decision: a grant that was asked for in due form and refused.
func (p *Problem) Refused() bool {
	return p.Status == http.StatusForbidden && (p.DecisionID != "" || len(p.Violations) > 0)
}

// UnansweredError says that no answer came, or not all of one. Whether the call had an effect is not known.
type UnansweredError struct {
	Method, Path string
	Err          error
}

// Error names the call and why it failed.
func (e *UnansweredError) Error() string {
	return fmt.Sprintf("no answer to %s %s: %v", e.Method, e.Path, e.Err)
}

// Unwrap is why the call failed.
func (e *UnansweredError) Unwrap() error { return e.Err }

// problemIn is the answer that an error is; nil when it is none.
func problemIn(err error) *Problem {
	problem, _ := errors.AsType[*Problem](err)
	return problem
}

// HasStatus tells whether an error is an answer with that status.
func HasStatus(err error, status int) bool {
	problem := problemIn(err)
	return problem != nil && problem.Status == status
}

func newProblem(response *http.Response, body []byte) *Problem {
	p := &Problem{RetryAfter: retryAfter(response.Header, time.Now()), Location: response.Header.Get("Location"), body: body}
	if err := json.Unmarshal(body, &p.GrantRefusal); err == nil && p.Detail != "" {
		p.Document = body
	} else {
		p.GrantRefusal = grant.GrantRefusal{Title: http.StatusText(response.StatusCode), Detail: firstLine(string(body))}
	}
	p.Status = response.StatusCode
	if response.StatusCode/100 == 3 && p.Document == nil {
		p.Detail = "the answer leads to another address, which is not followed: use the address that answers itself"
	}
	return p
}

// retryAfter is the header, in seconds or as a date; 0 when there is none.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		const most = 365 * 24 * 3600
		return time.Duration(min(max(seconds, 0), most)) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// firstLine is the beginning of what something that is no ringfence answered.
func firstLine(body string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(body), "\n")
	const most = 200
	if r := []rune(line); len(r) > most {
		line = string(r[:most]) + "..."
	}
	if line == "" {
		return "the answer has no body"
	}
	return line
}

// visible replaces what would steer a terminal or a log.
func visible(r rune) rune {
	if strconv.IsPrint(r) {
		return r
	}
	return ' '
}
