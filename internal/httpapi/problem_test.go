package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ringfence/internal/placement"
)

// Every problem is found in the log by the id that its instance gives.
func TestProblemsAreFoundInTheLog(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error // nil: a panic
		status int
		levels string
	}{
		"ours":        {errors.New("relation does not exist"), 500, "ERROR"},
		"unavailable": {placement.Errorf(placement.Unavailable, "retry"), 503, "WARN"},
		"the client":  {newProblem(404, "no such resource"), 404, "INFO"},
		"panic":       {nil, 500, "ERROR ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := &Server{log: slog.New(slog.NewJSONHandler(&log, nil))}
			h := identify(s.recoverer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tc.err == nil {
					panic("out of order")
				}
				s.writeProblem(w, r, tc.err)
			})))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/x/%0Aforged%20line/"+strings.Repeat("y", 300), nil))
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != tc.status {
				t.Fatalf("%v: %s", err, w.Body)
			}
			var levels []string
			for line := range strings.Lines(log.String()) {
				var entry struct{ Level, RequestID, Path string }
				if err := json.Unmarshal([]byte(line), &entry); err != nil {
					t.Fatal(err)
				}
				levels = append(levels, entry.Level)
				if entry.RequestID == "" || p.Instance != "urn:uuid:"+entry.RequestID {
					t.Errorf("the problem is %q, the log line %s", p.Instance, line)
				}
				if strings.Contains(entry.Path, "\n") || len(entry.Path) > 210 {
					t.Errorf("path in the log: %q", entry.Path)
				}
			}
			if got := strings.Join(levels, " "); got != tc.levels {
				t.Errorf("levels %s, want %s", got, tc.levels)
			}
		})
	}
}
