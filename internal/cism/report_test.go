package cism

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	wire "ringfence/api/directives"
)

// shown is a reporter that looks at these nodes and pods.
func shown(t *testing.T, nodes []*corev1.Node, pods ...*corev1.Pod) *reporter {
	t.Helper()
	view, err := newClusterView(&rest.Config{Host: "https://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if err := view.nodes.GetIndexer().Add(n); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range pods {
		if err := view.pods.GetIndexer().Add(p); err != nil {
			t.Fatal(err)
		}
	}
	return &reporter{
		view: view, table: newTable(), cluster: &Cluster{Fabric: []Fabric{{Namespace: "cni", ServiceAccounts: []string{"cni"}, Images: []string{"sha256:c"}}}},
		vimConnectionID: "k8s", defaultRuntime: "runc", now: func() time.Time { return noon },
	}
}

func worker(name, ready string, labels map[string]string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Status: corev1.NodeStatus{
			Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionStatus(ready)}},
			Allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("3900m"), corev1.ResourcePods: resource.MustParse("110")},
		},
	}
}

// A host whose node is not ready may still run what the API server has forgotten, and one with an agent is the agent's.
func TestWhomToSpeakFor(t *testing.T) {
	t.Parallel()
	on := func(host string) map[string]string { return map[string]string{"ringfence.io/host-id": host} }
	agent := on("h4")
	agent[labelAgent] = "true"
	r := shown(t, []*corev1.Node{
		worker("n1", "True", on("h1")), worker("n2", "False", on("h2")), worker("n3a", "True", on("h3")), worker("n3b", "Unknown", on("h3")), worker("n4", "True", agent),
		worker("n5", "True", nil), worker("n6", "True", map[string]string{"kubernetes.io/hostname": "n6"}),
	})
	follow(t, r.table, place("h6", 1, "r", func(p *wire.PlaceDirective) { p.NodeSelector = map[string]string{"kubernetes.io/hostname": "n6"} }))
	hosts := r.hosts()
	if diff := cmp.Diff([]string{"h1", "h6"}, hosts.ids()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	var document bytes.Buffer
	if err := r.writeInventory(&document); err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: ringfence/v1
kind: Inventory
hosts:
  - id: n5
    vimConnectionId: k8s
    lifecycle: REGISTERED
    capacity:
      cpuMillis: 3900
`
	_, got, _ := strings.Cut(document.String(), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestWhatIsReported(t *testing.T) {
	t.Parallel()
	sum := "sha256:" + strings.Repeat("a", 64)
	on := func(p *corev1.Pod, node string) *corev1.Pod { p.Spec.NodeName = node; return p }
	ended, stranger, fabric := on(workload("ended", "e"), "n1"), on(workload("stranger", ""), "n1"), on(workload("cni", ""), "n1")
	ended.Status.Phase, stranger.Labels, stranger.Spec.RuntimeClassName = corev1.PodSucceeded, nil, nil
	fabric.Namespace, fabric.Labels, fabric.Spec.ServiceAccountName, fabric.Spec.Containers[0].Image = "cni", nil, "cni", "cni@sha256:c"
	node := worker("n1", "True", map[string]string{"ringfence.io/host-id": "h1", "ringfence.io/cis-node-id": "vm1"})
	node.Status.Images = []corev1.ContainerImage{{Names: []string{"x:1", "x@" + sum, "y@" + sum}}}
	r := shown(t, []*corev1.Node{node}, on(workload("mine", "r"), "n1"), on(workload("elsewhere", "o"), "n2"), workload("unbound", "u"), ended, stranger, fabric)
	want := wire.ObservedState{
		ObservedAt: noon.Add(-sightAge),
		Residencies: []wire.ObservedResidency{
			{ResidencyID: "r", VIMResourceID: "uid-mine", CISNodeID: "vm1", Runtime: "kata"},
			{VIMResourceID: "uid-stranger", CISNodeID: "vm1", Runtime: "runc"},
		},
		CacheEntries: []wire.ObservedCacheEntry{{Digest: sum, Mode: "SHARED"}},
	}
	if diff := cmp.Diff(want, r.observe([]*corev1.Node{node})); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
