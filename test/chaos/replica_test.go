package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"ringfence/test/server"
)

// replica is one ringfence process after another on the same database and data directory.
type replica struct {
	name    string
	options server.Options
	url     atomic.Pointer[string]
	process *server.Process // that runs; nil: none. Only the test's own goroutine starts and ends processes.
}

// newReplica starts a ringfence on a database, or without one on a private database of its own. The end of the test
// stops it.
func newReplica(t *trial, name string, db *database) *replica {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(workDir, name+"-")
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{name: name, options: server.Options{Program: path, DataDir: dir}}
	if db != nil {
		r.options.DatabaseURL = db.appURL
	}
	t.Cleanup(func() { r.end(t.T) })
	if err := r.start(t.ctx); err != nil {
		t.Fatal(err)
	}
	return r
}

// newReplicas starts two ringfences on one database.
func newReplicas(t *trial, db *database) []*replica {
	t.Helper()
	return []*replica{newReplica(t, "ringfence-1", db), newReplica(t, "ringfence-2", db)}
}

// start starts the next process and returns when it is ready to decide.
func (r *replica) start(ctx context.Context) error {
	p, err := server.Start(ctx, r.options)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	r.process = p
	r.url.Store(&p.URL)
	return nil
}

// base is where the process serves, or the last one did.
func (r *replica) base() string { return *r.url.Load() }

// signal sends a signal to the process.
func (r *replica) signal(s syscall.Signal) error {
	if err := syscall.Kill(r.process.PID(), s); err != nil {
		return fmt.Errorf("%v %s: %w", s, r.name, err)
	}
	return nil
}

// kill ends the process without a word, and returns when it is gone.
func (r *replica) kill() error {
	p := r.process
	r.process = nil
	return errors.Join(panicked(p), p.Kill())
}

// stop ends the process as an operator would.
func (r *replica) stop() error {
	p := r.process
	if p == nil {
		return nil
	}
	r.process = nil
	return errors.Join(syscall.Kill(p.PID(), syscall.SIGCONT), p.Stop(), panicked(p))
}

// end stops what still runs when the test ends, and shows its log if the test failed.
func (r *replica) end(t *testing.T) {
	p := r.process
	if err := r.stop(); err != nil {
		t.Errorf("%s: %v", r.name, err)
	}
	if t.Failed() && p != nil {
		t.Logf("what %s warned of last:\n%s", r.name, strings.Join(lastWarnings(p.Log(), 10), "\n"))
	}
}

// lastWarnings are the last records of a log that are not of level INFO.
func lastWarnings(log string, n int) (records []string) {
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"level":"INFO"`) {
			records = append(records, strings.TrimSpace(line))
		}
	}
	return records[max(0, len(records)-n):]
}

// panicked looks for what no fault outside of a process may cause.
func panicked(p *server.Process) error {
	for _, record := range p.Errors() {
		if strings.Contains(record, "panic") {
			return fmt.Errorf("panic: %s", record)
		}
	}
	return nil
}

// load imports a deployment and puts its policy in force.
func (r *replica) load(t *trial, deployment, policy string) {
	t.Helper()
	r.process.Command(t.ctx, t, "import", deployment)
	r.process.Command(t.ctx, t, "policy", "apply", policy, "--activate")
}
