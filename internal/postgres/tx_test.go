package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

func TestInTxStartsAgain(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, c := range []struct {
		name  string
		err   error
		tries int
		kind  placement.Kind
	}{
		{"serialization failure", &pgconn.PgError{Code: "40001"}, maxAttempts, placement.Unavailable},
		{"deadlock", &pgconn.PgError{Code: "40P01"}, maxAttempts, placement.Unavailable},
		{"overtaken", errOvertaken, maxAttempts, placement.Unavailable},
		{"an error of the domain", placement.Errorf(placement.Conflict, "no"), 1, placement.Conflict},
		{"a lost connection", &pgconn.PgError{Code: "57P01", SeverityUnlocalized: "FATAL"}, 1, placement.Unavailable},
		{"anything else", errors.New("broken"), 1, placement.Internal},
	} {
		tries := 0
		err := s.inTx(t.Context(), readWrite, func(pgx.Tx) error {
			tries++
			return c.err
		})
		if wantKind(t, err, c.kind); tries != c.tries {
			t.Errorf("%s: %d attempts, want %d", c.name, tries, c.tries)
		}
	}
}

func TestInTxSucceedsAtLast(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	tries := 0
	err := s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error {
		if tries++; tries < 3 {
			return &pgconn.PgError{Code: "40001"}
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO nfvi_pop (id) VALUES ('LON')`)
		return err
	})
	if err != nil || tries != 3 {
		t.Fatalf("%d attempts, error %v", tries, err)
	}
	if _, err := s.GetNFVIPoP(t.Context(), "LON"); err != nil {
		t.Error(err)
	}
}

// TestDeadlockIsBroken lets two transactions lock two rows in opposite order: both succeed in the end.
func TestDeadlockIsBroken(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, id := range []string{"A", "B"} {
		must(s.CreatePolicy(t.Context(), placement.PolicyRecord{ID: id}, tester))(t)
	}
	reached := make(chan struct{}, 2)
	both := make(chan struct{})
	cross := func(first, second string) error {
		met := false
		return s.inTx(t.Context(), readWrite, func(tx pgx.Tx) error {
			if _, err := lockPolicy(t.Context(), tx, first); err != nil {
				return err
			}
			if !met {
				met = true
				reached <- struct{}{}
				<-both
			}
			_, err := lockPolicy(t.Context(), tx, second)
			return err
		})
	}
	done := make(chan error, 2)
	go func() { done <- cross("A", "B") }()
	go func() { done <- cross("B", "A") }()
	<-reached
	<-reached
	close(both)
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
}

func TestInTxLeavesNothingOfWhatFailed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		name string
		fn   func() error
		kind placement.Kind
	}{
		{"an error", func() error { return placement.Errorf(placement.Forbidden, "no") }, placement.Forbidden},
		{"a caller that has gone", func() error { cancel(); return nil }, placement.Unavailable},
	} {
		err := s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `INSERT INTO nfvi_pop (id) VALUES ('LON')`); err != nil {
				return err
			}
			return c.fn()
		})
		wantKind(t, err, c.kind)
		if _, err := s.GetNFVIPoP(t.Context(), "LON"); placement.KindOf(err) != placement.NotFound {
			t.Errorf("after %s: error %v, want nothing to be stored", c.name, err)
		}
	}
	if acquired, _, _ := s.PoolStat(); acquired != 0 {
		t.Errorf("%d connections are still in use", acquired)
	}
}

func TestReadOnlyTransactionsCannotWrite(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	err := s.inTx(t.Context(), readOnly, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO nfvi_pop (id) VALUES ('LON')`)
		return err
	})
	wantKind(t, err, placement.Unavailable)
}

func TestCommitErrors(t *testing.T) {
	t.Parallel()
	refused := &pgconn.PgError{Code: "23503", SeverityUnlocalized: "ERROR"}
	for _, c := range []struct {
		name    string
		err     error
		unknown bool
	}{
		{"none", nil, false},
		{"the server refused", refused, false},
		{"the transaction had failed", pgx.ErrTxCommitRollback, false},
		{"the server shut down", &pgconn.PgError{Code: "57P01", SeverityUnlocalized: "FATAL"}, true},
		{"the connection broke", errors.New("unexpected EOF"), true},
	} {
		err := commitError(c.err)
		if unknown := placement.KindOf(err) == placement.Unavailable && err != nil; unknown != c.unknown {
			t.Errorf("%s: %v, want an unknown outcome: %v", c.name, err, c.unknown)
		}
	}
}
