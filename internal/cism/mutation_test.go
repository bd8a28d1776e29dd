package cism

import (
	"encoding/json"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	wire "ringfence/api/directives"
	"ringfence/api/grant"
)

// mutated is a pod as the mutating webhook leaves it.
func (a *admission) mutated(t *testing.T, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	r := &admissionv1.AdmissionRequest{Operation: admissionv1.Create, Resource: metav1.GroupVersionResource{Version: "v1", Resource: "pods"}, Namespace: "ns"}
	r.Object.Raw = raw
	response := a.reviewMutation(t.Context(), r)
	if !response.Allowed {
		t.Fatal(response.Result.Message)
	}
	if response.PatchType != nil {
		patch, err := jsonpatch.DecodePatch(response.Patch)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = patch.Apply(raw); err != nil {
			t.Fatal(err)
		}
	}
	var after corev1.Pod
	if err := json.Unmarshal(raw, &after); err != nil {
		t.Fatal(err)
	}
	return &after
}

// A pod gets what was granted, and keeps what it says itself: what contradicts the grant is for the validation to refuse.
func TestMutation(t *testing.T) {
	t.Parallel()
	runc, never := "runc", corev1.PullNever
	toleration := corev1.Toleration{Key: "ringfence.io/trust-domain", Operator: "Equal", Value: "TD-CP", Effect: "NoSchedule"}
	a, _ := testAdmission("h1")
	follow(t, a.table,
		&wire.Directive{HostID: "h1", Seq: 1, Kind: wire.DirectiveKindCACHE, Cache: wire.CacheDirective{Digest: "*", PullPolicy: "Always", VisibleToTrustDomainIDs: []string{"TD-CP"}}},
		place("h1", 2, "r", func(p *wire.PlaceDirective) {
			p.Tolerations = []grant.Toleration{{Key: toleration.Key, Operator: "Equal", Value: "TD-CP", Effect: "NoSchedule"}}
		}))
	granted := corev1.PodSpec{
		NodeSelector: map[string]string{"ringfence.io/host-id": "h1"}, Tolerations: []corev1.Toleration{toleration},
		InitContainers: []corev1.Container{{Name: "i", ImagePullPolicy: corev1.PullAlways}}, Containers: []corev1.Container{{Name: "c", ImagePullPolicy: corev1.PullAlways}},
		SecurityContext: &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
	}
	kata := "kata"
	granted.RuntimeClassName = &kata
	own := *granted.DeepCopy()
	own.NodeSelector, own.RuntimeClassName = map[string]string{"ringfence.io/host-id": "h9", "disk": "ssd"}, &runc
	own.SecurityContext.SeccompProfile.Type = corev1.SeccompProfileTypeLocalhost
	asked := *own.DeepCopy()
	asked.InitContainers[0].ImagePullPolicy, asked.Containers[0].ImagePullPolicy = never, never

	bare := corev1.PodSpec{InitContainers: []corev1.Container{{Name: "i"}}, Containers: []corev1.Container{{Name: "c"}}}
	labels, label := map[string]string{"app": "x"}, map[string]string{"app": "x", labelResidency: "r"}
	for name, tc := range map[string]struct{ before, want corev1.Pod }{
		"one that says nothing": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: label}, Spec: bare}, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: label}, Spec: granted},
		},
		"one with an annotation": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{labelResidency: "r"}}, Spec: bare},
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: label, Annotations: map[string]string{labelResidency: "r"}}, Spec: granted},
		},
		"one with a will of its own": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: label}, Spec: asked}, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: label}, Spec: own},
		},
		"one without a grant": {
			corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: bare}, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: bare},
		},
	} {
		got := a.mutated(t, &tc.before)
		if diff := cmp.Diff(&tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(got, a.mutated(t, got)); diff != "" {
			t.Errorf("%s, asked again (-first +second):\n%s", name, diff)
		}
	}
}
