package cism

import (
	"fmt"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The annotations of a pod or a namespace that is exempt for a while, and why. Who may set them is a group of users.
const (
	annotationBreakGlass = "ringfence.io/break-glass"
	annotationUntil      = "ringfence.io/break-glass-until"
)

// The annotations that only the mutating webhook sets: who broke the glass, of a pod or a namespace; and of a pod that was admitted
// without a grant, why. They stay when the glass is mended, because the pod does.
const (
	annotationBy       = "ringfence.io/break-glass-by"
	annotationAdmitted = "ringfence.io/admitted-by-break-glass"
)

// glass is by whom it was broken, and why.
type glass struct{ by, reason string }

// glassOf finds for a pod that a user creates who has broken the glass for it now: the user, for the pod, or whoever did for its
// namespace.
func (a *admission) glassOf(pod *corev1.Pod, user *authenticationv1.UserInfo) (glass, bool) {
	if reason, is := broken(&pod.ObjectMeta, a.now()); is {
		return glass{user.Username, reason}, true
	}
	ns, known := a.view.namespace(pod.Namespace)
	if !known {
		return glass{}, false
	}
	reason, is := broken(&ns.ObjectMeta, a.now())
	return glass{ns.Annotations[annotationBy], reason}, is
}

// admitted is by whose word a pod was admitted without a grant; false: by nobody's.
func admitted(pod *corev1.Pod) (glass, bool) {
	g := glass{pod.Annotations[annotationBy], pod.Annotations[annotationAdmitted]}
	return g, g.reason != ""
}

// stamp adds to a pod for which the glass is broken by whom, and why.
func (g glass) stamp(pod *corev1.Pod) []operation {
	annotations := orEmpty(pod.Annotations)
	annotations[annotationBy], annotations[annotationAdmitted] = g.by, g.reason
	return []operation{set("/metadata/annotations", annotations)}
}

// stampFault says why a pod that is being created does not say truly by whose word it needs no grant; empty: it does.
func (a *admission) stampFault(pod *corev1.Pod, user *authenticationv1.UserInfo) string {
	want, is := a.glassOf(pod, user)
	if is = is && !a.cluster.isFabric(pod) && !mirror(pod, user); !is {
		want = glass{}
	}
	if got, _ := admitted(pod); got != want {
		return fmt.Sprintf("its annotations %s and %s do not say by whose word it may start, and only the mutating webhook sets them: register that webhook, and leave them out",
			annotationBy, annotationAdmitted)
	}
	return ""
}

// mutateNamespace adds to a namespace for which a user breaks the glass who that is.
func mutateNamespace(r *admissionv1.AdmissionRequest, before, after *corev1.Namespace) []operation {
	if !glassChanged(&before.ObjectMeta, &after.ObjectMeta) {
		return nil
	}
	annotations := orEmpty(after.Annotations)
	annotations[annotationBy] = r.UserInfo.Username
	return []operation{set("/metadata/annotations", annotations)}
}

// glassChanged tells whether the glass is broken anew, or otherwise.
func glassChanged(before, after *metav1.ObjectMeta) bool {
	reason, until := after.Annotations[annotationBreakGlass], after.Annotations[annotationUntil]
	return (reason != "" || until != "") && (reason != before.Annotations[annotationBreakGlass] || until != before.Annotations[annotationUntil])
}

// BreakGlass says who may let pods start without a grant, and for how long at a time.
type BreakGlass struct {
	Group string // of the cluster's users; empty: nobody may
	For   time.Duration
}

// broken tells whether an object is exempt now, and why. Who set the annotations was checked when they were set.
func broken(meta *metav1.ObjectMeta, now time.Time) (reason string, is bool) {
	reason = meta.Annotations[annotationBreakGlass]
	until, err := time.Parse(time.RFC3339, meta.Annotations[annotationUntil])
	return reason, reason != "" && err == nil && now.Before(until)
}

// breakGlassFault says why a user may not set or change the annotations; empty: may, or does not.
func (b BreakGlass) breakGlassFault(before, after *metav1.ObjectMeta, user *authenticationv1.UserInfo, now time.Time) string {
	reason, until := after.Annotations[annotationBreakGlass], after.Annotations[annotationUntil]
	if !glassChanged(before, after) {
		return ""
	}
	if b.Group == "" || !slices.Contains(user.Groups, b.Group) {
		who := "nobody is in this cluster"
		if b.Group != "" {
			who = fmt.Sprintf("members of the group %q are", b.Group)
		}
		return fmt.Sprintf("user %q is not allowed to break the glass (%s); %s: ask one of them", user.Username, annotationBreakGlass, who)
	}
	at, err := time.Parse(time.RFC3339, until)
	switch {
	case strings.TrimSpace(reason) == "":
		return fmt.Sprintf("the annotation %s says no reason: write why pods must start without a grant", annotationBreakGlass)
	case err != nil:
		return fmt.Sprintf("the annotation %s is %q: write until when, such as %s", annotationUntil, until, now.Add(b.For).UTC().Format(time.RFC3339))
	case at.After(now.Add(b.For)):
		return fmt.Sprintf("the annotation %s lies more than %s ahead: write %s or earlier", annotationUntil, b.For, now.Add(b.For).UTC().Format(time.RFC3339))
	}
	return ""
}
