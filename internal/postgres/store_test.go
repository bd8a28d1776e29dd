package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/postgres/embedded"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	ownerURL, appURL := testServer.NewDatabase(t)
	owner := connect(t, ownerURL)
	exec := func(sql string) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, url, prepare, undo, want string
		kind                           placement.Kind
	}{
		{name: "a URL that is none", url: "postgres://user:secret@[", want: "cannot be read", kind: placement.Invalid},
		{name: "a server that is not there", url: "postgres://u:secret@127.0.0.1:1/x?connect_timeout=2", want: "cannot be reached", kind: placement.Unavailable},
		{
			name: "an older schema", url: appURL, prepare: `UPDATE schema_migrations SET version = version - 1`,
			undo: `UPDATE schema_migrations SET version = version + 1`, want: "ringfence migrate up", kind: placement.Unavailable,
		},
		{
			name: "half a migration", url: appURL, prepare: `UPDATE schema_migrations SET dirty = true`,
			undo: `UPDATE schema_migrations SET dirty = false`, want: "half way", kind: placement.Unavailable,
		},
		{name: "no schema", url: appURL, prepare: `DELETE FROM schema_migrations`, want: "no schema yet", kind: placement.Unavailable},
	} {
		if c.prepare != "" {
			exec(c.prepare)
		}
		s, err := Open(t.Context(), c.url, Options{AllowUnsafe: true})
		if err == nil {
			s.Close()
		}
		wantKind(t, err, c.kind)
		if message := err.Error(); !strings.Contains(message, c.want) || strings.Contains(message, "secret") {
			t.Errorf("%s: error %q, want one that contains %q and no password", c.name, message, c.want)
		}
		if c.undo != "" {
			exec(c.undo)
		}
	}
}

func TestOpenRefusesServersThatForget(t *testing.T) {
	t.Parallel()
	server := startServer(t, map[string]string{"fsync": "off", "synchronous_standby_names": "nobody", "synchronous_commit": "local"})
	if err := Migrate(t.Context(), server.OwnerURL()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ option, want string }{
		{"-c synchronous_commit=on", "fsync = off"},
		{"-c synchronous_commit=local", "fsync = off"},
	} {
		_, err := Open(t.Context(), withOption(t, server.AppURL(), c.option), Options{})
		wantKind(t, err, placement.Unavailable)
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q, want %q in it", c.option, err, c.want)
		}
	}
}

// startServer runs a server of the test's own.
func startServer(t testing.TB, settings map[string]string) *embedded.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "ringfence-store-") //nolint:usetesting // the server's account must be able to enter it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	server, err := embedded.Start(t.Context(), embedded.Options{DataDir: dir, Settings: settings, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server
}

// withOption adds a setting of the session to a URL.
func withOption(t testing.TB, address, option string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("options", option)
	u.RawQuery = q.Encode()
	return strings.ReplaceAll(u.String(), "+", "%20")
}

// TestCommitBehindStandby is what reliability rests on: a caller's deadline must not cancel the wait for the standby,
// and a cancelled wait is no success.
func TestCommitBehindStandby(t *testing.T) {
	t.Parallel()
	server := startServer(t, map[string]string{"synchronous_standby_names": "nobody", "synchronous_commit": "local"})
	if err := Migrate(t.Context(), server.OwnerURL()); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), server.AppURL(), Options{})
	wantKind(t, err, placement.Unavailable) // synchronous_commit = local
	var warned atomic.Bool
	s, err := Open(t.Context(), withOption(t, server.AppURL(), "-c synchronous_commit=on"), Options{
		OnNotice: func(severity, code, _ string) {
			warned.Store(warned.Load() || severity == "WARNING" && code == "01000")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, server.AdminURL())
	waiting := func() (n int) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = s.CreatePolicy(ctx, placement.PolicyRecord{ID: "deadline"}, tester)
	wantKind(t, err, placement.Unavailable)
	if !strings.Contains(err.Error(), "outcome unknown") || waiting() != 1 {
		t.Fatalf("error %q with %d commits waiting, want an unknown outcome and the commit still waiting", err, waiting())
	}
	if _, err := s.GetPolicy(t.Context(), "deadline"); placement.KindOf(err) != placement.NotFound {
		t.Fatalf("the policy is visible before it is replicated: %v", err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := s.CreatePolicy(context.WithoutCancel(t.Context()), placement.PolicyRecord{ID: "cancelled"}, tester)
		failed <- err
	}()
	eventually(t, func() bool { return waiting() == 2 })
	if _, err := admin.Exec(t.Context(), `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`); err != nil {
		t.Fatal(err)
	}
	err = <-failed
	wantKind(t, err, placement.Unavailable)
	if !strings.Contains(err.Error(), "outcome unknown") || !warned.Load() {
		t.Errorf("error %q, warned %v: want an unknown outcome and the server's warning", err, warned.Load())
	}
	short, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	_, err = s.CreatePolicy(short, placement.PolicyRecord{ID: "for ever"}, tester)
	wantKind(t, err, placement.Unavailable)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	eventually(t, func() bool {
		select {
		case <-closed:
			return true
		default:
			return false
		}
	})
}

// eventually waits until the condition holds: for what another process does, which no channel announces.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !holds() {
		if sleep(ctx, 5*time.Millisecond) != nil {
			t.Fatal("what the test waits for did not happen")
		}
	}
}

func TestPingClockPool(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if now := must(s.Clock(t.Context()))(t); time.Since(now).Abs() > time.Minute || now.Location() != time.UTC {
		t.Errorf("the database's clock says %v", now)
	}
	if epoch := must(s.Epoch(t.Context()))(t); epoch != 1 {
		t.Errorf("epoch %d of a new database, want 1", epoch)
	}
	if _, total, limit := s.PoolStat(); total == 0 || limit != 16 {
		t.Errorf("pool of %d of at most %d connections, want some of 16", total, limit)
	}
	s.Close()
	wantKind(t, s.Ping(t.Context()), placement.Unavailable)
}

func TestNoticesReachTheHandler(t *testing.T) {
	t.Parallel()
	_, appURL := testServer.NewDatabase(t)
	var notices []string
	s, err := Open(t.Context(), appURL, Options{AllowUnsafe: true, OnNotice: func(severity, code, message string) {
		notices = append(notices, fmt.Sprintf("%s %s %s", severity, code, message))
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if _, err := s.pool.Exec(t.Context(), `DO $$BEGIN RAISE WARNING 'look here'; END$$`); err != nil {
		t.Fatal(err)
	}
	if len(notices) != 1 || notices[0] != "WARNING 01000 look here" {
		t.Errorf("notices %q, want the warning", notices)
	}
}
