package postgres

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/postgres/pgtest"
)

var testServer = pgtest.Server{Migrate: Migrate}

func TestMain(m *testing.M) { os.Exit(testServer.Run(m)) }

// newStore opens a store, as the app role, on a database of the test's own.
func newStore(t testing.TB) *Store {
	t.Helper()
	s, _ := newStoreAndOwner(t)
	return s
}

// newStoreAndOwner also returns the database's address as the owner.
func newStoreAndOwner(t testing.TB) (s *Store, ownerURL string) {
	t.Helper()
	ownerURL, appURL := testServer.NewDatabase(t)
	s, err := Open(t.Context(), appURL, Options{AllowUnsafe: true, MaxConns: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, ownerURL
}

// begin opens a transaction that a test holds open. It ends with the test at the latest: a store waits for it to close.
func begin(t testing.TB, s *Store) pgx.Tx {
	t.Helper()
	tx, err := s.pool.BeginTx(t.Context(), readWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

// connect opens a plain connection for what a test must do past the store.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
