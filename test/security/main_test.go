package security

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

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "ringfence-security-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if program, err = server.Build(context.Background(), folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return database.Run(m)
}
