package cism

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	extender "k8s.io/kube-scheduler/extender/v1"

	wire "ringfence/api/directives"
)

// mode is the directive that says whether directives bind from now on.
func mode(host string, seq int64, enforcement wire.DirectiveEnforcement) *wire.Directive {
	return &wire.Directive{HostID: host, Seq: seq, Kind: wire.DirectiveKindENFORCEMENT, Enforcement: enforcement, Change: wire.EnforcementDirective{Reason: "r"}}
}

const (
	advisory = wire.DirectiveEnforcementADVISORY
	enforced = wire.DirectiveEnforcement("") // as it is on the wire
)

// asked is what the validating webhook answers about a new object.
func (a *admission) asked(t *testing.T, resource, subresource string, object any) *admissionv1.AdmissionResponse {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	r := &admissionv1.AdmissionRequest{Operation: admissionv1.Create, Resource: metav1.GroupVersionResource{Version: "v1", Resource: resource}, SubResource: subresource}
	r.Object.Raw = raw
	return a.reviewValidation(t.Context(), r)
}

// ungranted is a pod that nobody granted anything.
func ungranted() *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bare", UID: "uid-bare"}, Spec: corev1.PodSpec{NodeName: "h1", Containers: []corev1.Container{{Name: "c"}}}}
}

// TestObservedCluster lets pass what would have been refused, says so, and refuses it once directives bind again.
func TestObservedCluster(t *testing.T) {
	t.Parallel()
	a, m := testAdmission("h1", "h2")
	follow(t, a.table, place("h1", 1, "r"), mode("h1", 2, advisory))
	m.pods = []*corev1.Pod{ungranted()}
	questions := map[string]func() *admissionv1.AdmissionResponse{
		"a pod without a grant": func() *admissionv1.AdmissionResponse { return a.asked(t, "pods", "", ungranted()) },
		"its binding":           func() *admissionv1.AdmissionResponse { return a.asked(t, "pods", "binding", binding("bare", "h1")) },
		"a binding of nobody":   func() *admissionv1.AdmissionResponse { return a.asked(t, "bindings", "", binding("nobody", "h1")) },
	}
	for name, ask := range questions {
		if ask().Allowed {
			t.Errorf("%s, before the feed was read to its end: allowed", name)
		}
	}
	a.table.finish()
	for name, ask := range questions {
		response := ask()
		if !response.Allowed || len(response.Warnings) < 2 || !strings.HasPrefix(response.Warnings[0], "ringfence only observes this cluster, and would have refused ") {
			t.Errorf("%s: %v, warnings %q", name, response.Allowed, response.Warnings)
		}
	}
	if n := a.metrics.observed.Load(); n != int64(len(questions)) {
		t.Errorf("%d would-be refusals counted, want %d", n, len(questions))
	}
	names := []string{"h1", "h2"}
	if result := a.filter(&extender.ExtenderArgs{Pod: ungranted(), NodeNames: &names}); !slices.Equal(*result.NodeNames, names) {
		t.Errorf("the scheduler is told %v", *result.NodeNames)
	}
	follow(t, a.table, mode("h1", 3, enforced), mode("h1", 2, advisory) /* replayed */)
	for name, ask := range questions {
		if response := ask(); response.Allowed || len(response.Warnings) > 0 {
			t.Errorf("%s, enforced: %v, warnings %q", name, response.Allowed, response.Warnings)
		}
	}
	if result := a.filter(&extender.ExtenderArgs{Pod: ungranted(), NodeNames: &names}); len(*result.NodeNames) > 0 {
		t.Errorf("enforced, the scheduler is told %v", *result.NodeNames)
	}
}

// TestObservedGrant changes nothing of a granted pod but the label by which it is known, and has nothing against it.
func TestObservedGrant(t *testing.T) {
	t.Parallel()
	a, _ := testAdmission("h1")
	follow(t, a.table, place("h1", 1, "r"), mode("h1", 2, advisory))
	a.table.finish()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{labelVNF: "amf-1", labelDefinition: "of-r"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c"}}},
	}
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	r := &admissionv1.AdmissionRequest{Operation: admissionv1.Create, Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"}}
	r.Object.Raw = raw
	patch, err := a.mutate(r)
	if err != nil || len(patch) != 1 || patch[0].Path != "/metadata/labels" {
		t.Fatalf("patch %v, %v", patch, err)
	}
	pod.Labels[labelResidency], pod.UID = "r", "uid-p"
	if response := a.asked(t, "pods", "", pod); !response.Allowed || len(response.Warnings) > 0 {
		t.Errorf("allowed %v, warnings %q", response.Allowed, response.Warnings)
	}
	other := "runc"
	pod.Spec.RuntimeClassName = &other
	if response := a.asked(t, "pods", "", pod); !response.Allowed || !strings.Contains(strings.Join(response.Warnings, "\n"), "kata") {
		t.Errorf("another runtime: allowed %v, warnings %q", response.Allowed, response.Warnings)
	}
}

// TestObservingGuardsItsOwn refuses what would outlast the observation, and breaks nothing by errors.
func TestObservingGuardsItsOwn(t *testing.T) {
	t.Parallel()
	a, m := testAdmission("h1")
	follow(t, a.table, mode("h1", 1, advisory))
	a.table.finish()
	glass := ungranted()
	glass.Annotations = map[string]string{annotationBreakGlass: "because", annotationUntil: "2027-01-01T00:00:00Z"}
	if a.asked(t, "pods", "", glass).Allowed {
		t.Error("somebody breaks the glass who may not")
	}
	if a.asked(t, "namespaces", "", &corev1.Namespace{ObjectMeta: glass.ObjectMeta}).Allowed {
		t.Error("somebody breaks the glass of a namespace who may not")
	}
	if a.asked(t, "secrets", "", struct{}{}).Allowed {
		t.Error("what nobody taught the webhook to judge is allowed")
	}
	m.wrong = errors.New("the API server does not answer")
	m.pods = []*corev1.Pod{ungranted()}
	if response := a.asked(t, "pods", "binding", binding("bare", "h1")); !response.Allowed || len(response.Warnings) == 0 {
		t.Errorf("what cannot be judged: allowed %v, warnings %q", response.Allowed, response.Warnings)
	}
}

// TestObservationIsKept expects a restart to go on in the mode that was told last.
func TestObservationIsKept(t *testing.T) {
	t.Parallel()
	f := &feed{vimConnectionID: "k8s", table: newTable(), store: newStore(filepath.Join(t.TempDir(), "state.json"))}
	follow(t, f.table, mode("h1", 1, advisory))
	f.table.finish()
	if err := f.store.save(f); err != nil {
		t.Fatal(err)
	}
	again := &feed{vimConnectionID: "k8s", table: newTable(), store: newStore(f.store.path)}
	if err := again.store.load(again); err != nil || !again.table.isAdvisory() {
		t.Errorf("after a restart: advisory %v, %v", again.table.isAdvisory(), err)
	}
	again.table.reset()
	again.table.finish()
	if again.table.isAdvisory() {
		t.Error("a table that is read anew is advisory before it was told so")
	}
}
