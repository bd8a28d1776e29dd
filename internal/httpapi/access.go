package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

// challenge is the WWW-Authenticate header of RFC 6750.
func challenge(pairs ...string) string {
	var b strings.Builder
	b.WriteString(`Bearer realm="ringfence"`)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, `, %s="%s"`, pairs[i], strings.NewReplacer(`"`, "'", `\`, "/").Replace(printable(pairs[i+1])))
	}
	return b.String()
}

// authenticate finds out who calls.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := s.Auth.Authenticate(r)
		if err != nil {
			s.unauthenticated(r, err)
			s.writeProblem(w, r, unauthenticated(err))
			return
		}
		next.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), p)))
	})
}

// unauthenticated is the answer to a caller who is not known. What is wrong with a token is told only to who holds one that was issued.
func unauthenticated(err error) error {
	switch {
	case errors.Is(err, auth.ErrMissing):
		return newProblem(http.StatusUnauthorized, "send a bearer token in the Authorization header").withHeader("WWW-Authenticate", challenge())
	case errors.Is(err, auth.ErrMalformed):
		return newProblem(http.StatusBadRequest, auth.ErrMalformed.Error()).withHeader("WWW-Authenticate", challenge("error", "invalid_request"))
	case errors.Is(err, auth.ErrUnavailable):
		return placement.Wrap(placement.Unavailable, err, "who calls cannot be found out now: the authorization server does not answer")
	}
	detail, pairs := "the bearer token is not valid", []string{"error", "invalid_token"}
	if reason, ok := errors.AsType[*auth.InvalidError](err); ok && reason.Tell {
		detail += ": " + reason.Reason
		pairs = append(pairs, "error_description", reason.Reason)
	}
	return newProblem(http.StatusUnauthorized, detail).withHeader("WWW-Authenticate", challenge(pairs...))
}

// authorize lets only callers with a role of the operation through.
func (s *Server) authorize(c *contract) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			op := c.operation(r)
			if op == nil {
				s.writeProblem(w, r, fmt.Errorf("route %s %s is not in the contract", r.Method, pathPattern(r)))
				return
			}
			allowed, known := s.roles[op.OperationID]
			p := auth.FromContext(r.Context())
			if !known || len(allowed) > 0 && !p.Has(allowed...) {
				s.unauthorized(r, &p, errNoRole)
				s.writeProblem(w, r, forbidden(op.OperationID, &p, allowed))
				return
			}
			next.ServeHTTP(w, r.WithContext(placement.WithViewer(r.Context(), viewerOf(p))))
		})
	}
}

// forbidden is the answer to a caller who may not do what it asks for: because its client has no role for it, or because its token's
// scopes leave the role out.
func forbidden(operation string, p *auth.Principal, allowed []auth.Role) error {
	scopes := make([]string, len(allowed))
	for i, r := range allowed {
		scopes[i] = r.Scope()
	}
	detail := fmt.Sprintf("%s needs one of the roles %v", operation, allowed)
	if slices.ContainsFunc(allowed, func(r auth.Role) bool { return slices.Contains(p.Withheld, r) }) {
		detail += ", which the client has and the scopes of its token leave out"
	}
	return newProblem(http.StatusForbidden, detail).
		withHeader("WWW-Authenticate", challenge("error", "insufficient_scope", "scope", strings.Join(scopes, " ")))
}
