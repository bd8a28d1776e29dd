package cism

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	extender "k8s.io/kube-scheduler/extender/v1"

	wire "ringfence/api/directives"
	"ringfence/api/inventory"
)

// memory is a cluster as the admission reads it. The real one is in test/nfvi; this one can be what is hard to bring about.
type memory struct {
	nodes      map[string]*corev1.Node
	namespaces map[string]*corev1.Namespace
	pods       []*corev1.Pod
	wrong      error // what the API server answers
}

func (m *memory) synced() error { return nil }
func (m *memory) namespace(name string) (n *corev1.Namespace, known bool) {
	n, known = m.namespaces[name]
	return n, known
}

func (m *memory) node(name string) (n *corev1.Node, known bool) {
	n, known = m.nodes[name]
	return n, known
}

func (m *memory) nodesLabelled(key, value string) (names []string) {
	for name, n := range m.nodes {
		if n.Labels[key] == value {
			names = append(names, name)
		}
	}
	return names
}

func (m *memory) holders(residency string) (list []*corev1.Pod) {
	for _, p := range m.pods {
		if p.Labels[labelResidency] == residency {
			list = append(list, p)
		}
	}
	return list
}

func (m *memory) readPod(_ context.Context, _, name string) (*corev1.Pod, error) {
	for _, p := range m.pods {
		if p.Name == name {
			return p, m.wrong
		}
	}
	return nil, errors.New("not found")
}

func (m *memory) readHolders(_ context.Context, residency string) (list []corev1.Pod, err error) {
	for _, p := range m.holders(residency) {
		list = append(list, *p)
	}
	return list, m.wrong
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func testAdmission(nodes ...string) (*admission, *memory) {
	m := &memory{nodes: map[string]*corev1.Node{}, namespaces: map[string]*corev1.Namespace{}}
	for _, name := range nodes {
		m.nodes[name] = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"ringfence.io/host-id": name, "kubernetes.io/hostname": name}}}
	}
	return &admission{
		table: newTable(), view: m, fresh: func() error { return nil }, claims: newClaims(), now: func() time.Time { return noon },
		log: slog.New(slog.DiscardHandler), metrics: &metrics{},
	}, m
}

// workload is a pod as the mutating webhook leaves it.
func workload(name, residency string) *corev1.Pod {
	runtime := "kata"
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(noon), Labels: map[string]string{labelResidency: residency}},
		Spec:       corev1.PodSpec{RuntimeClassName: &runtime, NodeSelector: map[string]string{"ringfence.io/host-id": "h1"}, Containers: []corev1.Container{{Name: "c"}}},
	}
}

func (a *admission) judge(t *testing.T, resource, subresource string, object any) string {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	r := &admissionv1.AdmissionRequest{Operation: admissionv1.Create, Resource: metav1.GroupVersionResource{Version: "v1", Resource: resource}, SubResource: subresource}
	r.Object.Raw = raw
	response := a.reviewValidation(t.Context(), r)
	if response.Allowed != (response.Result == nil) {
		t.Errorf("allowed %v with %v", response.Allowed, response.Result)
	}
	if response.Allowed {
		return ""
	}
	return response.Result.Message
}

func binding(pod, node string) *corev1.Binding {
	return &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod}, Target: corev1.ObjectReference{Kind: "Node", Name: node}}
}

func says(t *testing.T, what, got, want string) {
	t.Helper()
	if (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("%s: %q, want ...%s...", what, got, want)
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	a, m := testAdmission("h1")
	follow(t, a.table, place("h1", 1, "r"), &wire.Directive{HostID: "h1", Seq: 2, Kind: wire.DirectiveKindQUARANTINE, Quarantine: wire.QuarantineDirective{Reason: "it lost its attestation"}})
	m.pods = []*corev1.Pod{workload("bound", "r")}
	want := "host h1 is quarantined (it lost its attestation)"
	says(t, "a binding", a.judge(t, "pods", "binding", binding("bound", "h1")), want)
	m.pods = nil
	says(t, "a pod", a.judge(t, "pods", "", workload("p", "r")), want)
	follow(t, a.table, &wire.Directive{HostID: "h1", Seq: 3, Kind: wire.DirectiveKindUNQUARANTINE})
	says(t, "a pod afterwards", a.judge(t, "pods", "", workload("p", "r")), "")
}

// A grant must have started before it expires. What had started may start again.
func TestExpiry(t *testing.T) {
	t.Parallel()
	until := func(at time.Time) func(*wire.PlaceDirective) {
		return func(p *wire.PlaceDirective) { p.ExpiresAt = at }
	}
	a, m := testAdmission("h1")
	follow(t, a.table, place("h1", 1, "over", until(noon.Add(-time.Second))), place("h1", 2, "open", until(noon.Add(time.Second))))
	says(t, "one that is over", a.judge(t, "pods", "", workload("p", "over")), "expired at 2026-11-23T11:59:59Z before anything started")
	says(t, "one that is not", a.judge(t, "pods", "", workload("q", "open")), "")
	m.pods = []*corev1.Pod{workload("q", "open"), workload("late", "over")}
	says(t, "the binding of one that is over", a.judge(t, "pods", "binding", binding("late", "h1")), "before anything started")
	says(t, "its binding", a.judge(t, "pods", "binding", binding("q", "h1")), "")
	m.pods = nil
	a.claims.release("open", "uid-q")
	a.now = func() time.Time { return noon.Add(time.Hour) }
	says(t, "it starts again", a.judge(t, "pods", "", workload("again", "open")), "")
}

// Of two pods that another process admitted for one grant, one is bound.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	a, m := testAdmission("h1", "h2")
	follow(t, a.table, place("h1", 1, "r"))
	older, younger := workload("older", "r"), workload("younger", "r")
	younger.CreationTimestamp = metav1.NewTime(noon.Add(time.Second))
	m.pods = []*corev1.Pod{older, younger}
	says(t, "the younger", a.judge(t, "pods", "binding", binding("younger", "h1")), "is used by pod /older")
	says(t, "the older", a.judge(t, "pods", "binding", binding("older", "h1")), "")
	younger.Spec.NodeName = "h1" // by the other process
	says(t, "the older, too late", a.judge(t, "pods", "binding", binding("older", "h1")), "is used by pod /younger")
	m.wrong = errors.New("the API server does not answer")
	says(t, "nobody knows", a.judge(t, "pods", "binding", binding("older", "h1")), "ringfence cannot judge binding pod")
}

// Nodes that a name could mean, and nodes of other hosts and CIS nodes, are none that was granted.
func TestNodes(t *testing.T) {
	t.Parallel()
	a, m := testAdmission("h1", "h2", "vm1", "vm2")
	for _, vm := range []string{"vm1", "vm2"} {
		m.nodes[vm].Labels["ringfence.io/host-id"], m.nodes[vm].Labels["ringfence.io/cis-node-id"] = "h1", vm
	}
	m.nodes["h2"].Labels = map[string]string{"kubernetes.io/hostname": "h2"} // found by its name alone
	m.nodes["bare"] = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "bare", Labels: map[string]string{"kubernetes.io/hostname": "bare"}}}
	byName := func(p *wire.PlaceDirective) { p.NodeSelector = map[string]string{"kubernetes.io/hostname": "h2"} }
	onVM := func(p *wire.PlaceDirective) { p.CISNode = "vm1" }
	follow(t, a.table, place("h1", 1, "on-host"), place("h1", 2, "on-vm", onVM), place("h2", 1, "by-name", byName))
	for _, tc := range []struct{ residency, node, want string }{
		{"on-host", "h1", ""},
		{"on-host", "h2", "which is h1: let the scheduler place it"},
		{"on-vm", "vm1", ""},
		{"on-vm", "vm2", "which is vm1 of host h1"},
		{"by-name", "h2", ""},
		{"by-name", "h1", "which is h2"},
		{"by-name", "h9", "is not known"},
		{"by-name", "bare", "which is h2"},
		{"on-host", "bare", "which is h1"},
	} {
		m.pods = []*corev1.Pod{workload(tc.residency, tc.residency)}
		says(t, tc.residency+" on "+tc.node, a.judge(t, "pods", "binding", binding(tc.residency, tc.node)), tc.want)
		names := []string{tc.node}
		result := a.filter(&extender.ExtenderArgs{Pod: m.pods[0], NodeNames: &names})
		if passed := len(*result.NodeNames) == 1; passed != (tc.want == "") {
			t.Errorf("%s on %s: the scheduler is told %v %v", tc.residency, tc.node, *result.NodeNames, result.FailedAndUnresolvableNodes)
		}
	}
	m.nodes["h1"].Labels["kubernetes.io/hostname"] = "h2"
	m.pods = []*corev1.Pod{workload("by-name", "by-name")}
	says(t, "two of one name", a.judge(t, "pods", "binding", binding("by-name", "h2")), "several nodes carry the label")
}

// What was granted is allowed, and nothing else of it.
func TestRights(t *testing.T) {
	t.Parallel()
	yes := true
	asking := map[inventory.Privilege]func(*corev1.Pod){
		inventory.PrivilegePRIVILEGED:  func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes} },
		inventory.PrivilegeHOSTNETWORK: func(p *corev1.Pod) { p.Spec.HostNetwork = true },
		inventory.PrivilegeHOSTPID:     func(p *corev1.Pod) { p.Spec.HostPID = true },
		inventory.PrivilegeHOSTIPC:     func(p *corev1.Pod) { p.Spec.HostIPC = true },
		inventory.PrivilegeHOSTPATH: func(p *corev1.Pod) {
			p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
		},
		inventory.PrivilegeCAPSYSADMIN: func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "i", SecurityContext: &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"CAP_SYS_ADMIN"}}}}}
		},
	}
	for granted := range asking {
		for asked, ask := range asking {
			a, _ := testAdmission("h1")
			follow(t, a.table, place("h1", 1, "r", func(p *wire.PlaceDirective) { p.Privileged = []inventory.Privilege{granted} }))
			p := workload("p", "r")
			ask(p)
			want := ""
			if asked != granted {
				want = fmt.Sprintf("the right %s was not granted", asked)
			}
			says(t, fmt.Sprintf("%s where %s was granted", asked, granted), a.judge(t, "pods", "", p), want)
		}
	}
}

// What nobody taught the webhook to judge is refused.
func TestUnknownQuestions(t *testing.T) {
	t.Parallel()
	a, _ := testAdmission()
	says(t, "another resource", a.judge(t, "secrets", "", struct{}{}), "does not judge it")
	says(t, "another subresource", a.judge(t, "pods", "exec", struct{}{}), "does not judge it")
	says(t, "no pod", a.judge(t, "pods", "", "text"), "cannot judge")
	a.fresh = func() error { return errors.New("nobody knows") }
	says(t, "without knowledge", a.judge(t, "pods", "", workload("p", "r")), "nobody knows")
}
