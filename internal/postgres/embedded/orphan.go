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
	return errors.Join(evict(ctx, l, slog.New(slog.DiscardHandler)), l.removeSocketDir(), lock.release())
}

// evict ends what an earlier ringfence left running on a cluster when it was killed, and removes what would keep the
// next server from starting. The caller holds the directory's lock, so nobody else starts one.
func evict(ctx context.Context, l layout, log *slog.Logger) error {
	pids, err := clusterProcesses(ctx, l.cluster)
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		if err := end(ctx, l.cluster, pids, log); err != nil {
			return err
		}
	}
	return removeStale(l)
}

// end stops processes of a cluster whose owner is gone.
func end(ctx context.Context, cluster string, pids []int, log *slog.Logger) error {
	log.WarnContext(ctx, "stopping the PostgreSQL processes that an earlier ringfence left behind", "pids", pids, "directory", cluster)
	postmaster := readPostmaster(cluster).pid
	// Backends whose postmaster is dead end by themselves; they get a signal only when they do not.
	targets := slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return pid != postmaster })
	for _, step := range shutdownSteps {
		for _, pid := range targets {
			if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stop the earlier PostgreSQL (pid %d): %w", pid, err)
			}
		}
		left, err := waitGone(ctx, cluster, step.limit)
		if err != nil || len(left) == 0 {
			return err
		}
		targets = left
	}
	return fmt.Errorf("the earlier PostgreSQL on %s does not stop (pids %v): stop it by hand", cluster, targets)
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

// removeStale removes the files by which a server that no longer runs would keep the next one from starting: they name
// its process id, which may be another program's by now. A postmaster.pid whose process is gone PostgreSQL deals with
// itself, and checks more while it does.
func removeStale(l layout) error {
	stale := []string{filepath.Join(l.socketDir, socketName), filepath.Join(l.socketDir, socketName+".lock")}
	if pid := readPostmaster(l.cluster).pid; pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		stale = append(stale, filepath.Join(l.cluster, "postmaster.pid"))
	}
	for _, file := range stale {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove what an earlier server left: %w", err)
		}
	}
	return nil
}

// postmasterFile is what the server says about itself in postmaster.pid.
type postmasterFile struct {
	pid       int    // 0: no file
	socketDir string // empty until the server listens
	ready     bool   // it accepts connections
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
	if len(lines) > 7 {
		f.ready = strings.TrimSpace(lines[7]) == "ready"
	}
	return f
}
