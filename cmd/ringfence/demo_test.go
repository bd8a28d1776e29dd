package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	wire "ringfence/api/grant"
	"ringfence/openapi"
)

// The demo fails when the service does not do what the demo says of it.
func TestTourNoticesWhatIsWrong(t *testing.T) {
	t.Parallel()
	first := granted{request: []byte(`{}`), grant: wire.Grant{ID: "g1"}}
	first.grant.AdditionalParams.Ringfence = wire.RingfenceGrantParams{DecisionID: "d1", Placements: []wire.GrantedPlacement{{HostID: "h02"}}}
	refusedAs := func(status int, body any) func(*service) {
		return func(s *service) { s.json("POST /grant/v1/grants", status, body) }
	}
	for _, tt := range []struct {
		name  string
		serve func(*service)
		step  func(context.Context, *tour, *client) error
		want  string // empty: nothing is wrong
	}{
		{
			"granted twice", refusedAs(201, wire.Grant{ID: "g2"}),
			func(ctx context.Context, t *tour, c *client) error { return t.again(ctx, c, first) }, "granted twice: g1 and g2",
		},
		{
			"granted once", refusedAs(201, wire.Grant{ID: "g1"}),
			func(ctx context.Context, t *tour, c *client) error { return t.again(ctx, c, first) }, "",
		},
		{
			"granted what is forbidden", refusedAs(201, wire.Grant{ID: "g1"}),
			func(ctx context.Context, t *tour, c *client) error { return t.refusal(ctx, c) }, "was to be refused and was granted",
		},
		{
			"refused without a rule", refusedAs(403, map[string]any{"status": 403, "detail": "no", "decisionId": "d1"}),
			func(ctx context.Context, t *tour, c *client) error { return t.refusal(ctx, c) }, "with the rules that it breaks: the server answers 403: no",
		},
		{
			"refused what is allowed", refusedAs(403, map[string]any{"status": 403, "detail": "no", "decisionId": "d1"}),
			func(ctx context.Context, t *tour, c *client) error {
				_, err := t.grant(ctx, c, "x", requestPod)
				return err
			}, "was to be granted: the server answers 403: no",
		},
		{
			"granted nothing", refusedAs(201, wire.Grant{ID: "g1"}),
			func(ctx context.Context, t *tour, c *client) error {
				_, err := t.grant(ctx, c, "x", requestPod)
				return err
			}, "granted without a placement",
		},
		{
			"another answer from the record",
			func(s *service) {
				s.json("POST /placement/v1/decisions/d1/replay", 200, map[string]any{
					"identical": false, "differences": []any{map[string]any{"pointer": "/outcome"}}, "decision": map[string]any{"at": "2026-11-23T10:00:00Z"},
				})
			},
			func(ctx context.Context, t *tour, c *client) error { return t.replay(ctx, c, first) }, "did not replay to the same answer",
		},
		{
			"a host that is told nothing",
			func(s *service) {
				s.json("GET /directives/v1/keys", 200, map[string]any{"keys": []any{}})
				s.json("GET /directives/v1/hosts/h02/directives?after=0", 200, []any{})
			},
			func(ctx context.Context, t *tour, c *client) error { return t.directives(ctx, c, first) }, "host h02 was not told to place anything",
		},
		{
			"no console", func(s *service) {
				s.json("GET /console/", 404, map[string]any{"status": 404, "detail": "no such resource"})
			},
			func(ctx context.Context, t *tour, c *client) error { return t.console(ctx, c) }, "console: the server answers 404",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			tt.serve(s)
			p := process{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, getenv: func(string) string { return "" }}
			err := tt.step(t.Context(), newTour(p), s.client(t))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// The refusal of the contract's example is one that the tour accepts.
func TestTourShowsARefusal(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.json("POST /grant/v1/grants", 403, example(t, openapi.NameGrant, "RefusedForIsolation"))
	var out bytes.Buffer
	p := process{stdout: &out, stderr: &bytes.Buffer{}, getenv: func(string) string { return "" }}
	if err := newTour(p).refusal(t.Context(), s.client(t)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\n   R-ISO-SEC   12 ") {
		t.Errorf("got %s", &out)
	}
}

// A service that cannot start says why, and does not outlive the attempt.
func TestDemoThatCannotStart(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir, err := demoFolder()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := startDemo(t.Context(), os.Getenv, dir, l.Addr().String())
	if err == nil || !strings.HasPrefix(err.Error(), "the service did not start: listen: ") || !strings.Contains(err.Error(), "choose another address") {
		t.Errorf("got %v", err)
	}
	select {
	case <-s.ended:
	default:
		t.Error("the service goes on")
	}
}

// Interrupting the start ends it and leaves no server behind.
func TestDemoInterruptedWhileItStarts(t *testing.T) {
	t.Parallel()
	dir, err := demoFolder()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	s, err := startDemo(ctx, os.Getenv, dir, "127.0.0.1:0")
	if err == nil || !strings.HasPrefix(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
	<-s.ended
	if _, err := os.Stat(filepath.Join(dir, "data", "postgres", "data", "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("PostgreSQL was not stopped: %v", err)
	}
}

func TestPassable(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if passable(closed) || passable(filepath.Join(closed, "missing")) || !passable("/") {
		t.Error("passable is wrong")
	}
}

func TestExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cause := errors.New("broken")
	if got := explained(cause, dir); !errors.Is(got, cause) || got.Error() != "broken" {
		t.Errorf("got %v", got)
	}
	write(t, demoLog(dir), strings.Repeat("earlier\n", 20)+"the cause\n")
	got := explained(cause, dir).Error()
	if !strings.HasPrefix(got, "broken\nthe service's log ends with:\n  earlier\n") || !strings.HasSuffix(got, "\n  the cause") || strings.Count(got, "\n") != demoLogTail+1 {
		t.Errorf("got %s", got)
	}
}
