package httpapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// What the limits of a request answer, on every API alike: a problem document, and when it is worth asking again.
func TestLimitsAnswer(t *testing.T) {
	t.Parallel()
	a := newFleet(t)
	for name, c := range map[string]struct {
		call
		status int
	}{
		"a long URI":  {call{as: "auditor", path: "/inventory/v1/hosts?filter=" + strings.Repeat("x", 16<<10)}, http.StatusRequestURITooLong},
		"a long body": {call{as: "vnfm-a", method: http.MethodPost, path: "/grant/v1/grants", body: `{"x":"` + strings.Repeat("x", 1<<20) + `"}`}, http.StatusRequestEntityTooLarge},
		"another media type": {
			call{as: "vnfm-a", method: http.MethodPost, path: "/grant/v1/grants", body: "{}", header: map[string]string{"Content-Type": "text/plain"}}, http.StatusUnsupportedMediaType,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := a.in(t).do(c.call)
			if p := got.problem(c.status); p["detail"] == "" || got.header.Get("Version") == "" {
				t.Errorf("answered %v with %v", p, got.header)
			}
		})
	}
	t.Run("too many requests", func(t *testing.T) {
		t.Parallel()
		a := newFleet(t)
		a.server.RequestsPerSecond = 1
		for range 100 {
			got := a.in(t).do(call{as: "auditor", path: "/inventory/v1/hosts"})
			if got.status != http.StatusTooManyRequests {
				continue
			}
			if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || seconds < 1 {
				t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
			}
			if p := got.problem(http.StatusTooManyRequests); p["detail"] == "" {
				t.Errorf("answered %v", p)
			}
			return
		}
		t.Error("a hundred requests at once were answered")
	})
}
