package nfvi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cd "github.com/containerd/containerd/v2/client"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// node is a host with a real containerd whose store lies on a file system of its own, in a file that can be searched byte by
// byte, and a registry that holds images made by the test.
type node struct {
	t        *testing.T
	folder   string              // of the file system
	image    string              // the file that it lies in
	registry string              // address
	diffIDs  map[string][]string // layers of the images in the registry, by digest
	blobs    string              // where the registry keeps its content
	socket   string              // of containerd
	snapshot string              // socket of the agent's snapshotter
	program  string              // static, sleeps
	version  containerdVersion
	runtime  *process
}

// startNode makes the file system and starts the packaged containerd and the registry.
func startNode(t *testing.T) *node {
	t.Helper()
	return startNodeOn(t, packaged)
}

// startNodeOn does it with a version of containerd.
func startNodeOn(t *testing.T, version containerdVersion) *node {
	t.Helper()
	require(t)
	n := newNode(t, version)
	n.startRegistry()
	pushImage(t, n, "pause", "1", layerOf(t, map[string]string{"pause": n.program}))
	n.startContainerd()
	return n
}

// newNode is a host with its file system, on which nothing runs yet.
func newNode(t *testing.T, version containerdVersion) *node {
	t.Helper()
	for _, program := range []string{version.program("containerd"), "runc", "docker-registry", "mkfs.ext4", "losetup"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: install Debian's packages containerd, runc, docker-registry and e2fsprogs", err)
		}
	}
	work := t.TempDir()
	n := &node{t: t, version: version, folder: filepath.Join(work, "host"), image: filepath.Join(work, "disk"), blobs: filepath.Join(work, "registry")}
	n.socket, n.snapshot = filepath.Join(work, "containerd", "containerd.sock"), filepath.Join(work, "ringfence", "snapshotter.sock")
	for _, socket := range []string{n.socket, n.snapshot} {
		if err := os.Mkdir(filepath.Dir(socket), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n.makeDisk()
	n.program = sleeper(t)
	return n
}

// makeDisk makes a file system that can encrypt folders, and mounts it.
func (n *node) makeDisk() {
	n.t.Helper()
	file, err := os.Create(n.image)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := file.Truncate(768 << 20); err != nil {
		n.t.Fatal(err)
	}
	_ = file.Close()
	run(n.t, "mkfs.ext4", "-q", "-O", "encrypt", n.image)
	if err := os.Mkdir(n.folder, 0o700); err != nil {
		n.t.Fatal(err)
	}
	run(n.t, "mount", "-o", "loop,discard", "--make-shared", n.image, n.folder)
	n.t.Cleanup(func() {
		for _, mounted := range mountsBelow(n.t, n.folder) {
			if err := unix.Unmount(mounted, unix.MNT_DETACH); err != nil {
				n.t.Errorf("unmount %s: %v", mounted, err)
			}
		}
	})
}

// mountsBelow are the mount points in a folder and the folder itself, the deepest first.
func mountsBelow(t *testing.T, folder string) []string {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(table)) {
		at := strings.Fields(line)[1]
		if at == folder || strings.HasPrefix(at, folder+"/") {
			found = append([]string{at}, found...)
		}
	}
	return found
}

func (n *node) startRegistry() {
	n.t.Helper()
	n.registry = freeAddress(n.t)
	config := filepath.Join(n.t.TempDir(), "registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: %s}\n", n.blobs, n.registry)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	startProcess(n.t, "registry", "docker-registry", "serve", config).answers(n.t, http.DefaultClient, "http://"+n.registry+"/v2/")
}

// restartContainerd ends containerd as a power failure does, and starts it again.
func (n *node) restartContainerd() {
	n.t.Helper()
	n.runtime.kill()
	n.startContainerd()
}

// stopShims ends what containerd started for containers, which outlives it: by the socket that its command line names.
func (n *node) stopShims() {
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range processes {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(line, []byte("containerd-shim")) || !bytes.Contains(line, []byte(n.socket)) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(file, "/proc/%d/cmdline", &pid); err == nil {
			endTree(pid)
		}
	}
}

// endTree ends a process and those that it started.
func endTree(pid int) {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = unix.Kill(pid, unix.SIGKILL)
	for field := range strings.FieldsSeq(string(children)) {
		var child int
		if _, err := fmt.Sscan(field, &child); err == nil {
			endTree(child)
		}
	}
}

// client speaks to containerd.
func (n *node) client() *cd.Client {
	n.t.Helper()
	client, err := cd.New(n.socket, cd.WithTimeout(30*time.Second))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = client.Close() })
	return client
}

// pods speaks CRI, as a kubelet does.
func (n *node) pods() (cri.RuntimeServiceClient, cri.ImageServiceClient) {
	n.t.Helper()
	connection, err := grpc.NewClient("unix://"+n.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = connection.Close() })
	return cri.NewRuntimeServiceClient(connection), cri.NewImageServiceClient(connection)
}

// runningPod is a pod with one container, started as a kubelet does.
type runningPod struct {
	n       *node
	sandbox string
}

// startPod pulls an image and runs it in a pod with these annotations. An error is that of the pull.
func (n *node) startPod(name, reference string, annotations map[string]string) (*runningPod, error) {
	n.t.Helper()
	return n.startPodWith("", name, reference, annotations)
}

// startPodWith does so with a runtime handler.
func (n *node) startPodWith(handler, name, reference string, annotations map[string]string) (*runningPod, error) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Minute)
	defer cancel()
	runtime, images := n.pods()
	shared := &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER, Ipc: cri.NamespaceMode_POD}
	config := &cri.PodSandboxConfig{
		Metadata:    &cri.PodSandboxMetadata{Name: name, Uid: "uid-" + name, Namespace: "default"},
		Annotations: annotations, LogDirectory: n.t.TempDir(),
		Linux: &cri.LinuxPodSandboxConfig{CgroupParent: "/ringfence-test", SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: shared}},
	}
	var sandbox *cri.RunPodSandboxResponse
	err := again(ctx, func() (err error) {
		sandbox, err = runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config, RuntimeHandler: handler})
		return err
	})
	if err != nil {
		n.t.Fatalf("run the sandbox of %s: %v", name, err)
	}
	p := &runningPod{n: n, sandbox: sandbox.PodSandboxId}
	n.t.Cleanup(p.remove)
	err = again(ctx, func() error {
		_, err := images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: reference}, SandboxConfig: config})
		return err
	})
	if err != nil {
		return p, err
	}
	made, err := runtime.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: p.sandbox, SandboxConfig: config, Config: &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "main"}, Image: &cri.ImageSpec{Image: reference}, Command: []string{"/pause"},
		Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: shared}},
	}})
	if err != nil {
		n.t.Fatalf("create the container of %s: %v", name, err)
	}
	if _, err := runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: made.ContainerId}); err != nil {
		n.t.Fatalf("start the container of %s: %v", name, err)
	}
	return p, nil
}

// again repeats a call while containerd has no connection to the snapshotter, as a kubelet does: after a restart of the agent
// containerd takes up to three seconds to try again.
func again(ctx context.Context, call func() error) error {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		err := call()
		if status.Code(err) != codes.Unavailable {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// remove ends the pod as a kubelet does, again and again until it is gone: the agent may be stopping it at the same moment. Once
// is enough.
func (p *runningPod) remove() {
	if p.sandbox == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.n.t.Context()), time.Minute)
	defer cancel()
	runtime, _ := p.n.pods()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.sandbox})
		if err == nil {
			_, err = runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.sandbox})
		}
		if err == nil {
			p.sandbox = ""
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.n.t.Errorf("remove the pod: %v", err)
			return
		}
	}
}

// holds counts how often a text lies on the host's disk: in the file that the file system lies in, free blocks, journal and
// all, after everything was written out.
func (n *node) holds(text string) int {
	n.t.Helper()
	folder, err := os.Open(n.folder)
	if err != nil {
		n.t.Fatal(err)
	}
	defer folder.Close()
	if err := unix.Syncfs(int(folder.Fd())); err != nil {
		n.t.Fatal(err)
	}
	disk, err := os.Open(n.image)
	if err != nil {
		n.t.Fatal(err)
	}
	defer disk.Close()
	count, kept := 0, []byte{}
	buffer := make([]byte, 4<<20)
	for {
		read, err := disk.Read(buffer)
		window := append(kept, buffer[:read]...)
		count += bytes.Count(window, []byte(text))
		kept = append([]byte{}, window[max(0, len(window)-len(text)+1):]...)
		if err != nil {
			return count
		}
	}
}

// run runs a program to its end.
func run(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), program, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, output)
	}
	return string(output)
}
