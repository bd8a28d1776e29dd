package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// checkedResponse answers 500 when an answer does not fit the contract, so that every test that looks at an
// answer tests the contract too.
func (s *Server) checkedResponse(w http.ResponseWriter, r *http.Request, route *routers.Route, next http.Handler) {
	buf := &bufferedResponse{header: w.Header(), status: http.StatusOK}
	next.ServeHTTP(buf, r)
	if err := checkResponse(r, route, buf); err != nil {
		s.log.ErrorContext(r.Context(), "the answer does not fit the contract", "error", err.Error(), "status", buf.status)
		w.Header().Set("Content-Type", "text/plain")
		http.Error(w, "the answer does not fit the contract: "+err.Error()+"\n"+buf.body.String(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(buf.status)
	_, _ = w.Write(buf.body.Bytes())
}

// checkResponse holds an answer to the contract. Bodies other than JSON have no schema to be held to; that their media
// type is one of the contract's is checked all the same.
func checkResponse(r *http.Request, route *routers.Route, answer *bufferedResponse) error {
	mediaType, _, _ := mime.ParseMediaType(answer.header.Get("Content-Type"))
	text := mediaType != "application/json" && mediaType != problemType && answer.body.Len() > 0
	if declared := route.Operation.Responses.Status(answer.status); text && (declared == nil || declared.Value.Content[mediaType] == nil) {
		return fmt.Errorf("%d with a body of type %q is not in the contract", answer.status, mediaType)
	}
	return openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: pathParams(r), Route: route},
		Status:                 answer.status, Header: answer.header, Body: io.NopCloser(bytes.NewReader(answer.body.Bytes())),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, ExcludeResponseBody: text,
		},
	})
}

type bufferedResponse struct {
	header http.Header
	body   bytes.Buffer
	status int
}

func (b *bufferedResponse) Header() http.Header         { return b.header }
func (b *bufferedResponse) WriteHeader(status int)      { b.status = status }
func (b *bufferedResponse) Write(p []byte) (int, error) { return b.body.Write(p) }
