package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ringfence/internal/auth"
)

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("not to be read")
}

// What cannot be taken is refused before it is read: a body that says that it is too large, or that is encoded.
func TestBodiesRefusedUnread(t *testing.T) {
	t.Parallel()
	h := newConverter(t)
	for name, tc := range map[string]struct {
		length int64
		coding string
		status int
	}{
		"too large":       {maxBodyBytes + 1, "", http.StatusRequestEntityTooLarge},
		"gzip":            {100, "gzip", http.StatusUnsupportedMediaType},
		"gzip of unknown": {-1, "GZIP", http.StatusUnsupportedMediaType},
		"two codings":     {100, "identity, gzip", http.StatusUnsupportedMediaType},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/grant/v1/grants", unread{t})
		r.ContentLength = tc.length
		r.Header.Set("Content-Type", "application/json")
		if tc.coding != "" {
			r.Header.Set("Content-Encoding", tc.coding)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.status || w.Header().Get("Content-Type") != problemType {
			t.Errorf("%s: %d, want %d\n%s", name, w.Code, tc.status, w.Body)
		}
		if (tc.status == http.StatusUnsupportedMediaType) != (w.Header().Get("Accept-Encoding") == "identity") {
			t.Errorf("%s: Accept-Encoding %q", name, w.Header().Get("Accept-Encoding"))
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/grant/v1/grants", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "identity")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("identity: %d", w.Code)
	}
}

// Where nobody has to say who they are, only this machine's own names lead to the service; elsewhere any name does.
func TestNamesThatAreAnswered(t *testing.T) {
	t.Parallel()
	for _, local := range []bool{true, false} {
		s, err := New(Config{Auth: auth.Anyone{}, LocalOnly: local, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for host, own := range map[string]bool{
			"127.0.0.1": true, "127.0.0.1:8080": true, "localhost": true, "LOCALHOST:1": true, "[::1]": true, "[::1]:8080": true,
			"rebound.example.com": false, "rebound.example.com:8080": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
			"192.0.2.1:8080": false, "0.0.0.0": false, "": false, "localhost.": false,
		} {
			for _, path := range []string{"/healthz", "/grant/api_versions", "/nowhere"} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
				r.Host = host
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if (w.Code == http.StatusMisdirectedRequest) == (own || !local) {
					t.Errorf("local %v, Host %q, %s: %d", local, host, path, w.Code)
				}
			}
		}
	}
}
