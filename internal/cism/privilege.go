package cism

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"ringfence/api/inventory"
)

// asked is a right that a pod asks for and by what.
type asked struct {
	right inventory.Privilege
	by    string
}

// privileges lists the rights by which a pod could leave its containers, in a stable order.
func privileges(pod *corev1.Pod) []asked {
	var found []asked
	add := func(is bool, right inventory.Privilege, by string) {
		if is {
			found = append(found, asked{right, by})
		}
	}
	spec := &pod.Spec
	add(spec.HostNetwork, inventory.PrivilegeHOSTNETWORK, "hostNetwork")
	add(spec.HostPID, inventory.PrivilegeHOSTPID, "hostPID")
	add(spec.HostIPC, inventory.PrivilegeHOSTIPC, "hostIPC")
	for i := range spec.Volumes {
		add(spec.Volumes[i].HostPath != nil, inventory.PrivilegeHOSTPATH, fmt.Sprintf("the volume %q of type hostPath", spec.Volumes[i].Name))
	}
	if s := spec.SecurityContext; s != nil {
		add(unconfined(s.SeccompProfile), inventory.PrivilegePRIVILEGED, "a seccomp profile that is unconfined")
		add(unarmoured(s.AppArmorProfile), inventory.PrivilegePRIVILEGED, "an AppArmor profile that is unconfined")
		add(s.SELinuxOptions != nil && *s.SELinuxOptions != corev1.SELinuxOptions{}, inventory.PrivilegePRIVILEGED, "SELinux options of its own")
		add(hostProcess(s.WindowsOptions), inventory.PrivilegePRIVILEGED, "hostProcess")
		for _, sysctl := range s.Sysctls {
			add(!strings.HasPrefix(sysctl.Name, "net.ipv4.") && sysctl.Name != "kernel.shm_rmid_forced", inventory.PrivilegePRIVILEGED, "the sysctl "+sysctl.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pod.Annotations)) {
		add(dangerous(name, pod.Annotations[name]), inventory.PrivilegePRIVILEGED, "the annotation "+name)
	}
	for _, c := range containers(spec) {
		found = append(found, containerPrivileges(c)...)
	}
	return found
}

// dangerous annotations change a runtime's configuration, its devices, or by which runtime and snapshotter containerd takes the
// pod, past the pod's specification.
func dangerous(name, value string) bool {
	return strings.HasPrefix(name, "io.containerd.cri.") || strings.HasPrefix(name, "io.kubernetes.cri.") || strings.HasPrefix(name, "io.katacontainers.") || strings.HasPrefix(name, "cdi.k8s.io/") || strings.HasPrefix(name, "io.kubernetes.cri-o.") ||
		strings.HasPrefix(name, "container.apparmor.security.beta.kubernetes.io/") && value == "unconfined"
}

func containerPrivileges(c *corev1.Container) []asked {
	var found []asked
	add := func(is bool, right inventory.Privilege, by string) {
		if is {
			found = append(found, asked{right, fmt.Sprintf("%s in container %q", by, c.Name)})
		}
	}
	for _, port := range c.Ports {
		add(port.HostPort != 0, inventory.PrivilegeHOSTNETWORK, fmt.Sprintf("the host port %d", port.HostPort))
	}
	s := c.SecurityContext
	if s == nil {
		return found
	}
	add(s.Privileged != nil && *s.Privileged, inventory.PrivilegePRIVILEGED, "privileged: true")
	add(s.ProcMount != nil && *s.ProcMount == corev1.UnmaskedProcMount, inventory.PrivilegePRIVILEGED, "an unmasked /proc")
	add(unconfined(s.SeccompProfile), inventory.PrivilegePRIVILEGED, "a seccomp profile that is unconfined")
	add(unarmoured(s.AppArmorProfile), inventory.PrivilegePRIVILEGED, "an AppArmor profile that is unconfined")
	add(s.SELinuxOptions != nil && *s.SELinuxOptions != corev1.SELinuxOptions{}, inventory.PrivilegePRIVILEGED, "SELinux options of its own")
	add(hostProcess(s.WindowsOptions), inventory.PrivilegePRIVILEGED, "hostProcess")
	if s.Capabilities != nil {
		for _, capability := range s.Capabilities.Add {
			add(!harmless(capability), rightOf(capability), "the capability "+string(capability))
		}
	}
	return found
}

// rightOf is the right that an added capability needs.
func rightOf(c corev1.Capability) inventory.Privilege {
	if bare(c) == "SYS_ADMIN" {
		return inventory.PrivilegeCAPSYSADMIN
	}
	return inventory.PrivilegePRIVILEGED
}

// harmless are the capabilities that container engines give anyway, as the baseline of the Pod Security Standards has them.
func harmless(c corev1.Capability) bool {
	return slices.Contains([]string{
		"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
		"SYS_CHROOT",
	}, bare(c))
}

func bare(c corev1.Capability) string { return strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_") }

func unconfined(p *corev1.SeccompProfile) bool {
	return p != nil && p.Type == corev1.SeccompProfileTypeUnconfined
}

func unarmoured(p *corev1.AppArmorProfile) bool {
	return p != nil && p.Type == corev1.AppArmorProfileTypeUnconfined
}

func hostProcess(w *corev1.WindowsSecurityContextOptions) bool {
	return w != nil && w.HostProcess != nil && *w.HostProcess
}

// containers are all containers of a pod, ephemeral ones last.
func containers(spec *corev1.PodSpec) []*corev1.Container {
	var all []*corev1.Container
	for i := range spec.InitContainers {
		all = append(all, &spec.InitContainers[i])
	}
	for i := range spec.Containers {
		all = append(all, &spec.Containers[i])
	}
	for i := range spec.EphemeralContainers {
		all = append(all, ephemeral(&spec.EphemeralContainers[i]))
	}
	return all
}

// ephemeral is an ephemeral container as the others are.
func ephemeral(e *corev1.EphemeralContainer) *corev1.Container {
	c := corev1.Container(e.EphemeralContainerCommon)
	return &c
}
