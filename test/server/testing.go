package server

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startTimeout is how long a start may take, that of a private database included.
const startTimeout = 2 * time.Minute

// Run starts ringfence for one test, and stops it when the test ends. Without Options.Program it is built; without
// Options.DataDir it gets an empty folder. A record of level ERROR in its log fails the test.
func Run(ctx context.Context, t testing.TB, o Options) *Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if o.Program == "" {
		program, err := Build(ctx, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		o.Program = program
	}
	if o.DataDir == "" {
		o.DataDir = DataDir(t)
	}
	p, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("%v:\n%s", err, p.Log())
		}
		for _, record := range p.Errors() {
			t.Errorf("ringfence logged: %s", record)
		}
	})
	return p
}

// DataDir is an empty folder that the account of the private database can reach: t.TempDir keeps others out of its parent.
func DataDir(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil { // #nosec G302 -- a folder that others may pass through
		t.Fatal(err)
	}
	return folder
}

// Command runs another command of ringfence against the process, and fails the test when it fails. It returns what the
// command printed.
func (p *Process) Command(ctx context.Context, t testing.TB, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(ctx, p.command.Path, arguments...)
	command.Env = append(environment(), "RINGFENCE_URL="+p.URL, "RINGFENCE_CA_FILE="+p.caFile)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("ringfence %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return string(output)
}
