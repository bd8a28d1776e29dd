package nfvi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// worker is a node of the cluster: a host with a containerd, a kubelet and an agent of its own.
type worker struct {
	*node
	l       *live
	name    string // of the node, and the id of the host
	group   string // cgroup of all that its kubelet starts
	runs    string // how its agent runs, as the node's label ringfence.io/agent says
	kubelet *process
	agent   *process // nil: it is a pod
	whole   *worker  // the worker as the whole test uses it
}

// addWorker makes a host and has it join the cluster. Its pods have addresses of a part of the link-local range.
func (l *live) addWorker(name string, number int, agent string) *worker {
	l.t.Helper()
	version, missing := built(l.t)
	if missing != nil {
		l.t.Fatal(missing)
	}
	w := &worker{node: newNode(l.t, version), l: l, name: name, runs: agent, group: fmt.Sprintf("ringfence-%d-%s", os.Getpid(), name)}
	l.workers[name], w.whole = w, w
	w.registry = l.store.registry
	w.makeNetwork(number)
	w.makeCgroups()
	w.startContainerd()
	w.startKubelet()
	w.joins()
	return w
}

// makeNetwork configures the network of pods: a pair of interfaces for each.
func (w *worker) makeNetwork(number int) {
	w.t.Helper()
	work := filepath.Dir(w.image)
	subnet := fmt.Sprintf("169.254.%d.%d/26", 64+os.Getpid()%128, number*64)
	config := fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipMasq": false,
		"ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": %q}]]}}]}`, filepath.Join(work, "addresses"), subnet)
	if err := errors.Join(os.Mkdir(filepath.Join(work, "cni"), 0o700), os.WriteFile(filepath.Join(work, "cni", "10-pods.conflist"), []byte(config), 0o600)); err != nil {
		w.t.Fatal(err)
	}
}

// cgroups are the folders of the worker's cgroup: one for each controller, or one for all.
func (w *worker) cgroups() []string {
	w.t.Helper()
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		return []string{filepath.Join(root, w.group)}
	}
	controllers, err := os.ReadDir(root)
	if err != nil {
		w.t.Fatal(err)
	}
	var folders []string
	for _, c := range controllers {
		if c.IsDir() {
			folders = append(folders, filepath.Join(root, c.Name(), w.group))
		}
	}
	return folders
}

// makeCgroups makes the cgroup. When the test ends, whatever runs in it is ended.
func (w *worker) makeCgroups() {
	w.t.Helper()
	for _, folder := range w.cgroups() {
		if err := os.Mkdir(folder, 0o755); err != nil {
			w.t.Fatal(err)
		}
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} { // a cpuset begins without any
			if value, err := os.ReadFile(filepath.Join(folder, "..", name)); err == nil {
				_ = os.WriteFile(filepath.Join(folder, name), value, 0o600)
			}
		}
	}
	w.t.Cleanup(func() {
		for _, folder := range w.cgroups() {
			eventually(w.t, time.Minute, folder+" is gone", func() error { return endGroup(folder) })
		}
	})
}

// endGroup ends what runs in a cgroup and removes it, and all below it.
func endGroup(folder string) error {
	var below []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			below = append([]string{path}, below...)
		}
		return nil
	})
	for _, path := range below {
		processes, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for field := range strings.FieldsSeq(string(processes)) {
			var pid int
			if _, err := fmt.Sscan(field, &pid); err == nil {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if removed := os.Remove(path); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return err
}

// startKubelet runs the kubelet, which registers the node by its own name only.
func (w *worker) startKubelet() {
	w.t.Helper()
	work, l := filepath.Dir(w.image), w.l
	user := l.pki.kubeconfig(w.t, l.pki.user(w.t, l.server, "system:node:"+w.name, "system:nodes"), "kubelet-"+w.name)
	for _, folder := range []string{"static", "certificates"} {
		if err := os.MkdirAll(filepath.Join(work, folder), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
	config := filepath.Join(work, "kubelet.yaml")
	health := freeAddress(w.t)
	text := fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: %s
healthzBindAddress: 127.0.0.1
healthzPort: %s
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /%s
enforceNodeAllocatable: []
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
localStorageCapacityIsolation: false
containerRuntimeEndpoint: unix://%s
staticPodPath: %s
fileCheckFrequency: 1s
podLogsDir: %s
resolvConf: ""
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: %s}}
authorization: {mode: AlwaysAllow}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 0%%, nodefs.available: 0%%, imagefs.available: 0%%, nodefs.inodesFree: 0%%}
nodeStatusUpdateFrequency: 2s
nodeLeaseDurationSeconds: 8
`, portOf(w.t, freeAddress(w.t)), portOf(w.t, health), w.group, w.socket, filepath.Join(work, "static"), filepath.Join(w.folder, "logs"), l.pki.file("ca.crt"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, time.Minute, "containerd answers", func() error { _, err := w.sandboxes(); return err })
	w.kubelet = startProcess(w.t, "kubelet-"+w.name, filepath.Join(l.programs, "kubelet"), "--config", config, "--kubeconfig", user,
		"--hostname-override", w.name, "--root-dir", filepath.Join(w.folder, "kubelet"), "--cert-dir", filepath.Join(work, "certificates"))
}

// joins waits until the node is ready, and says as an administrator which host it is.
func (w *worker) joins() {
	w.t.Helper()
	nodes := w.l.admin.Resource(resources["Node"])
	labels := fmt.Sprintf(`{"metadata": {"labels": {"ringfence.io/host-id": %q, "ringfence.io/agent": %q}}}`, w.name, w.runs)
	eventually(w.t, 2*time.Minute, w.name+" joins the cluster", func() error {
		if w.kubelet.ended() {
			w.t.Fatalf("the kubelet ended:\n%s", w.kubelet.tail())
		}
		_, err := nodes.Patch(w.t.Context(), w.name, types.StrategicMergePatchType, []byte(labels), metav1.PatchOptions{})
		return err
	})
	eventually(w.t, 2*time.Minute, w.name+" is ready", func() error {
		if w.kubelet.ended() {
			w.t.Fatalf("the kubelet ended:\n%s", w.kubelet.tail())
		}
		return w.ready(true)
	})
}

// ready says in what the node is not, or is, ready.
func (w *worker) ready(want bool) error {
	o, err := w.l.admin.Resource(resources["Node"]).Get(w.t.Context(), w.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	is := slices.ContainsFunc(conditions, func(c any) bool {
		condition := c.(map[string]any)
		return condition["type"] == "Ready" && condition["status"] == "True"
	})
	if is != want {
		return fmt.Errorf("ready is %t: %v", is, conditions)
	}
	return nil
}

// sandboxes are the pods that containerd runs, by name.
func (w *worker) sandboxes() (map[string]*cri.PodSandbox, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	runtime, _ := w.pods()
	ready := &cri.PodSandboxFilter{State: &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY}}
	answer, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: ready})
	if err != nil {
		return nil, err
	}
	found := map[string]*cri.PodSandbox{}
	for _, pod := range answer.Items {
		found[pod.Metadata.Name] = pod
	}
	return found, nil
}

// runsNone checks that containerd runs no pod whose name begins so.
func (w *worker) runsNone(prefix string) error {
	found, err := w.sandboxes()
	for name := range found {
		if strings.HasPrefix(name, prefix) {
			err = errors.Join(err, fmt.Errorf("%s runs %s", w.name, name))
		}
	}
	return err
}

// at is the worker as a subtest uses it.
func (w *worker) at(t *testing.T, l *live) *worker {
	n, sub := *w.node, *w
	n.t = t
	sub.node, sub.l = &n, l
	return &sub
}
