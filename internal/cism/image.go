package cism

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// imagesOf lists the digests of what a pod runs, ascending: those that its containers name, else those that its node says it fetched
// for a tag. Known tells whether any container has started, or all of them name their digests. A container that runs what has no digest
// leaves the list empty: what is not told is trusted in nothing.
func imagesOf(pod *corev1.Pod) (digests []string, known bool) {
	fetched, nameless := map[string]string{}, false
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses} {
		for i := range list {
			if id := list[i].ImageID; id != "" {
				fetched[list[i].Name], known = id, true
			}
		}
	}
	all := true
	for _, c := range containers(&pod.Spec) {
		digest := digestOf(c.Image)
		if id, started := fetched[c.Name]; digest == "" && started {
			if digest = digestOf(id); digest == "" {
				digest = id
			}
			nameless = nameless || !isDigest(digest)
		}
		if all = all && digest != ""; digest != "" {
			digests = append(digests, digest)
		}
	}
	if nameless {
		return nil, true
	}
	slices.Sort(digests)
	return slices.Compact(digests), known || all
}
