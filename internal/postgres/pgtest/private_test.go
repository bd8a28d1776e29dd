package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/postgres/embedded"
)

// holdVariable makes this test binary start a server, say where, and wait to be killed.
const holdVariable = "RINGFENCE_PGTEST_HOLD"

func TestHold(t *testing.T) {
	if os.Getenv(holdVariable) == "" {
		return // nobody wants to kill it
	}
	var server Server
	owner, _ := server.NewDatabase(t)
	fmt.Println("holding", owner)
	<-t.Context().Done()
}

// TestKilledRunIsCleanedUp kills a test binary and has the next one remove what it left.
func TestKilledRunIsCleanedUp(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHold$")
	cmd.Env = append(os.Environ(), holdVariable+"=1", URLVariable+"=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "holding ") {
		t.Log(lines.Text())
	}
	mine := func() (dirs []string) {
		for _, root := range []string{memoryDir, os.TempDir()} {
			matches, err := filepath.Glob(filepath.Join(root, fmt.Sprintf("%s%d-*", dirPrefix, cmd.Process.Pid)))
			if err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, matches...)
		}
		return dirs
	}
	clean := func() {
		for _, root := range []string{memoryDir, os.TempDir()} {
			removeAbandoned(t.Context(), root)
		}
	}
	clean()
	if len(mine()) != 1 {
		t.Errorf("directories of a run that lives: %v", mine())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its status is that it was killed
	clean()
	if len(mine()) != 0 {
		t.Errorf("directories of a killed run: %v", mine())
	}
}

// TestWithoutPostgreSQL: a machine without PostgreSQL fails the tests, it does not skip them.
func TestWithoutPostgreSQL(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHold$", "-test.v")
	cmd.Env = append(os.Environ(), holdVariable+"=1", URLVariable+"=", "RINGFENCE_PG_BINDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: TestHold") || !strings.Contains(string(out), "RINGFENCE_PG_BINDIR") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestGivenServer uses a running server and leaves it as it was, but for what a killed run left before.
func TestGivenServer(t *testing.T) {
	given, err := private(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := given.stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := given.exec(t.Context(), `CREATE DATABASE ringfence_test_dead_1`); err != nil {
		t.Fatal(err)
	}
	t.Setenv(URLVariable, given.adminURL)
	first, second := Server{}, Server{}
	for _, server := range []*Server{&first, &second} { // at the same time, as two test binaries
		t.Run("database", func(t *testing.T) {
			for _, address := range urls(server.NewDatabase(t)) {
				conn, err := pgx.Connect(t.Context(), address)
				if err != nil {
					t.Fatal(err)
				}
				if err := conn.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if n := len(databases(t, given)); n != 2 {
		t.Errorf("%d databases while two runs live, want their 2 templates", n)
	}
	for _, server := range []*Server{&first, &second} {
		if err := server.backend.stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left := databases(t, given); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func urls(owner, app string) []string { return []string{owner, app} }

func databases(t *testing.T, b backend) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.adminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, externalPrefix)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestDurable: a server that is asked for it keeps what it committed.
func TestDurable(t *testing.T) {
	t.Parallel()
	if os.Getenv(URLVariable) != "" {
		t.Skip("the given server is as it is")
	}
	server := Server{Durable: true}
	t.Cleanup(func() {
		if err := server.backend.stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	_, app := server.NewDatabase(t)
	conn, err := pgx.Connect(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var got string
		if err := conn.QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&got); err != nil || got != "on" {
			t.Errorf("%s = %s, %v", name, got, err)
		}
	}
}

// TestCacheIsOptional: without a folder for the pristine cluster the server initialises its own.
func TestCacheIsOptional(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	if dir, ok := pristineDir(embedded.Binaries{}); ok {
		t.Fatalf("a cache in %s", dir)
	}
	b, err := private(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.stop(t.Context()); err != nil {
		t.Error(err)
	}
}
