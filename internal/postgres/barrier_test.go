package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"ringfence/internal/placement"
)

// statements notes the statements that a store sends.
type statements struct {
	mu   sync.Mutex
	sent []string
}

func (s *statements) note(sql string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, sql)
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	s.note(d.SQL)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (s *statements) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	s.note(d.SQL)
}

func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (s *statements) index(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.IndexFunc(s.sent, func(sql string) bool { return strings.Contains(sql, part) })
}

func (s *statements) last(sql string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sent := range slices.Backward(s.sent) {
		if sent == sql {
			return i
		}
	}
	return -1
}

// An answer that was found, and directives that were read, wait in the log as a commit does: after reading, a transaction
// that writes to the log is committed.
func TestWhatIsReadPassesTheBarrier(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	w.settled()
	reads := map[string]func(*Store) error{
		"FROM idempotency": func(s *Store) error { _, _, err := s.FindAnswer(t.Context(), keyOf("occ-1", ""), ""); return err },
		"seq > $3":         func(s *Store) error { _, err := s.HostDirectives(t.Context(), "h1", 0, 1); return err },
		"feed_id) >":       func(s *Store) error { _, _, err := s.Directives(t.Context(), "", "", false, 1); return err },
	}
	for query, read := range reads {
		var seen statements
		config := w.pool.Config()
		config.ConnConfig.Tracer = &seen
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if err := read(&Store{pool: pool, notifier: w.notifier}); err != nil {
			t.Fatal(err)
		}
		pool.Close()
		asked, barrier, done := seen.index(query), seen.index("pg_logical_emit_message(true"), seen.last("commit")
		if asked < 0 || barrier < asked || done < barrier {
			t.Errorf("%s: statement %d, barrier %d, commit %d", query, asked, barrier, done)
		}
	}
}

// A caller that goes away while its COMMIT is on the way learns nothing, and the grant is whole or absent.
func TestCommitWithACancelledContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.exec(`UPDATE host SET cpu_millis_total = 1000000, memory_mib_total = 1000000`)
	w.exec(`UPDATE host_ext_capacity SET total = 1000000`)
	committed := 0
	for i := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		c := w.commitOf(request{vnf: "amf-1", occ: uuid.NewString(), hosts: []string{"h1"}})
		res, err := w.Commit(ctx, c, func(placement.CommitFacts) []placement.Reason {
			time.AfterFunc(time.Duration(i)*100*time.Microsecond, cancel)
			return nil
		})
		cancel()
		if err == nil && res.Status != placement.CommitDone || err != nil && placement.KindOf(err) != placement.Unavailable {
			t.Fatalf("status %d, error %v", res.Status, err)
		}
		a, _, err2 := w.FindAnswer(t.Context(), c.Key, "")
		if err2 != nil {
			t.Fatal(err2)
		}
		if err == nil && !a.Found {
			t.Error("a grant was answered and is not there")
		}
		if a.Found {
			committed++
		}
	}
	t.Logf("%d of 40 committed", committed)
	w.checkBooks()
}

// The deadline of the caller does not reach a COMMIT: it is answered as unknown, and the commit goes on.
func TestCommitOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	c := w.commitOf(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the caller is gone")
	conn := must(w.pool.Acquire(ctx))(t)
	tx := must(conn.BeginTx(ctx, grantTx))(t)
	if res, err := commitOnce(ctx, tx, newCommitTx(&c, nil), sayYes); err != nil || res.Status != placement.CommitDone {
		t.Fatalf("%+v, %v", res, err)
	}
	cancel(gone)
	if err := commit(ctx, tx, conn); err != nil && placement.KindOf(err) != placement.Unavailable {
		t.Errorf("commit: %v", err)
	}
	eventually(w.t, func() bool { return w.find("occ-1", "").Found })
}
