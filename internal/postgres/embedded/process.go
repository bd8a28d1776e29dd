package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// shutdownSteps end a server: fast first (clients are cut off, everything is written), then immediate (recovery at the
// next start), then by force.
var shutdownSteps = []struct {
	signal syscall.Signal
	limit  time.Duration // how long to wait before the next step
}{
	{syscall.SIGINT, 10 * time.Second},
	{syscall.SIGQUIT, 5 * time.Second},
	{syscall.SIGKILL, 5 * time.Second},
}

// process is one run of the postmaster.
type process struct {
	pid    int
	cmd    *exec.Cmd
	exited chan struct{}
}

// state is how the process ended. Only valid after exited is closed.
func (p *process) state() string { return p.cmd.ProcessState.String() }

// builtin are the server's settings. Durability stands first: the service answers only what is on disk.
func builtin(socketDir string) map[string]string {
	return map[string]string{
		"fsync":              "on",
		"full_page_writes":   "on",
		"synchronous_commit": "on",

		"listen_addresses":        "",
		"unix_socket_directories": quote(socketDir), // a list, whose elements are quoted as identifiers are
		"unix_socket_permissions": "0700",
		"port":                    "5432",
		"max_connections":         "100",

		"shared_buffers":   "256MB",
		"random_page_cost": "1.1", // no spinning disks
		"jit":              "off", // short statements: compiling costs more than it saves
		"timezone":         "UTC",
		"log_timezone":     "UTC",
		"cluster_name":     "ringfence",

		"logging_collector":   "off", // standard error is the log file
		"log_line_prefix":     "%m [%p] %u@%d ",
		"log_error_verbosity": "terse", // no row values of clients in the log
		"log_checkpoints":     "off",
	}
}

// launch starts the postmaster and returns when it accepts connections. When ctx ends first it is shut down again.
func (s *Server) launch(ctx context.Context) (*process, error) {
	const patience = 30 * time.Second
	deadline := time.Now().Add(patience)
	for {
		p, err := s.launchOnce(ctx)
		// Backends of a killed postmaster need a moment to notice that it is gone.
		if !errors.Is(err, errMemoryInUse) || time.Now().After(deadline) {
			return p, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

var errMemoryInUse = errors.New("processes of the previous server still run")

func (s *Server) launchOnce(ctx context.Context) (*process, error) {
	logFile, offset, err := openLog(s.layout.logFile)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	p, err := s.spawn(ctx, logFile)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.pid.Store(int64(p.pid))
	err = waitReady(ctx, p, s.layout.cluster, s.AdminURL())
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, errEnded):
		return nil, startError(logSince(logFile, offset), p.state(), s.layout.logFile)
	default:
		return nil, errors.Join(fmt.Errorf("wait for PostgreSQL: %w", err), p.shutdown(s.log))
	}
}

// startError tells why the server ended, from what it wrote.
func startError(output []byte, state, logFile string) error {
	if bytes.Contains(output, []byte("pre-existing shared memory block")) {
		return fmt.Errorf("PostgreSQL does not start: %w (log: %s)", errMemoryInUse, logFile)
	}
	return fmt.Errorf("PostgreSQL does not start: %s: %s (log: %s)", state, lastLines(output, 3), logFile)
}

// spawn runs the postmaster as a child of this process. On Linux the kernel tells it to shut down when this process
// dies; it does so when the thread that forked it ends, hence the goroutine that keeps its thread.
func (s *Server) spawn(ctx context.Context, logFile *os.File) (*process, error) {
	settings := builtin(s.layout.socketDir)
	maps.Copy(settings, s.settings)
	args := []string{"-D", s.layout.cluster}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	// The postmaster outlives the context of the start: only shutdown may end it, never a plain kill.
	cmd := s.account.command(context.WithoutCancel(ctx), s.layout.base, s.binaries.path("postgres"), args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	endWithParent(cmd.SysProcAttr)

	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the exit status stays in cmd.ProcessState
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.pid = cmd.Process.Pid
	return p, nil
}

var errEnded = errors.New("the server ended")

// waitReady returns when the server says that it is ready, and answers. Crash recovery may take its time: only ctx
// bounds it.
func waitReady(ctx context.Context, p *process, cluster, url string) error {
	const interval = 10 * time.Millisecond
	for {
		if said := readPostmaster(cluster); said.pid == p.pid && said.ready {
			return ping(ctx, url)
		}
		select {
		case <-p.exited:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

func ping(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// shutdown ends the server and waits until it is gone.
func (p *process) shutdown(log *slog.Logger) error {
	for _, step := range shutdownSteps {
		if err := p.cmd.Process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop PostgreSQL (pid %d): %w", p.pid, err)
		}
		select {
		case <-p.exited:
			return nil
		case <-time.After(step.limit):
			log.Warn("PostgreSQL does not stop", "pid", p.pid, "signal", step.signal.String(), "after", step.limit)
		}
	}
	return fmt.Errorf("PostgreSQL (pid %d) does not stop", p.pid)
}
