package nfvi

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// containerdVersion is a containerd that the tests run.
type containerdVersion struct {
	name   string
	folder string // of its programs; empty: where the system has them
}

// packaged is the containerd of the system's packages, 1.6 with Debian 12.
var packaged = containerdVersion{name: "containerd as packaged"}

// containerdBuilt is the version that test/nfvi/containerd pins.
const containerdBuilt = "v2.4.2"

// built is the containerd that test/nfvi/containerd/build.sh built, and an error where it did not.
func built(t *testing.T) (containerdVersion, error) {
	t.Helper()
	folder := os.Getenv("RINGFENCE_NFVI_CONTAINERD")
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		folder = filepath.Join(cache, "ringfence", "nfvi", "containerd-"+containerdBuilt)
	}
	v := containerdVersion{name: "containerd " + containerdBuilt, folder: folder}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "ctr"} {
		if _, err := os.Stat(v.program(name)); err != nil {
			return v, fmt.Errorf("%w; test/nfvi/containerd/build.sh builds it", err)
		}
	}
	return v, nil
}

// onEveryContainerd runs a test on a host with each version of containerd that is here.
func onEveryContainerd(t *testing.T, test func(*testing.T, *node)) {
	t.Helper()
	require(t)
	t.Run(packaged.name, func(t *testing.T) { test(t, startNode(t)) })
	newer, missing := built(t)
	t.Run(newer.name, func(t *testing.T) {
		if missing != nil {
			t.Skipf("not run: %v", missing)
		}
		test(t, startNodeOn(t, newer))
	})
}

// program is the path of a program of this containerd.
func (v containerdVersion) program(name string) string {
	if v.folder == "" {
		return name
	}
	return filepath.Join(v.folder, name)
}

// startContainerd runs containerd with the agent's snapshotter as that of CRI.
func (n *node) startContainerd() {
	n.t.Helper()
	work := filepath.Dir(n.image)
	config := filepath.Join(work, "containerd.toml")
	text := n.oldConfig()
	if n.version.folder != "" {
		text = n.config()
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	arguments := []string{"-c", config}
	if n.version.folder != "" { // containerd finds its shim by the path
		arguments = append([]string{"PATH=" + n.version.folder + ":" + os.Getenv("PATH"), n.version.program("containerd")}, arguments...)
		n.runtime = startProcess(n.t, "containerd", "env", arguments...)
	} else {
		n.runtime = startProcess(n.t, "containerd", "containerd", arguments...)
	}
	n.t.Cleanup(n.stopShims)
}

// common is what the configurations of all versions begin with.
func (n *node) common(version int) string {
	return fmt.Sprintf(`version = %d
root = %q
state = %q
[grpc]
  address = %q
[ttrpc]
  address = %q
[debug]
  level = "warn"
[proxy_plugins.ringfence]
  type = "snapshot"
  address = %q
`, version, filepath.Join(n.folder, "containerd"), filepath.Join(n.folder, "run"), n.socket, n.socket+".ttrpc", n.snapshot)
}

// oldConfig is the configuration of containerd 1.6. Its handler kata is a stand-in, because no VM starts here: where the layers of an image
// lie does not depend on what runs them.
func (n *node) oldConfig() string {
	cni := filepath.Join(filepath.Dir(n.image), "cni")
	return n.common(2) + fmt.Sprintf(`[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "ringfence"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
      runtime_type = "io.containerd.runc.v2"
`, n.registry+"/pause:1", cni, cni)
}

// config is the configuration of containerd 2. Pods with the runtime handler fabric are unpacked by containerd's own overlayfs,
// so that they start where no agent runs yet.
func (n *node) config() string {
	cni := filepath.Join(filepath.Dir(n.image), "cni")
	return n.common(3) + fmt.Sprintf(`[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = %q
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.hardened]
      runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.fabric]
      runtime_type = "io.containerd.runc.v2"
      snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "ringfence"
  use_local_image_pull = true
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = %q
`, cni, n.registry+"/pause:1")
}

// ctr does what a person on the host does, in the namespace that such a person is in, whatever becomes of the test meanwhile.
func (n *node) ctr(arguments ...string) {
	n.t.Helper()
	arguments = append([]string{"--address", n.socket, "--namespace", "default"}, arguments...)
	command := exec.CommandContext(context.WithoutCancel(n.t.Context()), n.version.program("ctr"), arguments...)
	if output, err := command.CombinedOutput(); err != nil {
		n.t.Fatalf("ctr %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}
