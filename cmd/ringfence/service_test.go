package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/openapi"
)

// sent is a request that a service got.
type sent struct {
	line   string // method and URI
	header http.Header
	body   string
}

// service stands for a ringfence that answers what a test says. Every request must have an answer.
type service struct {
	url string

	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	got     []sent
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{answers: map[string]http.HandlerFunc{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.RequestURI()
	s.mu.Lock()
	s.got = append(s.got, sent{line, r.Header.Clone(), string(body)})
	answer := s.answers[line]
	s.mu.Unlock()
	if answer == nil {
		http.Error(w, "the test has no answer to "+line, http.StatusTeapot)
		return
	}
	answer(w, r)
}

// on gives the answer to a request, by its method and URI.
func (s *service) on(line string, answer http.HandlerFunc) { s.answers[line] = answer }

// json answers a request with a status and a body.
func (s *service) json(line string, status int, body any) {
	s.on(line, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if status >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.Header().Set("ETag", `"7"`)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	})
}

// requests lists what the service got.
func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, r := range s.got {
		lines = append(lines, r.line)
	}
	return lines
}

func (s *service) last() sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[len(s.got)-1]
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// command runs a command line against the service.
func (s *service) command(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), process{
		args: args, stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr,
		getenv: func(name string) string {
			return map[string]string{"RINGFENCE_URL": s.url + "/", "RINGFENCE_TOKEN": "s3cret"}[name]
		},
	})
	return result{code, stdout.String(), stderr.String()}
}

// client is the command line's client of the service.
func (s *service) client(t *testing.T) *client {
	t.Helper()
	c, err := newClient(func(name string) string { return map[string]string{"RINGFENCE_URL": s.url}[name] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// example is an example of the contract, which the service would answer.
func example(t *testing.T, api, name string) any {
	t.Helper()
	doc, err := openapi.Load(api)
	if err != nil {
		t.Fatal(err)
	}
	e := doc.Components.Examples[name]
	if e == nil {
		t.Fatalf("%s has no example %s", api, name)
	}
	return e.Value.Value
}

// golden compares a text with testdata/golden/NAME.txt, which RINGFENCE_TEST_UPDATE=1 writes.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".txt")
	if os.Getenv("RINGFENCE_TEST_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
