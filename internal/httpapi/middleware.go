package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"ringfence/internal/sol013"
)

type requestIDKey struct{}

// requestID returns the id of a request, under which the log has it.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// keepSemicolons lets a filter with several expressions arrive. SOL013 joins them by semicolons, which a query may hold as they are
// (RFC 3986, section 3.4); net/url drops a parameter that does, so that the list would come without any filter.
func keepSemicolons(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, ";") {
			whole := *r.URL
			whole.RawQuery = strings.ReplaceAll(whole.RawQuery, ";", "%3B")
			r2 := *r
			r2.URL = &whole
			r = &r2
		}
		next.ServeHTTP(w, r)
	})
}

// boundURI refuses requests whose URI is longer than any that makes sense.
func (s *Server) boundURI(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxURIBytes {
			s.writeProblem(w, r, newProblem(http.StatusRequestURITooLong, fmt.Sprintf("the URI is longer than %d bytes", maxURIBytes)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// identify gives every request an id of ours; clients cannot choose it.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

func (s *Server) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.log.ErrorContext(r.Context(), "panic", "requestId", requestID(r.Context()), "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			s.writeProblem(w, r, fmt.Errorf("panic: %v", v))
		}()
		next.ServeHTTP(w, r)
	})
}

// securityHeaders keep answers from being guessed at and stored; the console says of its own files how long they may be kept. A browser
// that came over TLS does not come otherwise any more.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if r.TLS != nil {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// localOnly refuses requests that a name other than this machine's own led here. Where callers need no token, it keeps a
// page that a browser on this machine shows from calling under a name that it made resolve to here (DNS rebinding).
func (s *Server) localOnly(next http.Handler) http.Handler {
	if !s.LocalOnly {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ownName(r.Host) {
			s.writeProblem(w, r, newProblem(http.StatusMisdirectedRequest,
				"without authentication only this machine is served: call 127.0.0.1, localhost or [::1], not "+printable(r.Host)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownName tells whether a Host header means the machine that reads it.
func ownName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController the writer behind.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (s *Server) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		status := rec.status
		if status == 0 {
			status = http.StatusOK
		}
		s.log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("requestId", requestID(r.Context())), slog.String("method", r.Method),
			slog.String("path", printable(r.URL.Path)), slog.Int("status", status), slog.Int64("tookMs", time.Since(start).Milliseconds()))
	})
}

// maxPrinted is how many bytes of a client's string are repeated.
const maxPrinted = 200

// printable makes a client's string fit for logs and sentences: bounded, without control characters.
func printable(v string) string {
	v = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, v)
	if len(v) > maxPrinted {
		return v[:maxPrinted] + "..."
	}
	return v
}

// timeout bounds a request; long polls and imports set their own.
func timeout(d time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), d)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// defaultVersions names the version of every answer under an API, those that no operation gives included.
func (s *Server) defaultVersions(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if c := s.apis[name]; c != nil {
			w.Header().Set("Version", c.versions[0])
		}
		next.ServeHTTP(w, r)
	})
}

// version checks the Version header (SOL013): absent means the default; only MAJOR.MINOR decides. The resource that
// lists the versions has none itself.
func (s *Server) version(c *contract) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked := r.Header.Values(sol013.VersionHeader)
			if strings.HasSuffix(r.URL.Path, "/api_versions") {
				asked = nil
			}
			offered := c.versions
			if pathPattern(r) == lcmNotificationsPath {
				offered = offeredToVNFM(offered, asked)
			}
			v, err := c.negotiate(asked, offered)
			if err != nil {
				s.writeProblem(w, r, err)
				return
			}
			w.Header().Set("Version", v)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), versionKey{}, v)))
		})
	}
}

type versionKey struct{}

// apiVersion is the version of the API that a request is answered in.
func apiVersion(ctx context.Context) string {
	v, _ := ctx.Value(versionKey{}).(string)
	return v
}

// base is the absolute URL that links start with.
func (s *Server) base(r *http.Request) string {
	if s.ExternalURL != "" {
		return strings.TrimSuffix(s.ExternalURL, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

type requestKey struct{}

// withRequest lets strict handlers see the request, for links and conditions.
func withRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, r)))
	})
}

// requestOf returns the request that a strict handler answers.
func requestOf(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

// pathPattern is the path of the contract that chi matched.
func pathPattern(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() }
