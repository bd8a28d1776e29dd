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
	waiting, glassy := on(workload("waiting", ""), "n1"), on(workload("glassy", ""), "n1")
	waiting.Labels, glassy.Labels = nil, nil
	glassy.Annotations = map[string]string{annotationAdmitted: "no\nservice", annotationBy: "ann"}
	stranger.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", ImageID: "registry/x@" + sum}}
	r := shown(t, []*corev1.Node{node}, on(workload("mine", "r"), "n1"), on(workload("elsewhere", "o"), "n2"), workload("unbound", "u"), ended, stranger, fabric, waiting, glassy)
	want := wire.ObservedState{
		ObservedAt: noon.Add(-sightAge),
		Residencies: []wire.ObservedResidency{
			{VIMResourceID: "uid-cni", CISNodeID: "vm1", Runtime: "kata", Images: []string{"sha256:c"}},
			{VIMResourceID: "uid-glassy", CISNodeID: "vm1", Runtime: "kata", BreakGlass: wire.ObservedBreakGlass{By: "ann", Reason: "no service"}},
			{ResidencyID: "r", VIMResourceID: "uid-mine", CISNodeID: "vm1", Runtime: "kata"},
			{VIMResourceID: "uid-stranger", CISNodeID: "vm1", Runtime: "runc", Images: []string{sum}},
		},
		CacheEntries: []wire.ObservedCacheEntry{{Digest: sum, Mode: "SHARED"}},
	}
	if diff := cmp.Diff(want, r.observe([]*corev1.Node{node})); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// TestImagesOf: what a pod runs is named by its digests or not at all.
func TestImagesOf(t *testing.T) {
	t.Parallel()
	a, b := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	for name, tc := range map[string]struct {
		images   []string // of containers i (init), c, d
		statuses map[string]string
		want     []string
		known    bool
	}{
		"by digest, not started":     {[]string{"x@" + a, "y@" + b, "x@" + a}, nil, []string{a, b}, true},
		"by tag, not started":        {[]string{"x:1", "y:1", "x:1"}, nil, nil, false},
		"one of them not started":    {[]string{"x@" + a, "y:1", "x@" + a}, nil, []string{a}, false},
		"by tag, started":            {[]string{"x:1", "y:1", "y:1"}, map[string]string{"i": "r/x@" + a, "c": "r/y@" + b, "d": b}, []string{a, b}, true},
		"some started":               {[]string{"x:1", "y:1", "y:1"}, map[string]string{"i": "r/x@" + a}, []string{a}, true},
		"nobody knows what one runs": {[]string{"x@" + a, "y:1", "y:1"}, map[string]string{"i": "r/x@" + a, "c": "y:1"}, nil, true},
	} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "i", Image: tc.images[0]}}, Containers: []corev1.Container{{Name: "c", Image: tc.images[1]}, {Name: "d", Image: tc.images[2]}},
		}}
		for container, id := range tc.statuses {
			list := &pod.Status.ContainerStatuses
			if container == "i" {
				list = &pod.Status.InitContainerStatuses
			}
			*list = append(*list, corev1.ContainerStatus{Name: container, ImageID: id})
		}
		got, known := imagesOf(pod)
		if diff := cmp.Diff(tc.want, got); diff != "" || known != tc.known {
			t.Errorf("%s: known %v (-want +got):\n%s", name, known, diff)
		}
	}
}
