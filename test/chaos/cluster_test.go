package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/postgres"
	"ringfence/internal/postgres/embedded"
)

// cluster is the PostgreSQL of this package. Its server starts again when it was killed, as that of a ringfence
// without a database URL does. The WAL writer hardly ever wakes by itself: what it writes by chance would hide
// that a commit did not write.
var cluster = sync.OnceValues(func() (*embedded.Server, error) {
	server, err := embedded.Start(context.Background(), embedded.Options{
		DataDir: filepath.Join(workDir, "cluster"), BinDir: os.Getenv("RINGFENCE_PG_BINDIR"), Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"wal_writer_delay": "10s", "shared_buffers": "64MB", "max_connections": "200"},
	})
	clusterStarted.Store(err == nil)
	return server, err
})

var clusterStarted atomic.Bool

func stopCluster() error {
	if !clusterStarted.Load() {
		return nil
	}
	server, err := cluster()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return server.Stop(ctx)
}

// database is a migrated database of the package's server.
type database struct {
	server           *embedded.Server
	name             string
	ownerURL, appURL string
}

var databases atomic.Int32

func newDatabase(t *trial) *database {
	t.Helper()
	db := nextDatabase(t)
	if err := embedded.Prepare(t.ctx, db.server.AdminURL(), db.name); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.ctx, db.ownerURL); err != nil {
		t.Fatal(err)
	}
	return db
}

// copy makes another database with the same content. Nothing may be connected to this one.
func (db *database) copy(t *trial) *database {
	t.Helper()
	other := nextDatabase(t)
	conn, err := pgx.Connect(t.ctx, db.server.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.ctx))
	if _, err := conn.Exec(t.ctx, "CREATE DATABASE "+other.name+" TEMPLATE "+db.name); err != nil {
		t.Fatal(err)
	}
	if err := embedded.GrantDatabase(t.ctx, db.server.AdminURL(), other.name); err != nil {
		t.Fatal(err)
	}
	return other
}

func nextDatabase(t *trial) *database {
	t.Helper()
	s, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	name := "chaos_" + strconv.Itoa(int(databases.Add(1)))
	return &database{server: s, name: name, ownerURL: withDatabase(s.OwnerURL(), name), appURL: withDatabase(s.AppURL(), name)}
}

func withDatabase(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic("the server's address is a URL: " + err.Error())
	}
	u.Path = "/" + name
	return u.String()
}

// kill kills all processes of the server at one instant: stopped first, the postmaster before its children, so that none
// is added and none reacts to another's end. It returns when the next server accepts connections.
func (db *database) kill(ctx context.Context) error {
	postmaster := db.server.Pid()
	if err := syscall.Kill(postmaster, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop the postmaster: %w", err)
	}
	pids, err := childrenOf(ctx, postmaster)
	if err != nil {
		return err
	}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range append(pids, postmaster) {
			if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("%v process %d of the server: %w", signal, pid, err)
			}
		}
	}
	return eventually(ctx, "the database server is back", func() (bool, error) {
		return db.server.Pid() != postmaster, ping(ctx, db.ownerURL)
	})
}

// childrenOf lists the processes that a postmaster forked.
func childrenOf(ctx context.Context, parent int) ([]int, error) {
	output, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var children []int
	for line := range bytes.Lines(output) {
		var pid, ppid int
		if _, err := fmt.Sscan(string(line), &pid, &ppid); err != nil {
			return nil, fmt.Errorf("list processes: %q: %w", line, err)
		}
		if ppid == parent {
			children = append(children, pid)
		}
	}
	return children, nil
}

func ping(ctx context.Context, address string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// stopWALWriter pauses the server's WAL writer at a moment when it waits and so holds no lock. Only commits write
// the log from then on.
func (db *database) stopWALWriter(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, db.server.AdminURL())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	waits := func() (pid int, yes bool, err error) {
		const sql = `SELECT pid, coalesce(wait_event = 'WalWriterMain', false) FROM pg_stat_activity WHERE backend_type = 'walwriter'`
		err = conn.QueryRow(ctx, sql).Scan(&pid, &yes)
		return pid, yes, err
	}
	return eventually(ctx, "the WAL writer is paused while it waits", func() (bool, error) {
		pid, yes, err := waits()
		if err != nil || !yes {
			return false, err
		}
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return false, err
		}
		if _, yes, err = waits(); yes || err != nil {
			return yes, err
		}
		return false, syscall.Kill(pid, syscall.SIGCONT)
	})
}

// continueWALWriter lets it go on, so that the server can be stopped in order.
func (db *database) continueWALWriter(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, db.server.AdminURL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var pid int
	const sql = `SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'`
	if err := conn.QueryRow(ctx, sql).Scan(&pid); err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGCONT)
}
