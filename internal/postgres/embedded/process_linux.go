package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent has the kernel ask the server for a fast shutdown when ringfence dies without stopping it.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// clusterProcesses lists the PostgreSQL processes that run on a cluster: all of them have it as working directory.
func clusterProcesses(_ context.Context, cluster string) ([]int, error) {
	home, err := os.Stat(cluster)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for running servers: %w", err)
	}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("look for running servers: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		comm, err := os.ReadFile(filepath.Join(entry, "comm"))
		if err != nil || strings.TrimSpace(string(comm)) != "postgres" {
			continue // ended meanwhile, or another program
		}
		cwd, err := os.Stat(filepath.Join(entry, "cwd"))
		if err != nil || !os.SameFile(cwd, home) {
			continue // ended meanwhile, another user's, or another cluster's
		}
		if pid, err := strconv.Atoi(filepath.Base(entry)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
