package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// childVariable makes this test binary a ringfence of its own: it names what the process does, childDir on which data.
const (
	childVariable = "RINGFENCE_EMBEDDED_TEST_CHILD"
	childDir      = "RINGFENCE_EMBEDDED_TEST_DIR"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := child(context.Background(), os.Getenv(childDir), os.Stdout); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

// pristineDir is where pristine keeps its cluster.
var pristineDir string

func run(m *testing.M) int {
	var err error
	if err := useMemory(); err != nil {
		fmt.Println(err)
		return 1
	}
	if pristineDir, err = os.MkdirTemp("", "ringfence-embedded-"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(pristineDir)
	return m.Run()
}

// child runs a server, says its pid, then inserts rows as fast as it can and says each one that was committed.
func child(ctx context.Context, dir string, out io.Writer) error {
	server, err := Start(ctx, quiet(dir))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "postmaster", server.Pid())
	conn, err := pgx.Connect(ctx, server.OwnerURL())
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		if _, err := conn.Exec(ctx, `INSERT INTO row VALUES ($1)`, i); err != nil {
			return err
		}
		fmt.Fprintln(out, "committed", i)
	}
}

// useMemory puts temporary files into memory where the system has a file system for that and it has room: the tests
// kill processes, not the machine, and copy a good many clusters.
func useMemory() error {
	const dir, room = "/dev/shm", 2 << 30
	var fs syscall.Statfs_t
	if syscall.Statfs(dir, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= room {
		return os.Setenv("TMPDIR", dir)
	}
	return nil
}

// spawnChild starts such a process.
func spawnChild(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1", childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// number reads the child's next line, which must be a word and a number.
func number(t *testing.T, lines *bufio.Scanner, word string) int {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("the child ended before it said %q: %v", word, lines.Err())
	}
	n, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), word+" "))
	if err != nil {
		t.Fatalf("the child said %q instead of %q and a number", lines.Text(), word)
	}
	return n
}

// pristine is a stopped cluster that tests copy: quicker than initialising one each.
var pristine = sync.OnceValue(func() error {
	server, err := Start(context.Background(), quiet(pristineDir))
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(context.Background(), server.OwnerURL())
	if err != nil {
		return err
	}
	_, err = conn.Exec(context.Background(), `CREATE TABLE row (id int PRIMARY KEY); GRANT SELECT, INSERT ON row TO ringfence_app`)
	return errors.Join(err, conn.Close(context.Background()), server.Stop(context.Background()))
})

// emptyDir is a data directory that the server's account can reach: t.TempDir keeps others out of its parent.
func emptyDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// preparedDir is a data directory with a cluster that has an empty table `row`.
func preparedDir(t *testing.T) string {
	t.Helper()
	if err := pristine(); err != nil {
		t.Fatal(err)
	}
	dir := emptyDir(t)
	if out, err := exec.Command("cp", "-a", filepath.Join(pristineDir, "postgres"), dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the cluster: %v: %s", err, out)
	}
	return dir
}

func quiet(dir string) Options {
	return Options{DataDir: dir, BinDir: os.Getenv("RINGFENCE_PG_BINDIR"), Logger: slog.New(slog.DiscardHandler)}
}

// start runs a server for the length of the test.
func start(t *testing.T, opts Options) *Server {
	t.Helper()
	server, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, server *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func exec1(t *testing.T, url, sql string, args ...any) {
	t.Helper()
	err := withConn(t.Context(), url, func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), sql, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// ids are the rows of the table `row`.
func ids(t *testing.T, url string) []int {
	t.Helper()
	var got []int
	err := withConn(t.Context(), url, func(conn *pgx.Conn) error {
		rows, err := conn.Query(t.Context(), `SELECT id FROM row ORDER BY id`)
		if err != nil {
			return err
		}
		got, err = pgx.CollectRows(rows, pgx.RowTo[int])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// kill9 kills a process that this test started, or that its child did.
func kill9(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill -9 %d: %v", pid, err)
	}
}

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		if err := pause(t.Context(), 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}
