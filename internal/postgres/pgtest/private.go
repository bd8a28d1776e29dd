package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"ringfence/internal/postgres/embedded"
)

const dirPrefix = "ringfence-pgtest-"

// private starts a server in a directory of its own, from a cached cluster when there is one: copying is quicker
// than initialising.
func private(ctx context.Context, durable bool) (backend, error) {
	for _, root := range []string{memoryDir, os.TempDir()} {
		removeAbandoned(ctx, root)
	}
	binaries, err := embedded.FindBinaries(ctx, os.Getenv("RINGFENCE_PG_BINDIR"))
	if err != nil {
		return backend{}, err
	}
	dir, err := os.MkdirTemp(root(), dirPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return backend{}, fmt.Errorf("directory for the tests' PostgreSQL: %w", err)
	}
	server, err := startCopy(ctx, dir, binaries, settings(durable))
	if err != nil {
		return backend{}, errors.Join(err, os.RemoveAll(dir))
	}
	strategy := "file_copy" // quicker as long as its two checkpoints need not reach a disk
	if durable {
		strategy = "wal_log"
	}
	return backend{
		adminURL: server.AdminURL(),
		prefix:   "test_",
		strategy: strategy,
		stop: func(ctx context.Context) error {
			return errors.Join(server.Stop(ctx), os.RemoveAll(dir))
		},
	}, nil
}

// memoryDir is Linux's file system in memory.
const memoryDir = "/dev/shm"

// root is the folder in which a run's directory is made: in memory when there is room. A durable server needs no disk either,
// as long as it is processes that are killed and not the machine.
func root() string {
	const room = 1 << 30
	var fs syscall.Statfs_t
	if syscall.Statfs(memoryDir, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < room {
		return os.TempDir()
	}
	return memoryDir
}

// settings of the tests' server. What is lost when the machine crashes does not matter to a test that does not crash it.
func settings(durable bool) map[string]string {
	s := map[string]string{"max_connections": "300", "shared_buffers": "128MB", "min_wal_size": "32MB", "max_wal_size": "128MB"}
	if !durable {
		s["fsync"] = "off"
		s["full_page_writes"] = "off"
		s["synchronous_commit"] = "off"
	}
	return s
}

// startCopy starts a server in dir. Nothing depends on the cache: without one the server initialises a cluster.
func startCopy(ctx context.Context, dir string, binaries embedded.Binaries, settings map[string]string) (*embedded.Server, error) {
	opts := embedded.Options{DataDir: dir, BinDir: binaries.Dir, Settings: settings, Logger: slog.New(slog.DiscardHandler)}
	pristine, ok := pristineDir(binaries)
	if !ok {
		return embedded.Start(ctx, opts)
	}
	if _, err := os.Stat(pristine); err != nil {
		if err := makePristine(ctx, opts, pristine); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "postgres"), 0o700); err != nil {
		return nil, fmt.Errorf("directory for the tests' PostgreSQL: %w", err)
	}
	if err := copyTree(ctx, pristine, filepath.Join(dir, "postgres", "data")); err != nil {
		return nil, err
	}
	return embedded.Start(ctx, opts)
}

// pristineDir is where a stopped, prepared cluster of this PostgreSQL and this user is kept.
func pristineDir(binaries embedded.Binaries) (string, bool) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", false // no home directory: do without
	}
	key := sha256.Sum256(fmt.Appendf(nil, "2 %s %s %d", binaries.Dir, binaries.Version, os.Geteuid()))
	return filepath.Join(cache, "ringfence", "pgtest-"+hex.EncodeToString(key[:8])), true
}

// makePristine initialises a cluster in the run's directory and moves it into the cache. Test binaries that do so at
// the same time all succeed; one of their clusters stays.
func makePristine(ctx context.Context, opts embedded.Options, pristine string) error {
	server, err := embedded.Start(ctx, opts)
	if err != nil {
		return err
	}
	if err := server.Stop(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(pristine), 0o700); err != nil {
		return fmt.Errorf("cache of the tests' PostgreSQL: %w", err)
	}
	fresh := pristine + "." + strconv.Itoa(os.Getpid())
	made := filepath.Join(opts.DataDir, "postgres", "data")
	if err := errors.Join(copyTree(ctx, made, fresh), os.RemoveAll(made)); err != nil {
		return err
	}
	if err := os.Rename(fresh, pristine); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cache of the tests' PostgreSQL: %w", err)
	}
	return os.RemoveAll(fresh)
}

// copyTree copies a folder with its owners, which root must keep: the server does not run as root.
func copyTree(ctx context.Context, from, to string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the tests' cluster: %w: %s", err, out)
	}
	return nil
}

// removeAbandoned removes what test binaries left in a folder when they were killed. Their servers are stopped with them (on Linux),
// or here. It does what it can: what stays disturbs nobody.
func removeAbandoned(ctx context.Context, root string) {
	dirs, _ := filepath.Glob(filepath.Join(root, dirPrefix+"*")) // a constant pattern, unless TMPDIR is strange
	for _, dir := range dirs {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		if n, err := strconv.Atoi(pid); err != nil || !errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			continue // not ours, or still running
		}
		if err := embedded.StopAbandoned(ctx, dir); err == nil {
			_ = os.RemoveAll(dir)
		}
	}
}
