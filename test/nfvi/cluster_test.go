package nfvi

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"ringfence/test/server"
)

// live is a cluster whose nodes are real: what is granted is run by a kubelet and containerd, what is ordered is done by agents.
type live struct {
	*cluster
	store   *node             // has the registry
	images  map[string]pushed // by trust domain
	marks   map[string]string // what their content can be found by
	own     []string          // digests of what belongs to the hosts
	image   pushed            // of ringfence
	workers map[string]*worker
}

// TestCluster runs pods on two real nodes, in the order of a cluster's life.
func TestCluster(t *testing.T) {
	l := startLive(t)
	t.Run("a granted pod runs where and how it was granted", l.testRuns)
	t.Run("nothing else runs", l.testNothingElse)
	t.Run("an agent speaks for its host only", l.testIdentity)
	t.Run("images lie as they may", l.testImages)
	t.Run("what is started past Kubernetes is a violation", l.testByHand)
	t.Run("ringfence is down", l.testServiceDown)
	t.Run("a node fails", l.testFailover)
}

// startLive runs everything: ringfence, the control plane with its controllers, cism, and two workers. The agent of the
// first is a service of its host and shows a certificate, as cism does; that of the second is a pod and has the token of its cluster.
func startLive(t *testing.T) *live {
	t.Helper()
	if !clusterWanted() {
		t.Skip("not run: this needs two real nodes on this machine; `make test-cluster` prepares them and runs it")
	}
	for _, plugin := range []string{"ptp", "host-local", "loopback"} {
		if _, err := exec.LookPath(filepath.Join("/usr/lib/cni", plugin)); err != nil {
			t.Fatalf("%v: install Debian's package containernetworking-plugins", err)
		}
	}
	l := &live{
		cluster: &cluster{t: t, stateFile: filepath.Join(t.TempDir(), "state.json"), listen: freeAddress(t)},
		store:   &node{t: t, blobs: filepath.Join(t.TempDir(), "registry")},
		images:  map[string]pushed{}, marks: map[string]string{}, workers: map[string]*worker{},
	}
	l.store.startRegistry()
	l.makeImages()
	l.secure = server.NewTLS(t)
	l.agents = []server.Client{
		{ID: "agent-w1", Token: "token-w1", HostIDs: []string{"w1"}, Roles: []string{"AGENT", "SCRUBBER"}},
		{ID: "agents", Token: "token-AGENTS", VIMConnectionIDs: []string{vimConnection}, Roles: []string{"AGENT", "SCRUBBER"}},
	}
	l.startRingfence()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(sitePolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	l.fill(l.inventory(), policy)
	l.controlPlane = startControlPlane(t)
	for _, name := range []string{"runtimeclasses.yaml", "namespace.yaml"} {
		for _, o := range manifests(t, name) {
			l.apply(t, o)
		}
	}
	l.apply(t, objects(t, "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: hardened}, handler: hardened}")[0])
	l.startCISM("--max-silence", "10s")
	l.registerWebhooks()
	l.startScheduler(t, l.listen)
	l.startControllers()
	first := l.addWorker("w1", 0, "host")
	first.startAgent()
	second := l.addWorker("w2", 1, "true")
	second.deployAgent()
	for _, w := range []*worker{first, second} {
		w.served()
	}
	return l
}

// makeImages puts the images of the workloads into the registry, one for each trust domain, and those of empty pods and ringfence.
func (l *live) makeImages() {
	l.t.Helper()
	pause := pushImage(l.t, l.store, "pause", "1", layerOf(l.t, map[string]string{"pause": sleeper(l.t)}))
	l.image = pushImage(l.t, l.store, "ringfence", "1", layerOf(l.t, map[string]string{"ringfence": program}))
	l.own = []string{pause.digest, l.image.digest}
	l.fabric = []string{fmt.Sprintf("{namespace: ringfence-agent, serviceAccounts: [ringfence-agent], images: [%q]}", l.image.digest)}
	workload := compile(l.t, "ringfence/test/nfvi/workload")
	for _, domain := range []string{domainShared, domainEncrypted, domainNoStore} {
		mark, layer := marked(l.t, map[string]string{"pause": workload})
		l.images[domain] = pushImage(l.t, l.store, strings.ToLower(domain), "1", layer)
		l.marks[domain] = mark
	}
}

// inventory writes what ringfence is to know: two hosts, and a network function of each trust domain.
func (l *live) inventory() string {
	l.t.Helper()
	var text strings.Builder
	text.WriteString("apiVersion: ringfence/v1\nkind: Inventory\ntrustDomains:\n")
	domains := slices.Sorted(maps.Keys(l.images))
	for _, domain := range domains {
		fmt.Fprintf(&text, "  - {id: %s, name: %s, category: CONTROL_PLANE, sensitivity: 1, exclusive: false, requiresPhysicalSecurity: false, allowedCountries: [GB], maxAttestationAge: 24h}\n", domain, domain)
	}
	fmt.Fprintf(&text, `nfviPops: [{id: LON, country: GB}]
resourceZones: [{id: LON-A, nfviPopId: LON}]
hostPools: [{id: pool, allowedTrustDomainIds: [%s], fabricDigests: ["%s"]}]
runtimeClasses: [{name: hardened, isolation: OS_CONTAINER}, {name: runc, isolation: OS_CONTAINER}]
hosts:
`, strings.Join(domains, ", "), strings.Join(l.own, `", "`))
	for _, host := range []string{"w1", "w2"} {
		fmt.Fprintf(&text, "  - {id: %s, hostPoolId: pool, nfviPopId: LON, resourceZoneId: LON-A, physicallySecure: true, hypervisorClass: NONE, runtimes: [hardened, runc], capabilities: [CACHE_ENC, ENC_STORAGE, EPHEMERAL_ENC], capacity: {cpuMillis: 64000, memoryMiB: 65536}, vimConnectionId: %s, lifecycle: IN_SERVICE, attestation: {state: TRUSTED, age: 1m, verifier: test}}\n", host, vimConnection)
	}
	text.WriteString("images:\n")
	for _, domain := range domains {
		i := l.images[domain]
		fmt.Fprintf(&text, "  - {digest: %q, reference: %q, kind: CONTAINER_IMAGE}\n", i.digest, l.store.at(i))
	}
	text.WriteString("vnfProfiles:\n")
	for _, domain := range domains {
		fmt.Fprintf(&text, "  - {vnfdId: %s, nfType: AMF, trustDomainId: %s, components: [{id: c, roles: [SIGNALLING], runtime: hardened, images: [%q], resources: {cpuMillis: 100, memoryMiB: 64}}]}\n", domain, domain, l.images[domain].digest)
	}
	path := filepath.Join(l.t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// startControllers runs the controllers that make pods and that notice nodes which fail.
func (l *live) startControllers() {
	l.t.Helper()
	user := l.pki.kubeconfig(l.t, l.pki.user(l.t, l.server, "controllers", "system:masters"), "controllers")
	controllers := []string{
		"node-lifecycle-controller", "taint-eviction-controller", "replicaset-controller", "deployment-controller", "daemonset-controller",
		"garbage-collector-controller", "namespace-controller", "pod-garbage-collector-controller",
	}
	startProcess(l.t, "kube-controller-manager", filepath.Join(l.programs, "kube-controller-manager"), "--kubeconfig", user, "--leader-elect=false",
		"--bind-address", "127.0.0.1", "--secure-port", portOf(l.t, freeAddress(l.t)), "--controllers", strings.Join(controllers, ","),
		"--node-monitor-grace-period=16s", "--node-monitor-period=2s")
}

// in is the cluster as a subtest uses it.
func (l *live) in(t *testing.T) *live {
	sub := *l
	sub.cluster = l.on(t)
	sub.workers = map[string]*worker{}
	for name, w := range l.workers {
		sub.workers[name] = w.at(t, &sub)
	}
	return &sub
}

// podOf is a pod of a trust domain's image.
func (l *live) podOf(domain, name, namespace string, labels map[string]string, change ...func(spec, metadata map[string]any)) *unstructured.Unstructured {
	i := l.images[domain]
	ours := func(spec, _ map[string]any) {
		container(spec)["image"] = l.store.registry + "/" + i.name + "@" + i.digest
		container(spec)["resources"] = map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "64Mi"}}
		spec["terminationGracePeriodSeconds"] = int64(1)
	}
	return pod(name, namespace, labels, append([]func(spec, metadata map[string]any){ours}, change...)...)
}

// created creates a pod that was granted. cism may be waiting for ringfence at the moment.
func (l *live) created(p *unstructured.Unstructured) {
	l.t.Helper()
	eventually(l.t, time.Minute, "pod "+p.GetName()+" is admitted", func() error {
		_, err := create(l.t.Context(), l.admin, p)
		return err
	})
}

// answers waits until a pod runs and answers with its name, and returns its node.
func (l *live) answers(namespace, name string) string {
	l.t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	var node string
	eventually(l.t, 3*time.Minute, "pod "+name+" answers", func() error {
		p, err := l.admin.Resource(resources["Pod"]).Namespace(namespace).Get(l.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		node, _, _ = unstructured.NestedString(p.Object, "spec", "nodeName")
		phase, _, _ := unstructured.NestedString(p.Object, "status", "phase")
		address, _, _ := unstructured.NestedString(p.Object, "status", "podIP")
		if phase != "Running" {
			return fmt.Errorf("it is %s: %v", phase, p.Object["status"])
		}
		answer, err := client.Get("http://" + address + ":8080/")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil && string(text) != name {
			err = fmt.Errorf("it answers %q", text)
		}
		return err
	})
	return node
}

// runs creates the pod of a grant, which answers where it was granted and runs nowhere else.
func (l *live) runs(domain, name string, g granted) {
	l.t.Helper()
	l.created(l.podOf(domain, name, g.namespace, g.labels()))
	if node := l.answers(g.namespace, name); node != g.host {
		l.t.Errorf("%s runs on %s, and was granted on %s", name, node, g.host)
	}
	for _, w := range l.workers {
		found, err := w.sandboxes()
		if err != nil {
			l.t.Error(err)
		}
		if want := map[bool]string{true: "hardened"}[w.name == g.host]; found[name].GetRuntimeHandler() != want {
			l.t.Errorf("containerd of %s runs %s by %q, want %q", w.name, name, found[name].GetRuntimeHandler(), want)
		}
	}
}

// gone deletes a pod and waits until its kubelet has ended it.
func (l *live) gone(namespace, name string) {
	l.t.Helper()
	pods := l.admin.Resource(resources["Pod"]).Namespace(namespace)
	if err := pods.Delete(l.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		l.t.Fatal(err)
	}
	eventually(l.t, 2*time.Minute, "pod "+name+" has gone", func() error {
		if _, err := pods.Get(l.t.Context(), name, metav1.GetOptions{}); err == nil {
			return fmt.Errorf("it is there")
		}
		return nil
	})
}
