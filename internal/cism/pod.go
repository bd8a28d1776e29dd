package cism

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The names of nodes' users and of their group, as the API server authenticates kubelets.
const (
	groupNodes     = "system:nodes"
	userNodePrefix = "system:node:"
)

// prefix is what the names of our labels and annotations begin with.
const prefix = "ringfence.io/"

var (
	emptyMeta metav1.ObjectMeta
	noUser    authenticationv1.UserInfo
)

// exempt tells whether a pod needs no grant: it is of the fabric, the image of a static pod, or the glass is broken for it.
// It says so in the log when the pod is being created.
func (a *admission) exempt(pod *corev1.Pod, user *authenticationv1.UserInfo, created bool) bool {
	if a.cluster.isFabric(pod) {
		return true
	}
	if mirror(pod, user) {
		// The static pod runs already, unasked. Its image in the API is how anybody sees it.
		a.note(created, "a static pod runs without a grant", pod, user, "")
		return true
	}
	g, is := a.glassOf(pod, user)
	if is {
		a.note(created, "the glass is broken: a pod starts without a grant", pod, user, g.reason)
	}
	return is
}

func (a *admission) note(created bool, what string, pod *corev1.Pod, user *authenticationv1.UserInfo, reason string) {
	if !created {
		return
	}
	a.metrics.exempted.Add(1)
	a.log.Warn("pod without a grant admitted", "why", what, "namespace", pod.Namespace, "pod", pod.Name+pod.GenerateName, "user", user.Username, "reason", reason)
}

// mirror tells whether a pod is the image of a static pod, made by the node that runs it.
func mirror(pod *corev1.Pod, user *authenticationv1.UserInfo) bool {
	return pod.Annotations[corev1.MirrorPodAnnotationKey] != "" && pod.Spec.NodeName != "" &&
		slices.Contains(user.Groups, groupNodes) && user.Username == userNodePrefix+pod.Spec.NodeName
}

// podUpdate lets a pod change but for what carries its grant.
func (a *admission) podUpdate(r *admissionv1.AdmissionRequest, before, after *corev1.Pod) refusal {
	if fault := a.breakGlass.breakGlassFault(&before.ObjectMeta, &after.ObjectMeta, &r.UserInfo, a.now()); fault != "" {
		return refusal{fault}
	}
	var faults refusal
	for _, name := range changed(&before.ObjectMeta, &after.ObjectMeta) {
		if name != annotationBreakGlass && name != annotationUntil {
			faults = append(faults, fmt.Sprintf("%s carries its grant and cannot change: delete the pod and create another one", name))
		}
	}
	if len(faults) > 0 || slices.Equal(images(before), images(after)) || a.exempt(after, &r.UserInfo, false) {
		return faults
	}
	return a.held(after, func(s *standing) []string { return a.imageFaults(containers(&after.Spec), s) })
}

// held judges a pod that exists by its standing.
func (a *admission) held(pod *corev1.Pod, judge func(*standing) []string) refusal {
	if err := a.ready(); err != nil {
		return refusal{err.Error()}
	}
	s, stands := a.table.get(pod.Labels[labelResidency])
	if !stands {
		return refusal{noStanding(pod)}
	}
	return judge(&s)
}

func noStanding(pod *corev1.Pod) string {
	if id := pod.Labels[labelResidency]; id != "" {
		return fmt.Sprintf("the grant of residency %q does not stand any more: delete the pod and ask for a new grant", id)
	}
	return "it names no grant: delete it and create it with the label " + labelResidency
}

// changed lists which of our labels and annotations differ.
func changed(before, after *metav1.ObjectMeta) []string {
	names := map[string]bool{}
	for _, pair := range [][2]map[string]string{{before.Labels, after.Labels}, {before.Annotations, after.Annotations}} {
		for name := range maps.Keys(pair[0]) {
			names[name] = names[name] || pair[0][name] != pair[1][name]
		}
		for name := range maps.Keys(pair[1]) {
			names[name] = names[name] || pair[0][name] != pair[1][name]
		}
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] && strings.HasPrefix(name, prefix) {
			list = append(list, name)
		}
	}
	return list
}

// images are the images of a pod's containers, each with the container's name.
func images(pod *corev1.Pod) []string {
	var list []string
	for _, c := range containers(&pod.Spec) {
		list = append(list, c.Name+" "+c.Image)
	}
	return list
}

// ephemeralContainers lets debuggers join a pod that the operator listed and that cannot leave their container.
func (a *admission) ephemeralContainers(_ *admissionv1.AdmissionRequest, before, after *corev1.Pod) refusal {
	var faults refusal
	known := len(before.Spec.EphemeralContainers)
	if len(after.Spec.EphemeralContainers) < known {
		known = 0
	}
	for i := known; i < len(after.Spec.EphemeralContainers); i++ {
		c := ephemeral(&after.Spec.EphemeralContainers[i])
		for _, right := range containerPrivileges(c) {
			faults = append(faults, fmt.Sprintf("the ephemeral container asks for %s, which none may: leave it out", right.by))
		}
		if digest := digestOf(c.Image); !slices.Contains(a.cluster.DebugImages, digest) || digest == "" {
			faults = append(faults, fmt.Sprintf("the image %q of the ephemeral container %q was not granted: the operator lists images for that by digest (debugImages)", c.Image, c.Name))
		}
	}
	return faults
}

// resize lets a pod ask for what was granted.
func (a *admission) resize(r *admissionv1.AdmissionRequest, _, after *corev1.Pod) refusal {
	if a.exempt(after, &r.UserInfo, false) {
		return nil
	}
	return a.held(after, func(s *standing) []string { return resourceFaults(after, s, a.cluster.Devices) })
}

// namespace guards the annotations by which the glass is broken.
func (a *admission) namespace(r *admissionv1.AdmissionRequest, before, after *corev1.Namespace) refusal {
	fault := a.breakGlass.breakGlassFault(&before.ObjectMeta, &after.ObjectMeta, &r.UserInfo, a.now())
	if fault != "" {
		return refusal{fault}
	}
	who := after.Annotations[annotationBy]
	switch {
	case glassChanged(&before.ObjectMeta, &after.ObjectMeta) && who != r.UserInfo.Username:
		return refuse("the annotation %s does not say who breaks the glass, which the mutating webhook sets: register that webhook", annotationBy)
	case after.Annotations[annotationBreakGlass] != "" && !glassChanged(&before.ObjectMeta, &after.ObjectMeta) && who != before.Annotations[annotationBy]:
		return refuse("the annotation %s says who broke the glass and cannot change: leave it as it is", annotationBy)
	}
	if reason, is := broken(&after.ObjectMeta, a.now()); is && len(changed(&before.ObjectMeta, &after.ObjectMeta)) > 0 {
		a.log.Warn("the glass is broken for a namespace", "namespace", after.Name, "user", r.UserInfo.Username, "reason", reason, "until", after.Annotations[annotationUntil])
	}
	return nil
}
