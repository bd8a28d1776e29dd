package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/test/stub"
)

// The specifications that answers are held to.
const (
	specGrant331   = "SOL003 3.3.1 granting"
	specGrant241   = "SOL003 2.4.1 granting"
	specPackage331 = "SOL003 3.3.1 packages"
	specSuite      = "NFV-TST010 schemas"
	specPolicy371  = "SOL012 3.7.1 policies"
)

// witness passes requests of a client on and holds each answer to the definition of what was asked, whatever its status; and each
// request that is taken. Where the definitions are not here it only passes on.
type witness struct {
	t      *testing.T
	client string
	next   http.RoundTripper
	defs   *shelf // nil: there are none
}

// watched is a client whose answers a witness judges.
func watched(t *testing.T, c stub.Client, name string) stub.Client {
	t.Helper()
	next := http.DefaultTransport
	if c.HTTP != nil {
		next = c.HTTP.Transport
	}
	c.HTTP = &http.Client{Transport: &witness{t: t, client: name, next: next, defs: shelfIfHere(t)}}
	return c
}

// exchange is a request and its answer, both read to the end.
type exchange struct {
	method, path, version string // path: as the definitions have it
	status                int
	header                http.Header
	request, answer       []byte
}

// RoundTrip passes a request on, and judges the answer.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	var request []byte
	if r.Body != nil {
		var err error
		if request, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(request))
	}
	response, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	api, path := definedPath(r.URL.Path)
	if w.defs != nil && api != "" {
		w.judge(api, &exchange{r.Method, path, response.Header.Get("Version"), response.StatusCode, response.Header, request, answer})
	}
	return response, nil
}

// definedPath splits the path of a request into the API and the path that its definition has; empty: it has none.
func definedPath(path string) (api, defined string) {
	parts := strings.Split(strings.TrimLeft(path, "/"), "/")
	if parts[len(parts)-1] == "api_versions" {
		return parts[0], "/api_versions"
	}
	if len(parts) < 3 || parts[0] != "grant" && parts[0] != "vnfpkgm" {
		return "", ""
	}
	if len(parts) > 3 {
		parts[3] = map[string]string{"grants": "{grantId}", "onboarded_vnf_packages": "{vnfdId}"}[parts[2]]
	}
	return parts[0], "/" + strings.Join(parts[2:], "/")
}

// judge holds an exchange to the definitions of its API: of granting, to those of the dialect that was spoken.
func (w *witness) judge(api string, e *exchange) {
	switch {
	case api == "vnfpkgm" && e.path != "/api_versions":
		w.enter(specPackage331, e, e.follows(w.defs.packages))
	case e.path == "/api_versions":
		w.enter(specGrant331, e, e.follows(w.defs.newer))
		w.enter(specSuite, e, e.fits(w.defs.suiteSchema(e)))
	case older(e.version):
		w.enter(specGrant241, e, e.fits(w.defs.olderSchema(e)))
		w.enter(specSuite, e, e.fits(w.defs.suiteSchema(e)))
	default:
		w.enter(specGrant331, e, e.follows(w.defs.newer))
	}
}

// older tells whether a version of granting is one of those before 1.4.0, whose connections are arrays.
func older(version string) bool {
	return strings.HasPrefix(version, "1.1.") || strings.HasPrefix(version, "1.2.") || strings.HasPrefix(version, "1.3.")
}

// enter counts an exchange, and tells what is wrong with it.
func (w *witness) enter(spec string, e *exchange, fault error) {
	entry := tally{answers: 1}
	if e.method == http.MethodPost && e.status/100 == 2 && e.path == "/grants" && spec != specSuite {
		entry.requests = 1
		if w.defs.takes(w.t, spec, e.request) {
			entry.valid = 1
		}
	}
	if fault != nil {
		entry.failed = 1
		w.t.Errorf("%s, %s: %s %s is answered %d: %v", spec, w.client, e.method, e.path, e.status, fault)
	}
	summary.add(spec, w.client, entry)
}

// follows holds an answer to a document in OpenAPI 3.
func (e *exchange) follows(doc *openapi3.T) error {
	schema, err := schemaOf(doc, e)
	if err != nil {
		return err
	}
	return e.fits(schema)
}

// beyond are statuses that SOL013 and HTTP have for every resource, and the definitions of some do not list. Their body is a problem.
var beyond = map[int]bool{
	http.StatusMethodNotAllowed: true, http.StatusRequestEntityTooLarge: true, http.StatusRequestURITooLong: true,
	http.StatusUnsupportedMediaType: true, http.StatusTooManyRequests: true, http.StatusNotFound: true, http.StatusNotAcceptable: true,
}

// schemaOf is what a document says of an answer; nil: it has no body.
func schemaOf(doc *openapi3.T, e *exchange) (*openapi3.Schema, error) {
	defined := response(doc, e.path, e.method, e.status)
	if defined == nil && beyond[e.status] {
		defined = response(doc, "/api_versions", http.MethodGet, http.StatusBadRequest)
	}
	if defined == nil {
		return nil, errors.New("the definition has no such answer")
	}
	for _, media := range defined.Content {
		if media.Schema != nil {
			return media.Schema.Value, nil
		}
	}
	return nil, nil
}

// fits holds the headers and the body of an answer to what is said of it.
func (e *exchange) fits(schema *openapi3.Schema) error {
	kind := e.header.Get("Content-Type")
	if e.version == "" {
		return errors.New("it has no Version")
	}
	if location := e.header.Get("Location"); (e.status == http.StatusCreated || e.status == http.StatusAccepted && e.method == http.MethodPost) != (location != "") {
		return fmt.Errorf("its Location is %q", location)
	}
	switch {
	case e.status >= http.StatusBadRequest && kind != "application/problem+json":
		return fmt.Errorf("it is %q, not application/problem+json", kind)
	case e.status == http.StatusMethodNotAllowed && e.header.Get("Allow") == "":
		return errors.New("it has no Allow")
	case e.status == http.StatusUnauthorized && e.header.Get("WWW-Authenticate") == "":
		return errors.New("it has no WWW-Authenticate")
	case e.status == http.StatusAccepted || e.status == http.StatusNoContent:
		if len(e.answer) > 0 {
			return fmt.Errorf("it has a body: %s", e.answer)
		}
		return nil
	case kind == "application/zip":
		if len(e.answer) == 0 {
			return errors.New("it is empty")
		}
		return nil
	case e.status < http.StatusBadRequest && kind != stub.TypeJSON:
		return fmt.Errorf("it is %q, not %s", kind, stub.TypeJSON)
	case schema == nil:
		return errors.New("the definition does not say what it holds")
	}
	var value any
	if err := json.Unmarshal(e.answer, &value); err != nil {
		return err
	}
	return schema.VisitJSON(value, openapi3.MultiErrors())
}
