//go:build !linux

package embedded

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent does nothing here: a server that outlives ringfence is stopped at the next start.
func endWithParent(*syscall.SysProcAttr) {}

// clusterProcesses lists the postmaster that runs on a cluster, known by its command line.
func clusterProcesses(ctx context.Context, cluster string) ([]int, error) {
	out, err := exec.CommandContext(ctx, "ps", "-axww", "-o", "pid=,command=").Output()
	if err != nil {
		return nil, fmt.Errorf("look for running servers: %w", err)
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasSuffix(fields[1], "/postgres") || !strings.Contains(line, " -D "+cluster+" ") {
			continue
		}
		if pid, err := strconv.Atoi(fields[0]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
