package cism

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"ringfence/api/inventory"
)

const mebibyte = 1 << 20

// requests are what a pod asks of a node: the most that it needs at one time, with its overhead.
func requests(spec *corev1.PodSpec) corev1.ResourceList {
	total, starting := corev1.ResourceList{}, corev1.ResourceList{}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(total, wanted(&c.Resources)) // a sidecar stays
			raise(starting, total)
			continue
		}
		now := maps.Clone(total)
		add(now, wanted(&c.Resources))
		raise(starting, now)
	}
	for i := range spec.Containers {
		add(total, wanted(&spec.Containers[i].Resources))
	}
	raise(total, starting)
	if spec.Resources != nil {
		raise(total, wanted(spec.Resources))
	}
	add(total, spec.Overhead)
	return total
}

// wanted are the requests of a container; a limit alone is a request too.
func wanted(r *corev1.ResourceRequirements) corev1.ResourceList {
	list := maps.Clone(r.Limits)
	if list == nil {
		list = corev1.ResourceList{}
	}
	maps.Copy(list, r.Requests)
	return list
}

func add(total, more corev1.ResourceList) {
	for name, quantity := range more {
		sum := total[name]
		sum.Add(quantity)
		total[name] = sum
	}
}

func raise(total, other corev1.ResourceList) {
	for name, quantity := range other {
		if have := total[name]; quantity.Cmp(have) > 0 {
			total[name] = quantity
		}
	}
}

// device tells whether a resource is a device of the node rather than time or memory of it.
func device(name corev1.ResourceName) bool {
	ordinary := []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage, corev1.ResourceStorage}
	return !slices.Contains(ordinary, name) && !strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// dimension is a resource of Kubernetes in the unit of ringfence's dimension for it.
func dimension(name corev1.ResourceName, q resource.Quantity) (dim string, amount int64) {
	mebibytes := (q.Value() + mebibyte - 1) / mebibyte
	switch name {
	case corev1.ResourceCPU:
		return "cpuMillis", q.MilliValue()
	case corev1.ResourceMemory:
		return "memoryMiB", mebibytes
	case corev1.ResourceEphemeralStorage:
		return "ephemeralStorageMiB", mebibytes
	case corev1.ResourceHugePagesPrefix + "2Mi":
		return "hugePages2Mi", mebibytes / 2
	case corev1.ResourceHugePagesPrefix + "1Gi":
		return "hugePages1Gi", mebibytes / 1024
	default:
		return "", 0
	}
}

// resourceFaults says what a pod asks for beyond its grant. devices tells which way past the boundary a device resource is.
func resourceFaults(pod *corev1.Pod, s *standing, devices map[string]inventory.CutThrough) []string {
	var faults []string
	cut := s.Place.CutThrough
	list := requests(&pod.Spec)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		quantity := list[name]
		if device(name) {
			kind, known := devices[string(name)]
			if quantity.IsZero() || known && slices.Contains(cut, kind) {
				continue
			}
			faults = append(faults, fmt.Sprintf("it asks for the device %s, which was not granted: add the cut-through to the component's VNF profile and ask for a new grant", name))
			continue
		}
		dim, amount := dimension(name, quantity)
		if granted := s.Place.Resources[dim]; dim != "" && len(s.Place.Resources) > 0 && amount > granted {
			faults = append(faults, fmt.Sprintf("it asks for %d %s and %d were granted: ask for less, or for a new grant", amount, dim, granted))
		}
	}
	if len(pod.Spec.ResourceClaims) > 0 && len(cut) == 0 {
		faults = append(faults, "it claims devices (resourceClaims), which were not granted: add the cut-through to the component's VNF profile and ask for a new grant")
	}
	return faults
}
