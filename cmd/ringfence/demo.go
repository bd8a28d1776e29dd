package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ringfence/internal/config"
	"ringfence/internal/telemetry"
)

const (
	demoStart   = 2 * time.Minute // for the database to be made and to start
	demoLogTail = 15              // lines of the service's log that explain a failure
)

func newDemo(p process) *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Show the main job on a reference deployment", Args: takes(),
		Long: `Show the main job: start the service on a private database in a temporary folder, load the reference deployment
and its policy, and send it real requests over HTTP: two that are granted, one that is refused, one again; then read
what the host is told, and decide the first request anew from its record.

On a terminal the service stays up, so that you can try the console and this command line on it, until Ctrl-C.
Elsewhere the command ends by itself. Nothing is left behind. It needs PostgreSQL's programs, but no server.`,
		Example: "  ringfence demo",
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), p) },
	}
}

// runDemo shows the main job on a service of its own.
func runDemo(ctx context.Context, p process) (err error) {
	stays := isTerminal(p.stdin) && isTerminal(p.stdout)
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough must not keep the demo from cleaning up
	dir, err := demoFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tour := newTour(p)
	tour.title("ringfence demo")
	tour.note("starting the service on a private PostgreSQL, in " + dir)
	began := time.Now()
	service, err := startDemo(ctx, p.getenv, dir, demoAddress(stays))
	if err != nil {
		return explained(err, dir)
	}
	defer func() { err = errors.Join(err, service.end()) }()
	tour.done(began, "the service is up at %s, on a private PostgreSQL", service.url)
	if err := tour.run(ctx, service.url); err != nil {
		return explained(err, dir)
	}
	if !stays {
		return nil
	}
	tour.invite(service.url)
	select {
	case <-ctx.Done():
		tour.note("\nstopping; nothing is left behind")
		return nil
	case <-service.ended:
		return explained(errors.New("the service ended"), dir)
	}
}

// demoFolder makes a temporary folder. PostgreSQL does not run as root, so root's must let another user pass.
func demoFolder() (string, error) {
	parent := os.TempDir()
	if os.Geteuid() == 0 && !passable(parent) {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "ringfence-demo-")
	if err != nil {
		return "", fmt.Errorf("temporary folder: %w; TMPDIR names another place", err)
	}
	if os.Geteuid() != 0 {
		return dir, nil
	}
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // others may pass, not list; what matters in it is 0700
		return "", errors.Join(fmt.Errorf("temporary folder: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// passable says whether every user can pass through a folder and all above it.
func passable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// demoAddress is where the service listens: at the address that clients expect when somebody may try them, if it is free.
func demoAddress(stays bool) string {
	const usual = "127.0.0.1:8080"
	if !stays {
		return "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", usual) //nolint:noctx // closed at once
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = l.Close()
	return usual
}

// demoService is a service in this process.
type demoService struct {
	url    string
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // valid after ended is closed
}

// startDemo starts the service in a folder of its own and returns when it listens. Its log goes to a file there. Settings in
// the environment are not looked at: this must not touch a database that is used for something.
func startDemo(ctx context.Context, getenv func(string) string, dir, address string) (*demoService, error) {
	c, err := config.Load(true, map[string]string{
		"listen": address, "admin-listen": "127.0.0.1:0", "data-dir": filepath.Join(dir, "data"), "drain-timeout": "2s",
	}, nil, func(name string) string {
		if strings.HasPrefix(name, "RINGFENCE_") && name != "RINGFENCE_PG_BINDIR" {
			return ""
		}
		return getenv(name)
	})
	if err != nil {
		return nil, err
	}
	file, err := os.Create(demoLog(dir))
	if err != nil {
		return nil, fmt.Errorf("log of the demo: %w", err)
	}
	log, err := telemetry.NewLogger(file, "info", "text")
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &demoService{cancel: cancel, ended: make(chan struct{})}
	up := make(chan string, 1)
	go func() {
		defer close(s.ended)
		s.err = errors.Join(serve(life, c, log, getenv, func(url string) { up <- url }), file.Close())
	}()
	return s, s.await(ctx, up, log)
}

// await waits until the service listens. If it does not come up, it is gone when await returns.
func (s *demoService) await(ctx context.Context, up <-chan string, log *slog.Logger) error {
	timer := time.NewTimer(demoStart)
	defer timer.Stop()
	var err error
	select {
	case s.url = <-up:
		return nil
	case <-s.ended:
		return fmt.Errorf("the service did not start: %w", s.err)
	case <-timer.C:
		err = fmt.Errorf("the service did not start within %s", demoStart)
	case <-ctx.Done():
		err = errors.New("interrupted")
	}
	log.Warn("demo gives up", "reason", err.Error())
	return errors.Join(err, s.end())
}

// end stops the service and returns what went wrong with it.
func (s *demoService) end() error {
	s.cancel()
	<-s.ended
	return s.err
}

func demoLog(dir string) string { return filepath.Join(dir, "ringfence.log") }

// explained adds the end of the service's log to an error, since the log goes away with the folder.
func explained(err error, dir string) error {
	data, readErr := os.ReadFile(demoLog(dir))
	if readErr != nil || len(data) == 0 {
		return err
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	lines = lines[max(0, len(lines)-demoLogTail):]
	return fmt.Errorf("%w\nthe service's log ends with:\n  %s", err, strings.Join(lines, "\n  "))
}
