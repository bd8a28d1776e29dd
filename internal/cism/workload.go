package cism

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"ringfence/api/inventory"
)

// workloadFaults says in what a pod differs from how its standing was granted, in sentences that go on after a colon.
func (a *admission) workloadFaults(pod *corev1.Pod, s *standing) []string {
	faults := placeFaults(pod, s)
	faults = append(faults, privilegeFaults(privileges(pod), s.Place.Privileged)...)
	faults = append(faults, a.imageFaults(containers(&pod.Spec), s)...)
	return append(faults, resourceFaults(pod, s, a.cluster.Devices)...)
}

// placeFaults are about where it runs and by what.
func placeFaults(pod *corev1.Pod, s *standing) []string {
	var faults []string
	fault := func(format string, values ...any) { faults = append(faults, fmt.Sprintf(format, values...)) }
	p, spec := &s.Place, &pod.Spec
	if p.Namespace != "" && pod.Namespace != p.Namespace {
		fault("it was granted for the namespace %q: create it there", p.Namespace)
	}
	if class := runtimeOf(spec); class != p.Runtime {
		fault("its runtimeClassName is %q and %q was granted: leave it out", class, p.Runtime)
	}
	for _, key := range slices.Sorted(maps.Keys(p.NodeSelector)) {
		if value := spec.NodeSelector[key]; value != p.NodeSelector[key] {
			fault("its nodeSelector %s is %q and it was granted for %q: leave it out", key, value, p.NodeSelector[key])
		}
	}
	return faults
}

func runtimeOf(spec *corev1.PodSpec) string {
	if spec.RuntimeClassName == nil {
		return ""
	}
	return *spec.RuntimeClassName
}

// privilegeFaults are the rights asked for that were not granted.
func privilegeFaults(rights []asked, granted []inventory.Privilege) []string {
	var faults []string
	for _, r := range rights {
		if !slices.Contains(granted, r.right) {
			faults = append(faults, fmt.Sprintf("it asks for %s, and the right %s was not granted: leave it out, or add the right to the component's VNF profile and ask for a new grant",
				r.by, r.right))
		}
	}
	return faults
}

// imageFaults are containers whose image, or the way it is fetched, is not the granted one.
func (a *admission) imageFaults(all []*corev1.Container, s *standing) []string {
	var faults []string
	policies := a.table.pullPolicies(s)
	for _, c := range all {
		digest := digestOf(c.Image)
		switch {
		case len(s.Place.Images) == 0:
		case digest == "":
			faults = append(faults, fmt.Sprintf("the image %q of container %q names no digest: write it as NAME@DIGEST with one of %s",
				c.Image, c.Name, strings.Join(s.Place.Images, ", ")))
		case !slices.Contains(s.Place.Images, digest):
			faults = append(faults, fmt.Sprintf("the image %s of container %q was not granted, but %s: use one of those, or change the VNF profile and ask for a new grant",
				digest, c.Name, strings.Join(s.Place.Images, ", ")))
		}
		if want := pullPolicy(policies, digest); want != "" && c.ImagePullPolicy != want {
			faults = append(faults, fmt.Sprintf("the imagePullPolicy of container %q is %q and must be %s: leave it out", c.Name, c.ImagePullPolicy, want))
		}
	}
	return faults
}

// pullPolicy is how an image must be fetched; empty: as the pod says.
func pullPolicy(policies map[string]string, digest string) corev1.PullPolicy {
	if policy := policies[digest]; policy != "" {
		return corev1.PullPolicy(policy)
	}
	return corev1.PullPolicy(policies[anyDigest])
}

// digestOf is the digest that an image reference names; empty: none.
func digestOf(image string) string {
	if _, digest, found := strings.Cut(image, "@"); found {
		return digest
	}
	return ""
}
