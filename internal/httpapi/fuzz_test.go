package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	wire "ringfence/api/grant"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
	"ringfence/openapi"
)

// converter is a granting API that reads requests as the real one does and grants nothing.
type converter struct{ wire.StrictServerInterface }

func (converter) CreateGrant(_ context.Context, req wire.CreateGrantRequestObject) (wire.CreateGrantResponseObject, error) {
	r, err := grantRequestFromWire(req.Body)
	if err != nil {
		return nil, err
	}
	g := placement.Grant{ID: "g", Request: r}
	return wire.CreateGrant201JSONResponse{Body: grantAnswer{base: "https://ringfence.example.com"}.toWire(&g)}, nil
}

// newConverter is everything that stands before and after granting.
func newConverter(t testing.TB) http.Handler {
	t.Helper()
	s := &Server{Config: Config{Auth: auth.Anyone{}, ValidateResponses: true}, log: slog.New(slog.DiscardHandler), apis: map[string]*contract{}}
	if err := s.loadContracts(); err != nil {
		t.Fatal(err)
	}
	mux := chi.NewRouter()
	strict := wire.NewStrictHandlerWithOptions(converter{}, nil, wire.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: s.badRequest, ResponseErrorHandlerFunc: s.writeProblem,
	})
	wire.HandlerWithOptions(strict, wire.ChiServerOptions{BaseRouter: s.with(mux, s.apis[openapi.NameGrant]), ErrorHandlerFunc: s.badRequest})
	return cleanPath(mux)
}

// post sends a body and returns the status.
func post(t testing.TB, h http.Handler, body string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/grant/v1/grants", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= 500 {
		t.Fatalf("%d for %q\n%s", w.Code, body, w.Body)
	}
	return w.Code
}

// FuzzGrantRequest: no body, however odd, is answered with a fault of ours; what is granted follows the contract.
func FuzzGrantRequest(f *testing.F) {
	doc, err := openapi.Grant()
	if err != nil {
		f.Fatal(err)
	}
	examples := doc.Paths.Find("/grant/v1/grants").Post.RequestBody.Value.Content["application/json"].Examples
	for _, e := range examples {
		data, err := json.Marshal(e.Value.Value)
		if err != nil {
			f.Fatal(err)
		}
		twice, err := json.Marshal(string(data))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
		f.Add(string(twice))
		f.Add(strings.ReplaceAll(string(data), `"flavourId":`, `"instantiationLevelId":null,"flavourId":`))
		for _, more := range []string{`"OPERATION":"NOPE"`, `"OPERATION":5`, `"ADDRESOURCES":[{"id":""}]`, `"_linKs":null`, `"vnfdId":"twice"`, "\"x\":\"\xff\""} {
			f.Add(strings.Replace(string(data), "{", "{"+more+",", 1))
		}
	}
	for _, seed := range []string{"", "null", "[]", `""`, `"\""`, `"null"`, "{}", "1e999", `{"vnfdId":{"a":[[[[null]]]]}}`} {
		f.Add(seed)
	}
	h := newConverter(f)
	f.Fuzz(func(t *testing.T, body string) {
		status := post(t, h, body)
		switch status {
		case http.StatusCreated, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		default:
			t.Fatalf("%d for %q", status, body)
		}
	})
}

// What is nested deeply costs no more than it is long.
func TestDeeplyNestedRequests(t *testing.T) {
	t.Parallel()
	h := newConverter(t)
	const deep, tooDeep = 30, 9000 // encoding/json would read 10,000 levels
	for body, want := range map[string]int{
		strings.Repeat("[", 1<<19):                                                         http.StatusBadRequest,
		strings.Repeat("[", tooDeep) + strings.Repeat("]", tooDeep):                        http.StatusBadRequest,
		strings.Repeat(`{"~\u0000":`, tooDeep) + "null" + strings.Repeat("}", tooDeep):     http.StatusBadRequest,
		`{"x":` + strings.Repeat(`{"a":`, deep) + "null" + strings.Repeat("}", deep) + "}": http.StatusUnprocessableEntity,
		strings.Repeat(`{"~\u0000":`, deep) + "null" + strings.Repeat("}", deep):           http.StatusUnprocessableEntity,
	} {
		if got := post(t, h, body); got != want {
			t.Errorf("%.20s...: %d, want %d", body, got, want)
		}
	}
}

// The examples of the contract are accepted, and each of their attributes means something to the schema.
func TestExamplesAreAccepted(t *testing.T) {
	t.Parallel()
	doc, err := openapi.Grant()
	if err != nil {
		t.Fatal(err)
	}
	h := newConverter(t)
	examples := doc.Paths.Find("/grant/v1/grants").Post.RequestBody.Value.Content["application/json"].Examples
	if len(examples) < 3 {
		t.Fatalf("%d examples", len(examples))
	}
	for name, e := range examples {
		data, err := json.Marshal(e.Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		if status := post(t, h, string(data)); status != http.StatusCreated {
			t.Errorf("%s: %d", name, status)
		}
		members, ok := e.Value.Value.(map[string]any)
		if !ok {
			t.Fatalf("%s is a %T", name, e.Value.Value)
		}
		for member, value := range members {
			broken := maps.Clone(members)
			broken[member] = []any{map[string]any{"wrong": value}}
			if data, err = json.Marshal(broken); err != nil {
				t.Fatal(err)
			}
			if status := post(t, h, string(data)); status != http.StatusUnprocessableEntity {
				t.Errorf("%s with a wrong %s: %d", name, member, status)
			}
		}
	}
}
