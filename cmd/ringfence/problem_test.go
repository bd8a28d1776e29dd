package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{
			"schema violation", 422,
			`{"status":422,"detail":"the body does not follow the schema in 2 places: /operation, /x","invalidParams":[
				{"pointer":"/operation","reason":"value is not one of the allowed values"},{"pointer":"","reason":"x is missing"}]}`,
			"ringfence: the server answers 422: the body does not follow the schema in 2 places: /operation, /x\n" +
				"  /operation: value is not one of the allowed values\n  the body: x is missing\n",
		},
		{
			"no token", 401, `{"status":401,"detail":"no bearer token was sent"}`,
			"ringfence: the server answers 401: no bearer token was sent\n  RINGFENCE_TOKEN must hold a valid token\n",
		},
		{
			"a fault of the server", 500, `{"status":500,"detail":"an internal error occurred","instance":"urn:uuid:5f0f"}`,
			"ringfence: the server answers 500: an internal error occurred\n  the server's log has it under urn:uuid:5f0f\n",
		},
		{
			"a proxy", 502, "<html><body>\nBad Gateway</body></html>",
			"ringfence: the server answers 502: <html><body>\n",
		},
		{"nothing", 503, "", "ringfence: the server answers 503: the answer has no body\n"},
		{
			"a hostile text", 404, `{"status":404,"detail":"there is no host \u001b[31mred\u0007\nnext"}`,
			"ringfence: the server answers 404: there is no host \ufffd[31mred\ufffd next\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.on("GET /inventory/v1/hosts/h1", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			got := s.command(t, "", "host", "show", "h1")
			if got.code != exitServer || got.stderr != tt.want || got.stdout != "" {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
		})
	}
}

func TestManyFaultsAreCutShort(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var params []map[string]string
	for range 60 {
		params = append(params, map[string]string{"pointer": "/x", "reason": "wrong"})
	}
	s.json("GET /inventory/v1/hosts/h1", 422, map[string]any{"status": 422, "detail": "wrong", "invalidParams": params})
	got := s.command(t, "", "host", "show", "h1")
	if n := strings.Count(got.stderr, "/x: wrong"); n != mostShown || !strings.HasSuffix(got.stderr, "... and 10 more\n") {
		t.Errorf("%d shown: %s", n, got.stderr)
	}
}

// An answer that is not what the API says is a fault of the server, not a crash.
func TestAnswerOfAnotherShape(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("GET /inventory/v1/hosts/h1", 200, []string{"no", "host"})
	s.json("GET /inventory/v1/hosts", 200, []int{1})
	for _, args := range [][]string{{"host", "show", "h1"}, {"host", "list"}} {
		if got := s.command(t, "", args...); got.code != exitServer || !strings.Contains(got.stderr, "API says") {
			t.Errorf("%v: got %+v", args, got)
		}
	}
}

func TestUnanswered(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("GET /inventory/v1/hosts/h1", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	got := s.command(t, "", "host", "show", "h1")
	if got.code != exitServer || !strings.HasPrefix(got.stderr, "ringfence: no answer from http://127.0.0.1:") {
		t.Errorf("got %+v", got)
	}
}
