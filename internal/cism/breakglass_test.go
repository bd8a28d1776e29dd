package cism

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// patched is what the mutating webhook makes of the annotations of an object that a user writes.
func (a *admission) patched(t *testing.T, user, resource string, before, after any) map[string]string {
	t.Helper()
	r := &admissionv1.AdmissionRequest{
		Operation: admissionv1.Create, Resource: metav1.GroupVersionResource{Version: "v1", Resource: resource}, Namespace: "ns",
		UserInfo: authenticationv1.UserInfo{Username: user, Groups: []string{"g"}},
	}
	var err error
	if r.Object.Raw, err = json.Marshal(after); err != nil {
		t.Fatal(err)
	}
	if r.OldObject.Raw, err = json.Marshal(before); err != nil {
		t.Fatal(err)
	}
	var patch []struct {
		Path  string
		Value map[string]string
	}
	if response := a.reviewMutation(t.Context(), r); response.Patch != nil {
		if err := json.Unmarshal(response.Patch, &patch); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range patch {
		if step.Path == "/metadata/annotations" {
			return step.Value
		}
	}
	return nil
}

// TestWhoBrokeTheGlass: a namespace keeps who broke the glass for it, a pod by whose word it was admitted, and nobody can say so
// themselves.
func TestWhoBrokeTheGlass(t *testing.T) {
	t.Parallel()
	a, cluster := testAdmission("h1")
	a.breakGlass = BreakGlass{Group: "g", For: time.Hour}
	soon := noon.Add(time.Minute).Format(time.RFC3339)
	namespace := func(annotations map[string]string) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns", Annotations: annotations}}
	}
	glassy := namespace(map[string]string{annotationBreakGlass: "ticket 4711", annotationUntil: soon, annotationBy: "mallory"})
	glassy.Annotations = a.patched(t, "ann", "namespaces", namespace(nil), glassy)
	if by := glassy.Annotations[annotationBy]; by != "ann" {
		t.Fatalf("the namespace says that %q broke the glass", by)
	}
	if got := a.patched(t, "bob", "namespaces", glassy, glassy); got != nil {
		t.Errorf("who changes something else is noted: %v", got)
	}
	cluster.namespaces["ns"] = glassy

	pod := workload("p", "")
	pod.Namespace, pod.Labels = "ns", nil
	pod.Annotations = a.patched(t, "controller", "pods", nil, pod)
	if g, is := admitted(pod); !is || g != (glass{"ann", "ticket 4711"}) {
		t.Errorf("the pod says %+v", g)
	}
	user := &authenticationv1.UserInfo{Username: "controller", Groups: []string{"g"}}
	if fault := a.stampFault(pod, user); fault != "" {
		t.Errorf("as the webhook stamped it: %s", fault)
	}
	own := workload("own", "")
	own.Namespace, own.Annotations = "elsewhere", map[string]string{annotationBreakGlass: "mine", annotationUntil: soon}
	own.Annotations = a.patched(t, "eve", "pods", nil, own)
	if g, _ := admitted(own); g != (glass{"eve", "mine"}) {
		t.Errorf("a pod for which its creator broke the glass says %+v", g)
	}
	for name, annotations := range map[string]map[string]string{
		"without the webhook": {}, "as somebody else": {annotationBy: "bob", annotationAdmitted: "ticket 4711"},
		"for another reason": {annotationBy: "ann", annotationAdmitted: "none"},
	} {
		forged := pod.DeepCopy()
		forged.Annotations = annotations
		if fault := a.stampFault(forged, user); !strings.Contains(fault, "only the mutating webhook sets them") {
			t.Errorf("%s: %q", name, fault)
		}
	}
	delete(cluster.namespaces, "ns")
	if fault := a.stampFault(pod, user); fault == "" {
		t.Error("a pod may say that the glass was broken when it is not")
	}
	if fault := a.stampFault(workload("w", "r"), user); fault != "" {
		t.Errorf("a pod that has a grant: %s", fault)
	}
}

// TestNamespaceKeepsWhoBrokeTheGlass holds the validation of namespaces to it.
func TestNamespaceKeepsWhoBrokeTheGlass(t *testing.T) {
	t.Parallel()
	a, _ := testAdmission("h1")
	a.breakGlass = BreakGlass{Group: "g", For: time.Hour}
	soon, later := noon.Add(time.Minute).Format(time.RFC3339), noon.Add(2*time.Minute).Format(time.RFC3339)
	of := func(reason, until, by string) map[string]string {
		return map[string]string{annotationBreakGlass: reason, annotationUntil: until, annotationBy: by}
	}
	for name, tc := range map[string]struct {
		before, after map[string]string
		want          string
	}{
		"by whom":                  {nil, of("why", soon, "ann"), ""},
		"by somebody else":         {nil, of("why", soon, "bob"), "does not say who breaks the glass"},
		"later by somebody else":   {of("why", soon, "bob"), of("why", later, "bob"), "does not say who breaks the glass"},
		"only who it was":          {of("why", soon, "bob"), of("why", soon, "ann"), "cannot change"},
		"something else":           {of("why", soon, "bob"), of("why", soon, "bob"), ""},
		"mended, the name remains": {of("why", soon, "bob"), map[string]string{annotationBy: "bob"}, ""},
	} {
		r := &admissionv1.AdmissionRequest{UserInfo: authenticationv1.UserInfo{Username: "ann", Groups: []string{"g"}}}
		got := strings.Join(a.namespace(r, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Annotations: tc.before}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Annotations: tc.after}}), "; ")
		if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want ...%s...", name, got, tc.want)
		}
	}
}
