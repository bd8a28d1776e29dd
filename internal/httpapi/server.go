package httpapi

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"ringfence/internal/auth"
	"ringfence/internal/compliance"
	"ringfence/internal/delivery"
	"ringfence/internal/grant"
	"ringfence/internal/inventory"
	"ringfence/internal/packages"
	"ringfence/internal/placement"
	"ringfence/internal/policies"
	"ringfence/internal/sol013"
	"ringfence/internal/vnfm"
)

// The limits of a request.
const (
	maxBodyBytes   = 1 << 20          // every body but an import's
	maxURIBytes    = 16 << 10         // path and query: a filter of 4096 characters, all of them escaped, fits
	requestTimeout = 15 * time.Second // every request but long polls and imports; VNFMs give up after 20 s
	importTimeout  = 15 * time.Minute
	writeTimeout   = 30 * time.Second // how long a client may take to read an answer
)

// Config is what a Server needs.
type Config struct {
	Grants            *grant.Service
	Feed              grant.Feed
	Records           Records
	Policies          *policies.Service
	Subscribers       *policies.Subscribers
	Inventory         *inventory.Service
	Packages          *packages.Service
	Delivery          *delivery.Service
	Compliance        *compliance.Service
	Modes             Modes
	VNFMs             *vnfm.Service
	Constraints       Constraints
	Signer            *delivery.Signer
	Auth              auth.Authenticator
	Console           http.Handler  // serves /console/; nil: not served
	LocalOnly         bool          // answer only requests for this machine's own names: where nobody has to say who they are
	ReservationTTL    time.Duration // how long an operation that runs prolongs its reservations
	Connections       Connections   // what grants say of VIMs, registries and repositories
	ExternalURL       string        // absolute base of Location and links; empty: taken from the request
	Ready             func() error  // nil error: ready
	Log               *slog.Logger
	Refused           func(kind string, n int64) // counts callers who were refused; nil: nobody counts
	RequestsPerSecond int                        // of each client that has no limit of its own; 0: as many as it likes
	ValidateResponses bool                       // tests only: every answer is checked against the contract
}

// Server answers the APIs.
type Server struct {
	Config
	log     *slog.Logger
	apis    map[string]*contract
	markers sol013.Markers
	mux     *chi.Mux
	handler http.Handler
	roles   map[string][]auth.Role // of which a caller of an operation needs one

	pageSize int // how many entries one answer lists at most
	refusals refusals
	limits   limits
}

// New loads the contract and builds the routes.
func New(c Config) (*Server, error) {
	s := &Server{Config: c, log: c.Log, apis: map[string]*contract{}, pageSize: defaultPageSize}
	if err := s.loadContracts(); err != nil {
		return nil, err
	}
	var err error
	if s.markers, err = s.newMarkers(); err != nil {
		return nil, err
	}
	s.mux = s.routes()
	s.handler = cleanPath(s.mux)
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// routes mounts everything. The order of the middlewares is the order of the checks that a request passes.
func (s *Server) routes() *chi.Mux {
	r := chi.NewRouter()
	r.Use(keepSemicolons, identify, s.defaultVersions, s.boundURI, s.recoverer, s.accessLog, securityHeaders, s.localOnly, middleware.GetHead)
	r.NotFound(func(w http.ResponseWriter, req *http.Request) {
		s.writeProblem(w, req, newProblem(http.StatusNotFound, "no such resource: "+printable(req.URL.Path)))
	})
	r.MethodNotAllowed(s.methodNotAllowed(r))
	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.readyz)
	if s.Console != nil {
		r.Handle("/console/*", s.Console)
		r.Get("/console", redirect("/console/"))
		r.Get("/", redirect("/console/"))
	}
	s.mountGrant(r)
	s.mountNFVPolicy(r)
	s.mountInventory(r)
	s.mountPlacement(r)
	s.mountDirectives(r)
	s.mountVNFPkgM(r)
	return r
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// methodNotAllowed answers 405 with the methods that the path does have, which a handler of one's own takes
// away from chi.
func (s *Server) methodNotAllowed(mux *chi.Mux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allow []string
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if mux.Match(chi.NewRouteContext(), m, r.URL.RawPath) {
				allow = append(allow, m)
			}
			if m == http.MethodGet && len(allow) > 0 {
				allow = append(allow, http.MethodHead) // every GET has one
			}
		}
		list := strings.Join(allow, ", ")
		s.writeProblem(w, r, newProblem(http.StatusMethodNotAllowed, "this resource supports "+list).withHeader("Allow", list))
	}
}

// healthz tells that the process runs.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readyz tells whether decisions can be made, and if not, why.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.Ready(); err != nil {
		s.writeProblem(w, r, placement.Wrap(placement.Unavailable, err, "not ready: %s", err))
		return
	}
	s.healthz(w, r)
}

// cleanPath removes the double slashes that some clients send, before a route is looked for. Routes are found on the
// escaped path, so that a slash within an identifier stays there and every parameter is unescaped once, by its reader.
func cleanPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		for strings.Contains(escaped, "//") {
			escaped = strings.ReplaceAll(escaped, "//", "/")
		}
		clean := *r.URL
		clean.RawPath = escaped
		clean.Path, _ = url.PathUnescape(escaped) // cannot fail: the URL's own path was escaped to it
		r = r.Clone(r.Context())
		r.URL = &clean
		next.ServeHTTP(w, r)
	})
}
