// Package pgtest gives every test a migrated database of its own on a real PostgreSQL.
//
// A test package declares one server and lets TestMain stop it:
//
//	var db = pgtest.Server{Migrate: postgres.Migrate}
//
//	func TestMain(m *testing.M) { os.Exit(db.Run(m)) }
//
//	func TestStore(t *testing.T) {
//		ownerURL, appURL := db.NewDatabase(t)
//		...
//	}
//
// The server starts with the first database that is asked for. It is a private one, without durability unless
// Server.Durable is set; with RINGFENCE_TEST_DATABASE_URL it is the one which that variable names (a superuser's URL).
// A machine without PostgreSQL fails the test; nothing is ever skipped. Only tests may import this package.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"ringfence/internal/postgres/embedded"
)

// URLVariable is the environment variable that names a PostgreSQL to use instead of a private one.
const URLVariable = "RINGFENCE_TEST_DATABASE_URL"

// Server is one PostgreSQL for the tests of one package. Copies are not allowed after first use.
type Server struct {
	// Migrate brings an empty database to the current schema; it runs once, as the owner role. Nil: databases stay empty.
	// It must have closed its connections when it returns.
	Migrate func(ctx context.Context, ownerURL string) error
	// Durable keeps fsync and synchronous commits on, for tests that kill the server or run the service, which demands them.
	Durable bool

	once    sync.Once
	backend backend
	err     error
	count   atomic.Int64
}

// NewDatabase creates a database for one test and returns its addresses as the owner role and as the app role. It is
// dropped when the test ends, with whatever connections are still open.
func (s *Server) NewDatabase(t testing.TB) (ownerURL, appURL string) {
	t.Helper()
	ctx := t.Context()
	s.once.Do(func() { s.backend, s.err = s.start(context.WithoutCancel(ctx)) })
	if s.err != nil {
		t.Fatalf("database for the test: %v", s.err)
	}
	name := s.backend.prefix + strconv.FormatInt(s.count.Add(1), 10)
	if err := s.backend.clone(ctx, name); err != nil {
		t.Fatalf("database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := s.backend.drop(context.WithoutCancel(ctx), name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return s.backend.url(embedded.OwnerRole, name), s.backend.url(embedded.AppRole, name)
}

// Run runs the package's tests, then stops the server and removes what it left. It returns the exit code.
func (s *Server) Run(m *testing.M) int {
	code := m.Run()
	if s.backend.stop == nil {
		return code
	}
	if err := s.backend.stop(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "stop the tests' PostgreSQL:", err)
		return max(code, 1)
	}
	return code
}
