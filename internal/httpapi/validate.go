package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"

	"ringfence/internal/sol013"
	"ringfence/openapi"
)

// contract is one API's document, prepared for looking up operations by chi's route pattern.
type contract struct {
	name     string
	doc      *openapi3.T
	routes   map[string]*routers.Route // "METHOD pattern"
	versions []string                  // MAJOR.MINOR.PATCH, ascending; the first is the default

	representations map[string]*representation // of what GET answers, by pattern
}

func (s *Server) loadContracts() error {
	var operations []string
	for _, name := range openapi.Names() {
		doc, err := openapi.Load(name)
		if err != nil {
			return fmt.Errorf("load contract: %w", err)
		}
		c := &contract{
			name: name, doc: doc, routes: map[string]*routers.Route{}, versions: supportedVersions(name, doc),
			representations: map[string]*representation{},
		}
		for path, item := range doc.Paths.Map() {
			if item.Get != nil {
				c.representations[path] = representationOf(item.Get)
			}
			for method, op := range item.Operations() {
				c.routes[method+" "+path] = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
				operations = append(operations, op.OperationID)
			}
		}
		s.apis[name] = c
	}
	var err error
	s.roles, err = rolesByOperation(operations)
	return err
}

// supportedVersions lists the versions of an API. Granting answers two dialects, told apart by 1.4.0.
func supportedVersions(name string, doc *openapi3.T) []string {
	if name == openapi.NameGrant {
		return []string{"1.1.1", "1.3.0", "1.4.0", "1.5.0", "1.6.0", "1.7.0", "1.10.0", "1.12.0"}
	}
	v, _, _ := strings.Cut(doc.Info.Version, "-")
	return []string{v}
}

// negotiate picks the version of an answer by the Version headers of the request.
func (c *contract) negotiate(asked, offered []string) (string, error) {
	v, err := sol013.Negotiate(asked, offered)
	if errors.Is(err, sol013.ErrVersionNotOffered) {
		return "", newProblem(http.StatusNotAcceptable, fmt.Sprintf("version %s of the %s API is not offered; offered are %s",
			printable(asked[0]), c.name, strings.Join(offered, ", ")))
	}
	return v, err
}

func (c *contract) route(r *http.Request) *routers.Route {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return c.routes[method+" "+pathPattern(r)]
}

func (c *contract) operation(r *http.Request) *openapi3.Operation {
	if rt := c.route(r); rt != nil {
		return rt.Operation
	}
	return nil
}

// validate checks a request against the contract before a handler sees it.
func (s *Server) validate(c *contract) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			route := c.route(r)
			if route == nil {
				s.writeProblem(w, r, fmt.Errorf("route %s %s is not in the contract", r.Method, pathPattern(r)))
				return
			}
			if err := s.checkRequest(w, r, route); err != nil {
				s.writeProblem(w, r, err)
				return
			}
			if s.ValidateResponses {
				s.checkedResponse(w, r, route, next)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func (s *Server) checkRequest(w http.ResponseWriter, r *http.Request, route *routers.Route) error {
	op := route.Operation
	if err := readableURL(r); err != nil {
		return err
	}
	if produced := producedBy(op); len(produced) > 0 {
		if carriesPackage(r) {
			produced = append(produced, "application/json") // of a client that sends one Accept with every request, as VNFMs of the Tacker family do
		}
		if err := accepted(r, produced...); err != nil {
			return err
		}
	}
	if err := unknownQuery(r, op, route.PathItem); err != nil {
		return err
	}
	if err := unknownCondition(r, op, route.PathItem); err != nil {
		return err
	}
	judged := op.OperationID != importOperation && op.OperationID != onboardOperation && op.OperationID != transferOperation // by the contract's schema
	if err := s.readBody(w, r, op, judged); err != nil {
		return err
	}
	opts := &openapi3filter.Options{
		MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, ExcludeRequestBody: !judged,
	}
	err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: pathParams(r), Route: route, Options: opts,
	})
	return requestProblem(err)
}

// readableURL refuses a query of which a part cannot be read, which net/url would leave out, and identifiers and queries that are not
// UTF-8: nothing can have such a name.
func readableURL(r *http.Request) error {
	for name, value := range pathParams(r) {
		if !utf8.ValidString(value) {
			return faulty(http.StatusBadRequest, []invalidParam{{Pointer: "path parameter " + name, Reason: notUTF8}})
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return newProblem(http.StatusBadRequest, "the query of the URI cannot be read: "+printable(err.Error()))
	}
	for name, values := range query {
		if !utf8.ValidString(name) || slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
			return faulty(http.StatusBadRequest, []invalidParam{{Pointer: "query parameter " + printable(name), Reason: notUTF8}})
		}
	}
	return nil
}

const notUTF8 = "the value is not UTF-8"

func pathParams(r *http.Request) map[string]string {
	ctx := chi.RouteContext(r.Context())
	params := make(map[string]string, len(ctx.URLParams.Keys))
	for i, k := range ctx.URLParams.Keys {
		if v, err := url.PathUnescape(ctx.URLParams.Values[i]); err == nil { // routes are found on the escaped path
			params[k] = v
		}
	}
	return params
}

// unknownCondition refuses to change something under a condition that the operation does not look at.
func unknownCondition(r *http.Request, op *openapi3.Operation, item *openapi3.PathItem) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if r.Header.Get(name) != "" && op.Parameters.GetByInAndName("header", name) == nil && item.Parameters.GetByInAndName("header", name) == nil {
			return newProblem(http.StatusBadRequest, "the header "+name+" is not supported here: leave it out")
		}
	}
	return nil
}

// unknownQuery refuses query parameters that the operation does not have: a filter that is not understood must
// not be ignored.
func unknownQuery(r *http.Request, op *openapi3.Operation, item *openapi3.PathItem) error {
	for name := range r.URL.Query() {
		if op.Parameters.GetByInAndName("query", name) == nil && item.Parameters.GetByInAndName("query", name) == nil {
			return newProblem(http.StatusBadRequest, "the query parameter "+printable(name)+" is not supported here")
		}
	}
	return nil
}
