package nfvi

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// startAgent runs the agent as a service of the host.
func (w *worker) startAgent() {
	w.t.Helper()
	w.agent = startProcess(w.t, "agent-"+w.name, program, append([]string{
		"agent", "--host", w.name, "--url", w.l.ringfence.URL, "--state-dir", filepath.Join(w.folder, "agent"), "--snapshotter-socket", w.snapshot,
		"--containerd-socket", w.socket, "--containerd-root", filepath.Join(w.folder, "containerd"), "--log-format", "text", "--log-level", "debug",
	}, w.l.identity...)...)
}

// deployAgent runs the agent as the manifests have it, on the nodes that are labelled for that. The paths are those of the worker:
// it shares its machine with others.
func (w *worker) deployAgent() {
	w.t.Helper()
	secret := map[string]string{"url": w.l.ringfence.URL, "token": "token-AGENTS"}
	authority, err := os.ReadFile(w.l.pki.file("ca.crt"))
	if err != nil {
		w.t.Fatal(err)
	}
	secret["ca.crt"] = string(authority)
	var data []string
	for name, value := range secret {
		data = append(data, fmt.Sprintf("%q: %q", name, base64.StdEncoding.EncodeToString([]byte(value))))
	}
	text := "{apiVersion: v1, kind: Secret, metadata: {name: ringfence-service, namespace: ringfence-agent}, data: {" + strings.Join(data, ", ") + "}}"
	w.l.apply(w.t, objects(w.t, text)[0])

	manifest, err := os.ReadFile(filepath.Join("..", "..", "deployments", "kubernetes", "agent.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	local := strings.NewReplacer(
		"image: ringfence ", fmt.Sprintf("image: %s/%s@%s\n          command: [/ringfence] ", w.registry, w.l.image.name, w.l.image.digest),
		"/run/containerd", filepath.Dir(w.socket), "/run/ringfence", filepath.Dir(w.snapshot),
		"/var/lib/containerd", filepath.Join(w.folder, "containerd"), "/var/lib/ringfence-agent", filepath.Join(w.folder, "agent"),
	).Replace(string(manifest))
	for _, o := range objects(w.t, local) {
		w.l.apply(w.t, o)
	}
}

// served waits until the agent is there for containerd.
func (w *worker) served() {
	w.t.Helper()
	eventually(w.t, 3*time.Minute, "the agent of "+w.name+" serves", func() error {
		connection, err := net.Dial("unix", w.snapshot)
		if err == nil {
			return connection.Close()
		}
		pods, _ := w.l.admin.Resource(resources["Pod"]).Namespace("ringfence-agent").List(w.t.Context(), metav1.ListOptions{})
		for i := range pods.Items {
			err = fmt.Errorf("%w; pod %s: %v", err, pods.Items[i].GetName(), pods.Items[i].Object["status"])
		}
		return err
	})
}

// fails takes the host's power away: nothing of it ends in order.
func (w *worker) fails() {
	w.t.Helper()
	for _, p := range []*process{w.kubelet, w.agent, w.runtime} {
		if p != nil {
			p.kill()
		}
	}
	w.stopShims()
	for _, folder := range w.cgroups() {
		eventually(w.t, time.Minute, "all of "+w.name+" is ended", func() error {
			if err := endGroup(folder); err != nil {
				return err
			}
			return nil
		})
	}
}

// returns has the host be started again, until the whole test ends.
func (w *worker) returns() {
	w.t.Helper()
	again := w.whole
	again.makeCgroups()
	again.startContainerd()
	if again.agent != nil {
		again.startAgent()
	}
	again.startKubelet()
	again.joins()
	w.runtime, w.agent, w.kubelet = again.runtime, again.agent, again.kubelet
}
