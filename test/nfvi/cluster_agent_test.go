package nfvi

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	issuer "ringfence/test/pki"
	"ringfence/test/stub"
)

// startAgent runs the agent as a service of the host.
func (w *worker) startAgent() {
	w.t.Helper()
	w.agent = startProcess(w.t, "agent-"+w.name, program, append([]string{
		"agent", "--host", w.name, "--url", w.l.ringfence.URL, "--state-dir", filepath.Join(w.folder, "agent"), "--snapshotter-socket", w.snapshot,
		"--containerd-socket", w.socket, "--containerd-root", filepath.Join(w.folder, "containerd"), "--log-format", "text", "--log-level", "debug",
	}, w.l.identity(w.name)...)...)
}

// deployAgent runs the agent as the manifests have it, on the nodes that are labelled for that. The paths are those of the worker:
// it shares its machine with others.
func (w *worker) deployAgent() {
	w.t.Helper()
	secret := map[string]string{"url": w.l.ringfence.URL, "token": "token-AGENTS"}
	authority, err := os.ReadFile(w.l.secure.ClientCAFile)
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

// testIdentity reads the directives of hosts as the agent of one, without its token, and with a certificate of somebody else.
func (l *live) testIdentity(t *testing.T) {
	l = l.in(t)
	own := l.secure.Authority.Issue(t, issuer.Leaf{Name: "w1", DNS: []string{"w1"}})
	stranger := issuer.New(t, "authority").Issue(t, issuer.Leaf{Name: "w1", DNS: []string{"w1"}})
	read := func(host, token string, shown *issuer.Identity) error {
		client := stub.Client{URL: l.ringfence.URL, Token: token, HTTP: l.secure.Client(t, shown)}
		_, err := client.Do(t.Context(), "GET", "/directives/v1/hosts/"+host+"/directives", nil, nil)
		return err
	}
	if err := read("w1", "token-w1", own); err != nil {
		t.Errorf("its own host: %v", err)
	}
	for name, tc := range map[string]struct {
		err  error
		says string
	}{
		"another host":      {read("w2", "token-w1", own), "403"},
		"no token":          {read("w1", "", own), "401"},
		"another authority": {read("w1", "token-w1", stranger), ""}, // there is no answer: the connection ends
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.says) {
			t.Errorf("%s: answered with %v, want %s", name, tc.err, tc.says)
		}
	}
}
