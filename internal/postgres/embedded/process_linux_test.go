package embedded

import "testing"

// TestServerEndsWithParent: on Linux no server outlives the ringfence that started it, even if none is started again.
func TestServerEndsWithParent(t *testing.T) {
	t.Parallel()
	dir := preparedDir(t)
	cmd, lines := spawnChild(t, dir)
	number(t, lines, "postmaster")
	kill9(t, cmd.Process.Pid)
	l, err := newLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server ends", func() bool {
		pids, err := clusterProcesses(t.Context(), l.cluster)
		if err != nil {
			t.Fatal(err)
		}
		return len(pids) == 0
	})
}
