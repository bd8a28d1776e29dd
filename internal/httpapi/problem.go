package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"ringfence/api/common"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// problemType is the media type of problem documents, without parameters: VNFMs compare it as a string.
const problemType = "application/problem+json"

// problem is a problem document (SOL013 ProblemDetails, RFC 7807) with its extension members. It is also the
// error that a handler returns when the kind of a placement.Error is not enough.
type problem struct {
	Type          string            `json:"type,omitempty"`
	Title         string            `json:"title,omitempty"`
	Status        int               `json:"status"`
	Detail        string            `json:"detail"`
	Instance      string            `json:"instance,omitempty"`
	InvalidParams []invalidParam    `json:"invalidParams,omitempty"`
	Findings      []common.Finding  `json:"findings,omitempty"`
	DecisionID    string            `json:"decisionId,omitempty"`
	Violations    []violation       `json:"violations,omitempty"`
	Conflict      *conflict         `json:"conflict,omitempty"`
	headers       map[string]string // beside Content-Type
}

type invalidParam struct {
	Pointer string `json:"pointer"`
	Reason  string `json:"reason"`
}

type violation struct {
	RuleID                string   `json:"ruleId"`
	ResourceDefinitionIDs []string `json:"resourceDefinitionIds"`
	HostCount             int      `json:"hostCount"`
	Message               string   `json:"message"`
	NeededIsolation       string   `json:"neededIsolation,omitempty"`
}

type conflict struct {
	Members []string `json:"members"`
	Message string   `json:"message"`
}

// Error returns the detail.
func (p *problem) Error() string { return p.Detail }

// withHeader adds a header to the answer.
func (p *problem) withHeader(name, value string) *problem {
	if p.headers == nil {
		p.headers = map[string]string{}
	}
	p.headers[name] = value
	return p
}

// newProblem makes a problem with the standard title of its status.
func newProblem(status int, detail string) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// retryAfter is how long a client should wait after 503, in seconds.
const retryAfter = 1

// statusOf maps the kinds of error.
func statusOf(k placement.Kind) int {
	switch k {
	case placement.Invalid:
		return http.StatusUnprocessableEntity
	case placement.NotFound:
		return http.StatusNotFound
	case placement.Conflict:
		return http.StatusConflict
	case placement.PreconditionFailed:
		return http.StatusPreconditionFailed
	case placement.Forbidden:
		return http.StatusForbidden
	case placement.Unavailable:
		return http.StatusServiceUnavailable
	case placement.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// problemOf turns any error into a problem document. What is not one of ours tells nothing of its inside.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var e *placement.Error
	var fault *sol013.Fault
	switch {
	case errors.As(err, &fault):
		p = faulty(http.StatusBadRequest, []invalidParam{{Pointer: fault.Parameter, Reason: fault.Reason}})
		p.Detail = fault.Error()
	case errors.As(err, &e) && e.Kind != placement.Internal:
		p = newProblem(statusOf(e.Kind), e.Message)
		for i := range e.Findings {
			p.Findings = append(p.Findings, findingToWire(&e.Findings[i]))
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		p = newProblem(http.StatusServiceUnavailable, "the request took too long; retry")
	default:
		p = newProblem(http.StatusInternalServerError, "an internal error occurred; the log has it under the id in instance")
	}
	if p.Status == http.StatusServiceUnavailable {
		p = p.withHeader("Retry-After", strconv.Itoa(retryAfter))
	}
	return p
}

func findingToWire(f *placement.Finding) common.Finding {
	out := common.Finding{
		Severity: common.FindingSeverity(f.Severity), Code: f.Code, RuleIDs: f.RuleIDs, Pointer: f.Pointer, Line: f.Line, Column: f.Column, Message: f.Message,
		Rules: mapped(f.Rules, func(r *placement.RulePlace) common.RulePlace {
			return common.RulePlace{PolicyID: r.PolicyID, RuleID: r.RuleID, Line: r.Line, Column: r.Column}
		}),
	}
	if w := f.Witness; w != nil {
		out.Witness = common.FindingWitness{
			TrustDomainID: w.TrustDomainID, NFType: w.NFType, ComponentID: w.ComponentID, Roles: w.Roles.Names(), Labels: w.Labels,
		}
	}
	return out
}

// writeProblem is the one place where errors are answered.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := *problemOf(err)
	if placement.KindOf(err) == placement.Forbidden {
		caller := auth.FromContext(r.Context())
		s.unauthorized(r, &caller, errNotAllowed)
	}
	id := requestID(r.Context())
	if p.Instance == "" && id != "" {
		p.Instance = "urn:uuid:" + id
	}
	if p.DecisionID == "" { // a decision has a line of its own
		level := slog.LevelInfo
		switch {
		case p.Status == http.StatusServiceUnavailable:
			level = slog.LevelWarn
		case p.Status >= http.StatusInternalServerError:
			level = slog.LevelError
		}
		s.log.LogAttrs(r.Context(), level, "request not fulfilled", slog.String("requestId", id), slog.Int("status", p.Status),
			slog.String("method", r.Method), slog.String("path", printable(r.URL.Path)), slog.String("error", err.Error()))
	}
	for k, v := range p.headers {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(&p); err != nil {
		s.log.DebugContext(r.Context(), "problem not delivered", "error", err.Error())
	}
}
