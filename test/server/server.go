// Package server starts the real ringfence for tests: it builds the program, runs `ringfence serve` as a process of its
// own, waits until it is ready, reads its log, and ends it as an operator would or as a power failure does.
//
// It knows nothing of what ringfence answers, and must not replace any part of it.
package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Build compiles ringfence into a folder and returns the path of the program.
func Build(ctx context.Context, folder string) (string, error) {
	program := filepath.Join(folder, "ringfence")
	output, err := exec.CommandContext(ctx, "go", "build", "-o", program, "ringfence/cmd/ringfence").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return program, nil
}

// Options say how to run ringfence.
type Options struct {
	// Program is what Build returned.
	Program string
	// DataDir holds the signing key, and the database when there is no DatabaseURL.
	DataDir string
	// DatabaseURL is the database to use; empty: a private one in DataDir.
	DatabaseURL string
	// Clients authenticate by token; nil: everybody is let in.
	Clients []Client
	// TLS is what the APIs are served with; nil: plain HTTP.
	TLS *TLS
	// Production leaves out --dev.
	Production bool
	// Flags are further flags of `ringfence serve`.
	Flags []string
}

// Process is a running `ringfence serve` on free ports of the loopback address.
type Process struct {
	// URL is the base of the APIs, without a slash at the end.
	URL string
	// Admin is the base of health and metrics.
	Admin string

	command *exec.Cmd
	log     *log
	http    *http.Client
	caFile  string // of the authority of TLS; empty: none
}

// stopTimeout is how long a process may take to end when it is asked to.
const stopTimeout = 30 * time.Second

// Start runs ringfence and returns when it is ready to decide. The context bounds the start only.
func Start(ctx context.Context, o Options) (*Process, error) {
	arguments := []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json", "--data-dir", o.DataDir}
	if !o.Production {
		arguments = append(arguments, "--dev")
	}
	arguments = append(arguments, o.TLS.flags()...)
	if o.DatabaseURL != "" {
		arguments = append(arguments, "--database-url", o.DatabaseURL)
	}
	if o.Clients != nil {
		file, err := writeTokens(o.DataDir, o.Clients)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, "--auth", "token", "--token-file", file)
	}
	p := &Process{command: exec.CommandContext(context.WithoutCancel(ctx), o.Program, append(arguments, o.Flags...)...), http: o.TLS.client(), caFile: o.TLS.caFile()}
	p.command.Env = environment()
	output, err := p.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.log = follow(output)
	if err := p.await(ctx); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

// environment is this process's, without settings of a ringfence that somebody has on this machine.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "RINGFENCE_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// await waits until the process says where it serves, and then that it is ready.
func (p *Process) await(ctx context.Context) error {
	select {
	case at := <-p.log.serving:
		p.URL, p.Admin = at.URL, at.Admin
	case <-p.log.ended:
		return fmt.Errorf("ringfence serve ended before it served:\n%s", p.Log())
	case <-ctx.Done():
		return fmt.Errorf("ringfence serve did not say where it serves: %w\n%s", ctx.Err(), p.Log())
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		status, err := p.readiness(ctx)
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-poll.C:
		case <-p.log.ended:
			return fmt.Errorf("ringfence serve ended before it was ready:\n%s", p.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s/readyz: last answer %d, %w\n%s", p.URL, status, errors.Join(err, ctx.Err()), p.Log())
		}
	}
}

func (p *Process) readiness(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
	if err != nil {
		return 0, err
	}
	answer, err := p.http.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// Stop asks the process to end, and waits. An exit code other than 0 is an error.
func (p *Process) Stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	giveUp := time.AfterFunc(stopTimeout, func() { _ = p.command.Process.Kill() })
	defer giveUp.Stop()
	<-p.log.ended // before Wait, which closes the pipe
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("ringfence serve: %w", err)
	}
	return nil
}

// Kill ends the process at once, as a power failure does.
func (p *Process) Kill() error {
	if err := p.command.Process.Kill(); err != nil {
		return err
	}
	<-p.log.ended
	var exit *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// PID is the id of the process.
func (p *Process) PID() int { return p.command.Process.Pid }

// Log is everything the process has logged so far.
func (p *Process) Log() string { return p.log.text() }

// Errors are the records of level ERROR that the process has logged so far.
func (p *Process) Errors() []string { return p.log.errors() }
