package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestKilledServer commits a row, kills all processes of the server at one instant and looks for the row in the server
// that comes up instead. With synchronous_commit off the same must lose the row, or the test could not see a loss.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	for commit, want := range map[string][]int{"on": {1, 2}, "off": {1}} {
		t.Run(commit, func(t *testing.T) {
			t.Parallel()
			server := start(t, quiet(preparedDir(t)))
			conn, err := pgx.Connect(t.Context(), server.OwnerURL())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			run := func(sql string) {
				if _, err := conn.Exec(t.Context(), sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			run(`INSERT INTO row VALUES (1)`)
			stopWALWriter(t, server.AdminURL()) // what it writes by chance would not show whether the commit wrote
			if commit == "off" {
				run(`SET synchronous_commit = off`)
			}
			run(`INSERT INTO row VALUES (2)`)
			killed := server.Pid()
			killAll(t, server.layout.cluster)
			eventually(t, "the server is back", func() bool {
				return server.Pid() != killed && ping(t.Context(), server.AppURL()) == nil
			})
			if got := ids(t, server.AppURL()); !slices.Equal(got, want) {
				t.Errorf("rows after the kill: %v, want %v", got, want)
			}
		})
	}
}

// stopWALWriter pauses the server's WAL writer at a moment when it waits and so holds no lock.
func stopWALWriter(t *testing.T, adminURL string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), adminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	const sql = `SELECT pid, coalesce(wait_event = 'WalWriterMain', false) FROM pg_stat_activity WHERE backend_type = 'walwriter'`
	var pid int
	waits := func() (yes bool) {
		if err := conn.QueryRow(t.Context(), sql).Scan(&pid, &yes); err != nil {
			t.Fatalf("find the WAL writer: %v", err)
		}
		return yes
	}
	eventually(t, "the WAL writer is paused while it waits", func() bool {
		if !waits() {
			return false
		}
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if waits() {
			return true
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		return false
	})
}

// killAll kills all processes of a server, stopped first so that none reacts to another's end.
func killAll(t *testing.T, cluster string) {
	t.Helper()
	pids, err := clusterProcesses(t.Context(), cluster)
	if err != nil || len(pids) == 0 {
		t.Fatalf("processes of the server: %v, %v", pids, err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range pids {
			if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Fatalf("%v %d: %v", signal, pid, err)
			}
		}
	}
}

// TestKilledPostmaster kills the postmaster alone: its backends have to go before the next can start.
func TestKilledPostmaster(t *testing.T) {
	t.Parallel()
	server := start(t, quiet(preparedDir(t)))
	conn, err := pgx.Connect(t.Context(), server.OwnerURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), `INSERT INTO row VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	killed := server.Pid()
	kill9(t, killed)
	eventually(t, "the server is back", func() bool {
		return server.Pid() != killed && ping(t.Context(), server.AppURL()) == nil
	})
	if got := ids(t, server.AppURL()); !slices.Equal(got, []int{1}) {
		t.Errorf("rows after the kill: %v, want the committed one", got)
	}
}

// TestKilledParent kills a ringfence under load, then also its PostgreSQL, and starts again on the same data.
func TestKilledParent(t *testing.T) {
	t.Parallel()
	for _, postmasterToo := range []bool{false, true} {
		t.Run(fmt.Sprintf("postmaster too %v", postmasterToo), func(t *testing.T) {
			t.Parallel()
			dir := preparedDir(t)
			cmd, lines := spawnChild(t, dir)
			postmaster := number(t, lines, "postmaster")
			committed := 0
			for committed < 100 {
				committed = number(t, lines, "committed")
			}
			kill9(t, cmd.Process.Pid)
			if postmasterToo {
				kill9(t, postmaster)
			}
			for lines.Scan() { // what it said before it died
				committed++
			}
			server := start(t, quiet(dir))
			if server.Pid() == postmaster {
				t.Error("the server of the killed process still runs")
			}
			got := ids(t, server.AppURL())
			if len(got) < committed || len(got) > committed+1 { // one may have been committed unsaid
				t.Errorf("%d rows were committed, %d are there", committed, len(got))
			}
		})
	}
}

// TestOrphanIsStopped starts on a data directory on which a server runs that nobody owns.
func TestOrphanIsStopped(t *testing.T) {
	t.Parallel()
	dir := preparedDir(t)
	orphan, err := newServer(t.Context(), quiet(dir))
	if err != nil {
		t.Fatal(err)
	}
	p, err := orphan.launch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := orphan.lock.release(); err != nil { // as the kernel does when the owner dies
		t.Fatal(err)
	}
	exec1(t, orphan.AppURL(), `INSERT INTO row VALUES (1)`)

	conn, err := pgx.Connect(t.Context(), orphan.OwnerURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), `BEGIN; INSERT INTO row VALUES (2)`); err != nil {
		t.Fatal(err)
	}
	server := start(t, quiet(dir))
	select {
	case <-p.exited:
	case <-t.Context().Done():
		t.Error("the orphan still runs")
	}
	if got := ids(t, server.AppURL()); !slices.Equal(got, []int{1}) {
		t.Errorf("rows: %v, want only the committed one", got)
	}
}

// TestReusedPID starts on a postmaster.pid that names a program of the same user, as after a restart of the machine.
func TestReusedPID(t *testing.T) {
	t.Parallel()
	dir := preparedDir(t)
	first := start(t, quiet(dir))
	file := filepath.Join(first.layout.cluster, "postmaster.pid")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, first)

	other := first.account.command(t.Context(), "/", "/bin/sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	stale := strings.Replace(string(content), strconv.Itoa(first.Pid()), strconv.Itoa(other.Process.Pid), 1)
	if err := os.WriteFile(file, []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := first.account.own(file); err != nil {
		t.Fatal(err)
	}
	second := start(t, quiet(dir))
	exec1(t, second.OwnerURL(), `SELECT 1`)
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other program was stopped: %v", err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := preparedDir(t)
	server := start(t, quiet(dir))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1", childDir+"="+dir)
	out, err := cmd.Output()
	want := fmt.Sprintf("in use by another ringfence process (pid %d)", os.Getpid())
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("the second process: %v, %s", err, out)
	}
	exec1(t, server.OwnerURL(), `SELECT 1`) // the first is not disturbed
	stop(t, server)
	_, lines := spawnChild(t, dir) // and leaves the directory to the next
	number(t, lines, "postmaster")
}
