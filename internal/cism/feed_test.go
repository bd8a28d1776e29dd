package cism

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/api/client"
	wire "ringfence/api/directives"
	"ringfence/internal/delivery"
)

// feedServer answers as the directives' API does; its content can be changed by the test.
type feedServer struct {
	mu         sync.Mutex
	signer     *delivery.Signer
	directives []string
	down       bool
}

func (s *feedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down:
		http.Error(w, "{}", http.StatusInternalServerError)
	case strings.HasSuffix(r.URL.Path, "/keys"):
		k := s.signer.PublicKeys()[0]
		_ = json.NewEncoder(w).Encode(wire.JSONWebKeySet{Keys: []wire.JSONWebKey{{Kty: "OKP", Crv: "Ed25519", X: k.X, Kid: k.KeyID, Alg: "EdDSA", Use: "sig"}}})
	default:
		after := 0
		if marker := r.URL.Query().Get("marker"); marker != "" {
			if _, err := fmt.Sscanf(marker, "m%d", &after); err != nil || after > len(s.directives) {
				http.Error(w, `{"status": 400, "detail": "the marker was not issued for this feed"}`, http.StatusBadRequest)
				return
			}
		}
		w.Header().Set("Link", fmt.Sprintf(`<http://x/directives/v1/directives?marker=m%d>; rel="next"`, len(s.directives)))
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(s.directives[after:], ","))
	}
}

// set replaces what the feed holds from an index on.
func (s *feedServer) set(t *testing.T, from int, texts ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directives = s.directives[:from]
	for _, text := range texts {
		signature, err := s.signer.Sign([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s.directives = append(s.directives, strings.TrimSuffix(text, "}")+`,"signature":"`+signature+`"}`)
	}
}

// placeText and releaseText are directives as canonical JSON.
func placeText(host string, seq int, residency string) string {
	return fmt.Sprintf(`{"hostId":%q,"issuedAt":"2026-11-23T10:00:00Z","kind":"PLACE","place":{"isolation":"VM","runtime":"kata","workload":{"componentId":"c","residencyId":%q,"resourceDefinitionId":"d","vnfInstanceId":"v"}},"seq":%d}`,
		host, residency, seq)
}

func newTestFeed(t *testing.T) (*feed, *feedServer, *time.Time) {
	t.Helper()
	signer, err := delivery.LoadSigner(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	s := &feedServer{signer: signer}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(client.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return &feed{
		service: c, verifier: client.NewVerifier(c), vimConnectionID: "k8s", maxSilence: time.Minute, store: newStore(""), log: slog.New(slog.DiscardHandler),
		now: func() time.Time { return now }, table: newTable(),
	}, s, &now
}

// steps reads until the feed is at its end.
func steps(t *testing.T, f *feed, n int) {
	t.Helper()
	for range n {
		if err := f.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing is known before the feed was read to its end, and nothing after a silence.
func TestFreshness(t *testing.T) {
	t.Parallel()
	f, s, now := newTestFeed(t)
	s.set(t, 0, placeText("h1", 1, "a"))
	steps(t, f, 1)
	if err := f.fresh(); err == nil {
		t.Error("known before the end")
	}
	steps(t, f, 1)
	if err := f.fresh(); err != nil {
		t.Error(err)
	}
	s.down = true
	if err := f.step(t.Context()); err == nil {
		t.Error("no error while ringfence is down")
	}
	if err := f.fresh(); err != nil {
		t.Errorf("a short silence: %v", err)
	}
	*now = now.Add(2 * time.Minute)
	if err := f.fresh(); err == nil || !strings.Contains(err.Error(), "silent for 2m0s") {
		t.Errorf("a long silence: %v", err)
	}
	s.down = false
	s.set(t, 1, placeText("h1", 2, "b"))
	steps(t, f, 1)
	if err := f.fresh(); err == nil {
		t.Error("known again before the end")
	}
	steps(t, f, 1)
	if err := f.fresh(); err != nil {
		t.Error(err)
	}
}

// A gap, and a marker that ringfence does not know, have everything read again.
func TestReadAgain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *feedServer){
		"a gap":              func(s *feedServer) { s.set(t, 1, placeText("h1", 3, "c")) },
		"an unknown marker":  func(s *feedServer) { s.set(t, 0) },
		"ringfence restored": func(s *feedServer) { s.set(t, 0) },
	} {
		f, s, _ := newTestFeed(t)
		s.set(t, 0, placeText("h1", 1, "a"))
		steps(t, f, 2)
		change(s)
		steps(t, f, 1)
		if _, stands := f.table.get("a"); stands || f.fresh() == nil {
			t.Errorf("%s: what was read before counts still", name)
		}
		s.set(t, 0, placeText("h1", 1, "x"), placeText("h1", 2, "y"))
		steps(t, f, 2)
		if _, stands := f.table.get("y"); !stands || f.fresh() != nil {
			t.Errorf("%s: it was not read again: %v", name, f.fresh())
		}
	}
}

// A directive that ringfence did not sign is not followed, and nothing after it.
func TestForgedDirectives(t *testing.T) {
	t.Parallel()
	f, s, _ := newTestFeed(t)
	s.set(t, 0, placeText("h1", 1, "a"), placeText("h1", 2, "b"))
	s.directives[0] = strings.Replace(s.directives[0], `"residencyId":"a"`, `"residencyId":"z"`, 1)
	if err := f.step(t.Context()); !errors.Is(err, client.ErrUnsigned) {
		t.Errorf("a directive that was changed: %v", err)
	}
	if n, _ := f.table.size(); n != 0 || f.fresh() == nil {
		t.Errorf("%d standings", n)
	}
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".."
	s.directives[0] = strings.TrimSuffix(placeText("h1", 1, "a"), "}") + `,"signature":"` + unsigned + `"}`
	if err := f.step(t.Context()); !errors.Is(err, client.ErrUnsigned) {
		t.Errorf("a directive without a signature: %v", err)
	}
}
