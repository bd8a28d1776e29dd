package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringfence/test/server"
)

const (
	longVariable = "RINGFENCE_TEST_LONG"
	seedVariable = "RINGFENCE_TEST_SEED"
)

// workDir is where this run keeps its binary, its database server and the processes' data.
var workDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if workDir, err = makeWorkDir(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := errors.Join(stopCluster(), os.RemoveAll(workDir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// makeWorkDir makes the folder in memory where the system has a file system for that and it has room: processes are
// killed here, not the machine.
func makeWorkDir() (string, error) {
	const memory, room = "/dev/shm", 2 << 30
	root := os.TempDir()
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= room {
		root = memory
	}
	dir, err := os.MkdirTemp(root, "ringfence-chaos-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711) // the account of the database server must pass through
}

// program is ringfence, built once.
var program = sync.OnceValues(func() (string, error) { return server.Build(context.Background(), workDir) })

// length is how much of something a test does.
type length struct{ short, long int }

func (l length) value() int {
	if os.Getenv(longVariable) == "1" {
		return l.long
	}
	return l.short
}

// trial is one test with its random choices and its deadline.
type trial struct {
	*testing.T

	ctx  context.Context
	seed uint64
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv(seedVariable); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("%s is %q, which is no number", seedVariable, v)
		}
	}
	t.Logf("seed: %s=%d repeats the random choices", seedVariable, seed)
	if _, err := program(); err != nil { // before the clock runs
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(length{4, 20}.value())*time.Minute)
	t.Cleanup(cancel)
	return &trial{T: t, ctx: ctx, seed: seed}
}

// random is the generator of one actor of the test.
func (t *trial) random(actor uint64) *rand.Rand { return rand.New(rand.NewPCG(t.seed, actor)) }

// pause waits, in order to choose an instant and never for something to have happened.
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

// eventually asks until a condition holds.
func eventually(ctx context.Context, what string, condition func() (bool, error)) error {
	for {
		ok, err := condition()
		if ok && err == nil {
			return nil
		}
		if waited := pause(ctx, 10*time.Millisecond); waited != nil {
			return fmt.Errorf("%s: %w", what, errors.Join(waited, err))
		}
	}
}
