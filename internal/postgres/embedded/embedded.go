// Package embedded runs a private PostgreSQL server for a ringfence that was given no database URL.
//
// It finds the server's binaries, initialises a cluster in the data directory, runs the server as a child process
// that listens on a Unix socket only, creates the database and its two login roles, and stops it again. It also
// backs the database up and restores it.
//
// It must not know ringfence's tables: tables, and what each role may do with them, belong to the migrations. It
// never downloads anything, never listens on a network, and never gives up durability unless Options.Settings says so.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Names of the database and the roles that every embedded server has.
const (
	// DatabaseName is the database that holds ringfence's tables.
	DatabaseName = "ringfence"
	// OwnerRole owns the tables; migrations connect as it.
	OwnerRole = "ringfence_owner"
	// AppRole is what the service connects as. It creates nothing; the migrations grant it what it needs.
	AppRole = "ringfence_app"
	// CallerRole is what the service becomes to read for a caller. Nobody connects as it.
	CallerRole = "ringfence_caller"
	// adminRole is the cluster's superuser.
	adminRole = "postgres"
)

// Options say where and how to run the server.
type Options struct {
	// DataDir is ringfence's data directory; the server keeps to its subdirectory "postgres". It is created when missing.
	DataDir string
	// BinDir is the folder of PostgreSQL's binaries (RINGFENCE_PG_BINDIR); empty: look for them.
	BinDir string
	// Logger receives what the operator should know; nil: slog.Default().
	Logger *slog.Logger
	// Settings are server settings that take precedence over the built-in ones, for example "max_connections".
	// Tests that need no durability switch fsync off here; nothing else should.
	Settings map[string]string
}

// Server is a running private PostgreSQL. It is started again when it ends unexpectedly, for example when the
// kernel kills it for want of memory; its addresses stay the same.
type Server struct {
	layout   layout
	binaries Binaries
	account  account
	settings map[string]string
	log      *slog.Logger
	lock     *dirLock

	pid  atomic.Int64
	stop context.CancelFunc
	done chan struct{}
	err  error // valid after done is closed
}

// Start runs the private server of opts.DataDir and returns when it accepts connections and its database and roles
// exist. The context bounds the start only; Stop ends the server.
//
// Errors worth telling apart: *NotFoundError (no PostgreSQL on this machine), *InUseError (another ringfence process
// runs the same data directory), *VersionError (the data is of another major version).
func Start(ctx context.Context, opts Options) (*Server, error) {
	s, err := newServer(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := s.boot(ctx); err != nil {
		return nil, errors.Join(err, s.leave())
	}
	return s, nil
}

// newServer chooses binaries and account, prepares the directories and takes the lock.
func newServer(ctx context.Context, opts Options) (*Server, error) {
	s := &Server{settings: opts.Settings, log: opts.Logger, done: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	var err error
	if s.layout, err = newLayout(opts.DataDir); err != nil {
		return nil, err
	}
	if s.binaries, err = chooseBinaries(ctx, opts.BinDir, s.layout); err != nil {
		return nil, err
	}
	if s.account, err = chooseAccount(s.layout.cluster); err != nil {
		return nil, err
	}
	if err := s.layout.create(s.account); err != nil {
		return nil, err
	}
	if s.lock, err = lockDir(s.layout); err != nil {
		return nil, err
	}
	return s, nil
}

// boot takes the server from a locked directory to a ready database.
func (s *Server) boot(ctx context.Context) error {
	if err := s.account.mustReach(ctx, s.binaries, s.layout.base); err != nil {
		return err
	}
	if err := evict(ctx, s.layout, s.log); err != nil {
		return err
	}
	if err := s.ensureCluster(ctx); err != nil {
		return err
	}
	if err := rotate(s.layout.logFile, maxLogBytes); err != nil {
		return err
	}
	p, err := s.launch(ctx)
	if err != nil {
		return err
	}
	if err := Prepare(ctx, s.AdminURL(), DatabaseName); err != nil {
		return errors.Join(err, p.shutdown(s.log))
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go s.supervise(life, p)
	s.log.InfoContext(ctx, "private PostgreSQL is running", "version", s.binaries.Version, "pid", p.pid,
		"directory", s.layout.cluster, "user", s.account.name)
	return nil
}

// supervise starts the server again when it ends by itself, and shuts it down when life ends.
func (s *Server) supervise(life context.Context, p *process) {
	defer close(s.done)
	for {
		started := time.Now()
		select {
		case <-life.Done():
			s.err = errors.Join(p.shutdown(s.log), s.leave())
			return
		case <-p.exited:
		}
		s.log.ErrorContext(life, "private PostgreSQL ended unexpectedly, starting it again",
			"pid", p.pid, "state", p.state(), "log", s.layout.logFile)
		next, err := s.relaunch(life, time.Since(started))
		switch {
		case err == nil:
			p = next
		case life.Err() != nil: // Stop was called meanwhile
			s.err = s.leave()
			return
		default:
			s.err = errors.Join(fmt.Errorf("private PostgreSQL ended and does not start again: %w", err), s.leave())
			return
		}
	}
}

// relaunch starts the server after an unexpected end, slowly when it had not lived long.
func (s *Server) relaunch(life context.Context, lived time.Duration) (*process, error) {
	const settled = 10 * time.Second
	if lived < settled {
		if err := pause(life, 250*time.Millisecond); err != nil {
			return nil, err
		}
	}
	if err := evict(life, s.layout, s.log); err != nil {
		return nil, err
	}
	return s.launch(life)
}

// leave gives the data directory up, when no server runs on it any more.
func (s *Server) leave() error {
	return errors.Join(s.layout.removeSocketDir(), s.lock.release())
}

// Stop ends the server: open transactions are rolled back, everything committed is on disk. It returns when the
// server is gone, or with the context's error while the shutdown goes on in the background.
func (s *Server) Stop(ctx context.Context) error {
	s.stop()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("private PostgreSQL (pid %d) is still shutting down: %w", s.Pid(), ctx.Err())
	}
}

// Done is closed when the server is gone for good: after Stop, or when it ended and could not be started again.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err says after Done why the server is gone; nil after a clean Stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Pid is the process id of the postmaster. It changes when the server had to be started again.
func (s *Server) Pid() int { return int(s.pid.Load()) }

// Version is the server's version as PostgreSQL prints it, for example "15.18".
func (s *Server) Version() string { return s.binaries.Version }

// OwnerURL is the address for migrations: the database as its owner, over the Unix socket.
func (s *Server) OwnerURL() string { return s.url(OwnerRole, DatabaseName) }

// AppURL is the address for the service: the database as the role that creates nothing.
func (s *Server) AppURL() string { return s.url(AppRole, DatabaseName) }

// AdminURL is the address of the maintenance database as the superuser, for backup, restore and tests.
func (s *Server) AdminURL() string { return s.url(adminRole, adminRole) }

func (s *Server) url(role, database string) string {
	return socketURL(s.layout.socketDir, role, database)
}

// exists says whether a file or folder is there; an error other than absence counts as there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// pause waits for d or until the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
