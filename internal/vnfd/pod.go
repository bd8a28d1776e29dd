package vnfd

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// podContainer is a container of a pod.
type podContainer struct {
	Component
	initial bool // it ends before the others begin
	sidecar bool // it begins before the others and stays
}

// components are a workload as the VNF profile has it: the pod, and its containers.
func (c *cluster) components(w *workload) (unit Component, containers []Component) {
	unit = Component{
		ID: w.name, Kind: KindDeployableUnit, Name: w.name, MCIO: MCIO{w.name, w.kind}, MinInstances: w.fewest, MaxInstances: w.most, at: w.place,
	}
	c.podLabels(&unit, w)
	c.podPrivileges(&unit, w)
	var all []podContainer
	for _, group := range []string{"initContainers", "containers"} {
		for _, v := range w.pod.get(group).list() {
			if one, ok := c.container(w, v, group == "initContainers"); ok {
				all = append(all, one)
			}
		}
	}
	unit.Resources = podResources(all)
	c.overhead(&unit, w)
	for i := range all {
		one := &all[i]
		unit.Images = append(unit.Images, one.Images...)
		unit.Privileged |= one.Privileged
		one.PartOf, one.MinInstances, one.MaxInstances = []string{unit.ID}, w.fewest, w.most
		one.Labels = maps.Clone(unit.Labels)
	}
	for i := range all {
		one := &all[i]
		one.Privileged = unit.Privileged // what one container of a pod may do, a VNFM that names another one asks for as well
		containers = append(containers, one.Component)
	}
	return unit, containers
}

// podResources are the most that a pod needs at one time: of its containers together, or of the largest that ends before them.
func podResources(all []podContainer) placement.Resources {
	var staying, starting placement.Resources
	for i := range all {
		one := &all[i]
		switch {
		case one.sidecar:
			staying = plus(staying, one.Resources)
			starting = larger(starting, staying)
		case one.initial:
			starting = larger(starting, plus(maps.Clone(staying), one.Resources))
		}
	}
	for i := range all {
		if one := &all[i]; !one.initial && !one.sidecar {
			staying = plus(staying, one.Resources)
		}
	}
	return larger(staying, starting)
}

// plus adds amounts to others, which it changes; no sum is larger than what JSON numbers hold.
func plus(r, more placement.Resources) placement.Resources {
	for dimension, amount := range more {
		r = withAmount(r, dimension, min(r[dimension]+amount, maxAmount))
	}
	return r
}

func larger(r, other placement.Resources) placement.Resources {
	r = maps.Clone(r)
	for dimension, amount := range other {
		r = withAmount(r, dimension, max(r[dimension], amount))
	}
	return r
}

// overhead adds what the runtime takes beside the containers.
func (c *cluster) overhead(unit *Component, w *workload) {
	for _, f := range w.pod.get("overhead").entries() {
		if q, ok := c.quantity(f.value, f.name); ok {
			if dimension, amount, ok := c.demand(f.name, q, f.place); ok {
				unit.Resources = plus(unit.Resources, placement.Resources{dimension: amount})
			}
		}
	}
}

// container reads one container of a pod.
func (c *cluster) container(w *workload, v *value, initial bool) (podContainer, bool) {
	name := v.get("name").str()
	if !containerForm.MatchString(name) {
		c.warn(CodeForm, v.place, "the name %s of a container of %s is none that Kubernetes allows; it is left out", quote(name), w)
		return podContainer{}, false
	}
	one := podContainer{initial: initial, sidecar: initial && v.get("restartPolicy").str() == "Always"}
	one.initial = initial && !one.sidecar
	one.Component = Component{ID: w.name + "." + name, Kind: KindContainer, Name: name, at: v.place}
	c.containerResources(&one.Component, w, v)
	c.containerPrivileges(&one.Component, v.get("securityContext"))
	if img, ok := c.containerImage(one.ID, w, v); ok {
		one.Images = []SoftwareImage{img}
	}
	return one, true
}

// containerResources are the requests of a container; a limit alone is a request too.
func (c *cluster) containerResources(one *Component, w *workload, v *value) {
	asked := map[string]field{}
	for _, group := range []string{"limits", "requests"} {
		for _, f := range v.get("resources", group).entries() {
			asked[f.name] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		f := asked[name]
		q, ok := c.quantity(f.value, fmt.Sprintf("%s of the container %s of %s", name, quote(one.Name), w))
		if !ok || q.IsZero() {
			continue
		}
		if dimension, amount, ok := c.demand(name, q, f.place); ok {
			one.Resources = plus(one.Resources, placement.Resources{dimension: amount})
		}
	}
	var silent []string
	for _, name := range []string{"cpu", "memory"} {
		if _, said := asked[name]; !said {
			silent = append(silent, name)
		}
	}
	if len(silent) > 0 {
		c.warn(CodeNoResources, v.place, "the container %s of %s requests no %s: none would be reserved for it", quote(one.Name), w, strings.Join(silent, " and no "))
	}
	if v.get("resources", "claims").given() {
		c.warn(CodeNotHeld, v.place, "the container %s of %s claims devices by resourceClaims; complete its cut-through and its amounts by hand", quote(one.Name), w)
	}
}

func (c *cluster) containerPrivileges(one *Component, security *value) {
	if security.get("privileged").isTrue() {
		one.Privileged |= placement.PrivilegePrivileged
	}
	for _, name := range security.get("capabilities", "add").strs() {
		switch strings.TrimPrefix(strings.ToUpper(name), "CAP_") {
		case "SYS_ADMIN", "ALL":
			one.Privileged |= placement.PrivilegeCapSysAdmin
		}
	}
}

func (c *cluster) podPrivileges(unit *Component, w *workload) {
	for _, p := range []struct {
		name string
		bit  placement.Privileges
	}{{"hostNetwork", placement.PrivilegeHostNetwork}, {"hostPID", placement.PrivilegeHostPID}, {"hostIPC", placement.PrivilegeHostIPC}} {
		if w.pod.get(p.name).isTrue() {
			unit.Privileged |= p.bit
		}
	}
	for _, volume := range w.pod.get("volumes").list() {
		if volume.get("hostPath").given() {
			unit.Privileged |= placement.PrivilegeHostPath
		}
	}
}

// podLabels makes labels of what a pod asks of its node, and says what of it nobody holds.
func (c *cluster) podLabels(unit *Component, w *workload) {
	if class := w.pod.get("runtimeClassName"); class.given() {
		c.label(unit, "runtime-class", class)
	}
	for _, f := range w.pod.get("nodeSelector").entries() {
		c.label(unit, "node-selector."+f.name, f.value)
	}
	for _, name := range []string{"affinity", "topologySpreadConstraints", "nodeName", "schedulerName", "resourceClaims"} {
		if v := w.pod.get(name); v.given() {
			c.warn(CodeNotHeld, v.place, "%s of %s is not read; say it in affinity rules, labels or the policy", name, w)
		}
	}
}

func (c *cluster) label(unit *Component, key string, v *value) {
	if text := v.str(); len(key) <= maxLabelBytes && labelForm.MatchString(key) && (text == "" || labelForm.MatchString(text)) && len(unit.Labels) < maxLabels {
		unit.label(key, text)
		return
	}
	c.warn(CodeForm, v.place, "%s of %s is none that Kubernetes allows, or one too many; it is left out", quote(key), quote(unit.Name))
}

var imageForm = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._/:-]{0,254}?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256|sha512):([0-9a-f]{64}|[0-9a-f]{128}))?$`)

// containerImage reads the reference of a container's image.
func (c *cluster) containerImage(id string, w *workload, v *value) (SoftwareImage, bool) {
	ref := v.get("image")
	if ref.str() == "" {
		c.warn(CodeMissing, v.place, "the container %s of %s has no image", quote(v.get("name").str()), w)
		return SoftwareImage{}, false
	}
	m := imageForm.FindStringSubmatch(ref.str())
	if m == nil {
		c.warn(CodeForm, ref.place, "the image %s is no reference of a container image", quote(ref.str()))
		return SoftwareImage{}, false
	}
	img := SoftwareImage{ID: id, Name: m[1], Version: m[2], Algorithm: m[3], Checksum: m[4]}
	if img.Checksum == "" {
		c.warn(CodeImageDigestNeeded, ref.place, "the image %s is named without a digest; name the digest when you complete the draft", quote(ref.str()))
	}
	return img, true
}
