package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a running `ringfence serve --dev` with a data directory of its own.
type server struct {
	binary string
	url    string
}

// startServer builds ringfence, starts it on a free port and an empty data directory, and waits until it is ready.
// The end of the test stops it as an operator would.
func startServer(ctx context.Context, t *testing.T) *server {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "ringfence")
	if output, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "ringfence/cmd/ringfence").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	lifetime, stop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the test body, and ends in Cleanup
	command := exec.CommandContext(lifetime, binary, "serve", "--dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
		"--data-dir", dataDirectory(t), "--log-format", "json")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 30 * time.Second
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	log := followLog(output)
	t.Cleanup(func() {
		stop()
		<-log.ended                                                   // before Wait, which closes the pipe
		if err := command.Wait(); !errors.Is(err, context.Canceled) { // what Wait says of a stopped process that exited 0
			t.Errorf("ringfence serve ended with %v:\n%s", err, log.text())
		}
	})
	started := &server{binary: binary}
	select {
	case started.url = <-log.url:
	case <-log.ended:
		t.Fatalf("ringfence serve ended before it served:\n%s", log.text())
	case <-ctx.Done():
		t.Fatalf("ringfence serve did not say where it serves: %v\n%s", ctx.Err(), log.text())
	}
	started.awaitReady(ctx, t)
	return started
}

// dataDirectory is one that the account of the embedded database can reach: t.TempDir keeps others out of its parent.
func dataDirectory(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	if err := os.Chmod(filepath.Dir(directory), 0o711); err != nil { // #nosec G302 -- a folder others may pass through
		t.Fatal(err)
	}
	return directory
}

// awaitReady asks /readyz until it agrees.
func (s *server) awaitReady(ctx context.Context, t *testing.T) {
	t.Helper()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		state, err := s.readiness(ctx)
		if err == nil && state == http.StatusOK {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatalf("%s/readyz: last answer %d, %v", s.url, state, err)
		}
	}
}

func (s *server) readiness(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// loadReference imports the reference deployment and puts its policy in force, with the commands that the README names.
func (s *server) loadReference(ctx context.Context, t *testing.T) {
	t.Helper()
	const reference = "../../deployments/reference/"
	for _, arguments := range [][]string{
		{"import", reference + "deployment.yaml"},
		{"policy", "apply", reference + "policy.yaml", "--activate"},
	} {
		command := exec.CommandContext(ctx, s.binary, arguments...)
		command.Env = append(os.Environ(), "RINGFENCE_URL="+s.url)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("ringfence %s: %v\n%s", strings.Join(arguments, " "), err, output)
		}
	}
}

// log is what the server writes, read as it comes.
type log struct {
	url   chan string   // where the server says it serves, once
	ended chan struct{} // closed when the server closed its end

	mu    sync.Mutex
	lines strings.Builder
}

func followLog(output io.Reader) *log {
	followed := &log{url: make(chan string, 1), ended: make(chan struct{})}
	go func() {
		defer close(followed.ended)
		lines := bufio.NewScanner(output)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			followed.add(lines.Bytes())
		}
	}()
	return followed
}

func (l *log) add(line []byte) {
	l.mu.Lock()
	_, _ = fmt.Fprintln(&l.lines, string(line))
	l.mu.Unlock()
	var record struct {
		Msg string `json:"msg"`
		URL string `json:"url"`
	}
	if json.Unmarshal(line, &record) == nil && record.Msg == "ringfence serves" {
		l.url <- record.URL
	}
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}
