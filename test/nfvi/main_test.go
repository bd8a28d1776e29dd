package nfvi

import (
	"context"
	"fmt"
	"os"
	"testing"

	"ringfence/internal/postgres"
	"ringfence/internal/postgres/pgtest"
	"ringfence/test/server"
)

// What all tests share: the program, and the PostgreSQL that their databases are on.
var (
	database = pgtest.Server{Migrate: postgres.Migrate, Durable: true} // ringfence serves on no other
	program  string
)

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	if !wanted() && !clusterWanted() {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "ringfence-nfvi-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := os.Setenv("CGO_ENABLED", "0"); err != nil { // the program runs in a container, too
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if program, err = server.Build(context.Background(), folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return database.Run(m)
}

func wanted() bool { return os.Getenv("RINGFENCE_NFVI") == "1" }

func clusterWanted() bool { return os.Getenv("RINGFENCE_CLUSTER") == "1" }

// require skips a test that was not asked for.
func require(t *testing.T) {
	t.Helper()
	if !wanted() {
		t.Skip("not run: this needs a real NFVI on this machine; `make test-nfvi` prepares it and runs it")
	}
}
