package cism

import (
	"fmt"
	"maps"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

// operation is one step of a JSON patch (RFC 6902). An `add` replaces what is there.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func set(path string, value any) operation { return operation{Op: "add", Path: path, Value: value} }

// mutate adds to a pod what was granted for it, and the residency that it is, or by whose word it needs no grant. A pod without a grant
// stays as it is: the validating webhook refuses it and says why.
func (a *admission) mutate(r *admissionv1.AdmissionRequest) ([]operation, error) {
	pod, err := podOf(r)
	if err != nil {
		return nil, err
	}
	if a.exempt(pod, &r.UserInfo, false) {
		if g, is := a.glassOf(pod, &r.UserInfo); is && !a.cluster.isFabric(pod) && !mirror(pod, &r.UserInfo) {
			return g.stamp(pod), nil
		}
		return nil, nil
	}
	s, fault := a.standingOf(pod)
	if fault != "" {
		return nil, nil
	}
	if !dry(r) {
		a.claims.take(s.residency(), "", a.now())
	}
	if a.table.isAdvisory() { // it is known again by its residency, and otherwise runs as it came
		return labelled(pod, s), nil
	}
	return append(placement(pod, s), a.containerForms(pod, s)...), nil
}

// placement is where the pod runs, and by what.
func placement(pod *corev1.Pod, s *standing) []operation {
	p := &s.Place
	patch := labelled(pod, s)
	if len(p.NodeSelector) > 0 {
		selector := orEmpty(pod.Spec.NodeSelector)
		for key, value := range p.NodeSelector {
			if selector[key] == "" { // another one is refused rather than overwritten
				selector[key] = value
			}
		}
		patch = append(patch, set("/spec/nodeSelector", selector))
	}
	if tolerations := tolerationsOf(pod, s); len(tolerations) > len(pod.Spec.Tolerations) {
		patch = append(patch, set("/spec/tolerations", tolerations))
	}
	if pod.Spec.RuntimeClassName == nil {
		patch = append(patch, set("/spec/runtimeClassName", p.Runtime))
	}
	return append(patch, seccomp(pod)...)
}

// labelled is the residency that the pod is.
func labelled(pod *corev1.Pod, s *standing) []operation {
	labels := orEmpty(pod.Labels)
	labels[labelResidency] = s.residency()
	return []operation{set("/metadata/labels", labels)}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}

func tolerationsOf(pod *corev1.Pod, s *standing) []corev1.Toleration {
	list := slices.Clone(pod.Spec.Tolerations)
	for _, t := range s.Place.Tolerations {
		toleration := corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOperator(t.Operator), Value: t.Value, Effect: corev1.TaintEffect(t.Effect)}
		if !slices.ContainsFunc(list, func(have corev1.Toleration) bool { return have.MatchToleration(&toleration) }) {
			list = append(list, toleration)
		}
	}
	return list
}

// seccomp gives a pod that says nothing the runtime's profile.
func seccomp(pod *corev1.Pod) []operation {
	profile := &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	switch context := pod.Spec.SecurityContext; {
	case context == nil:
		return []operation{set("/spec/securityContext", corev1.PodSecurityContext{SeccompProfile: profile})}
	case context.SeccompProfile == nil && context.WindowsOptions == nil:
		return []operation{set("/spec/securityContext/seccompProfile", profile)}
	}
	return nil
}

// containerForms is how the images are fetched.
func (a *admission) containerForms(pod *corev1.Pod, s *standing) []operation {
	var patch []operation
	policies := a.table.pullPolicies(s)
	for list, all := range map[string][]corev1.Container{"initContainers": pod.Spec.InitContainers, "containers": pod.Spec.Containers} {
		for i := range all {
			if want := pullPolicy(policies, digestOf(all[i].Image)); want != "" && all[i].ImagePullPolicy != want {
				patch = append(patch, set(fmt.Sprintf("/spec/%s/%d/imagePullPolicy", list, i), want))
			}
		}
	}
	return patch
}
