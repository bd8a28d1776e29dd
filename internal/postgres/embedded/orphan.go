package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// StopAbandoned stops the server that a killed ringfence left running in a data directory, if there is one, so that
// the directory can be removed. It fails with *InUseError while a ringfence process uses the directory.
func StopAbandoned(ctx context.Context, dataDir string) error {
	l, err := newLayout(dataDir)
	if err != nil || !exists(l.lockFile) {
		return err
	}
	lock, err := lockDir(l)
	if err != nil {
		return err
	}
	return errors.Join(evict(ctx, l.cluster, slog.New(slog.DiscardHandler)), l.removeSocketDir(), lock.release())
}

// evict ends what an earlier ringfence left running on a cluster when it was killed, and removes a postmaster.pid
// that names a process which is not PostgreSQL. The caller holds the directory's lock, so nobody else starts one.
func evict(ctx context.Context, cluster string, log *slog.Logger) error {
	pids, err := clusterProcesses(ctx, cluster)
	if err != nil {
		return err
	}
	postmaster := readPostmaster(cluster).pid
	if len(pids) == 0 {
		return removeStalePID(cluster, postmaster)
	}
	log.WarnContext(ctx, "stopping the PostgreSQL processes that an earlier ringfence left behind", "pids", pids, "directory", cluster)
	// Backends whose postmaster is dead end by themselves; they get a signal only when they do not.
	first := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return pid != postmaster })
	for _, step := range []struct {
		signal syscall.Signal
		pids   []int
		limit  time.Duration
	}{{syscall.SIGINT, first, fastLimit}, {syscall.SIGQUIT, pids, immediateLimit}, {syscall.SIGKILL, pids, immediateLimit}} {
		for _, pid := range step.pids {
			if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stop the earlier PostgreSQL (pid %d): %w", pid, err)
			}
		}
		if pids, err = waitGone(ctx, cluster, step.limit); err != nil || len(pids) == 0 {
			return err
		}
	}
	return fmt.Errorf("the earlier PostgreSQL on %s does not stop (pids %v): stop it by hand", cluster, pids)
}

// waitGone waits until no process of the cluster is left and returns those that are.
func waitGone(ctx context.Context, cluster string, limit time.Duration) ([]int, error) {
	deadline := time.Now().Add(limit)
	for {
		pids, err := clusterProcesses(ctx, cluster)
		if err != nil || len(pids) == 0 || time.Now().After(deadline) {
			return pids, err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// removeStalePID removes a postmaster.pid whose process id went to another program: PostgreSQL would take that one
// for a running server. One whose process is gone PostgreSQL deals with itself, and checks more while it does.
func removeStalePID(cluster string, pid int) error {
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	if err := os.Remove(filepath.Join(cluster, "postmaster.pid")); err != nil {
		return fmt.Errorf("remove the stale postmaster.pid: %w", err)
	}
	return nil
}

// postmasterFile is what the server says about itself in postmaster.pid.
type postmasterFile struct {
	pid       int    // 0: no file
	socketDir string // empty until the server listens
}

func readPostmaster(cluster string) postmasterFile {
	b, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return postmasterFile{}
	}
	lines := strings.Split(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return postmasterFile{}
	}
	f := postmasterFile{pid: pid}
	if len(lines) > 4 {
		f.socketDir = lines[4]
	}
	return f
}
