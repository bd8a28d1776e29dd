package vnfd

import (
	"maps"
	"slices"
	"strings"
)

// deploy takes what manifests put into a cluster into the components of a draft: into those that it names, by the identification of
// the MCIO, by name, or as the only one of an MCIOP; what the descriptor does not name becomes a component of its own. m is the MCIOP
// that the manifests come from, or nil.
func (c *cluster) deploy(components []Component, m *MCIOP) []Component {
	c.scale()
	for i := range c.workloads {
		w := &c.workloads[i]
		unit, containers := c.components(w)
		at := c.match(components, w, m)
		if at < 0 {
			components = c.invent(components, m, &unit, containers)
			continue
		}
		have := &components[at]
		if have.MCIO == (MCIO{}) {
			have.MCIO = unit.MCIO
		}
		c.checkReplicas(have, w)
		c.absorb(have, &unit)
		if have.Kind == KindDeployableUnit {
			components = c.contain(components, have.ID, containers)
		}
	}
	return components
}

// match finds the component that a workload is; -1: none.
func (c *cluster) match(components []Component, w *workload, m *MCIOP) int {
	one := func(is func(*Component) bool) int {
		return slices.IndexFunc(components, func(o Component) bool { return o.Kind != KindContainer && is(&o) })
	}
	if i := one(func(o *Component) bool { return o.MCIO.Name == w.name && (o.MCIO.Type == "" || o.MCIO.Type == w.kind) }); i >= 0 {
		return i
	}
	if i := one(func(o *Component) bool { return o.MCIO.Name == "" && (o.Name == w.name || o.ID == w.name) }); i >= 0 {
		return i
	}
	if m != nil && len(m.ComponentIDs) == 1 && len(c.workloads) == 1 {
		return one(func(o *Component) bool { return o.ID == m.ComponentIDs[0] })
	}
	return -1
}

// invent adds a workload that the descriptor does not name.
func (c *cluster) invent(components []Component, m *MCIOP, unit *Component, containers []Component) []Component {
	if slices.ContainsFunc(components, func(o Component) bool { return o.ID == unit.ID }) {
		unit.ID += "." + strings.ToLower(unit.MCIO.Type)
		for i := range containers {
			containers[i].ID, containers[i].PartOf = unit.ID+"."+containers[i].Name, []string{unit.ID}
		}
	}
	sizes := "no size of the descriptor counts it"
	if m != nil {
		m.ComponentIDs = append(m.ComponentIDs, unit.ID)
		sizes = "every size counts as many of it as it has pods"
	}
	c.warn(CodeNotInDescriptor, unit.at, "%s %s is no VDU of the descriptor; it becomes the component %s, and %s",
		unit.MCIO.Type, quote(unit.MCIO.Name), quote(unit.ID), sizes)
	return append(append(components, *unit), containers...)
}

// contain takes the containers of a pod into those that the descriptor gives to its deployable unit.
func (c *cluster) contain(components []Component, unitID string, containers []Component) []Component {
	for i := range containers {
		one := &containers[i]
		at := slices.IndexFunc(components, func(o Component) bool {
			return o.Kind == KindContainer && slices.Contains(o.PartOf, unitID) && (o.Name == one.Name || o.ID == one.Name)
		})
		if at >= 0 {
			c.absorb(&components[at], one)
			continue
		}
		one.ID, one.PartOf = unitID+"."+one.Name, []string{unitID}
		if !slices.ContainsFunc(components, func(o Component) bool { return o.ID == one.ID }) {
			c.warn(CodeNotInDescriptor, one.at, "the container %s is none that the descriptor gives to %s; it becomes the component %s", quote(one.Name), quote(unitID), quote(one.ID))
			components = append(components, *one)
		}
	}
	return components
}

// absorb adds to a component of the descriptor what a manifest says of it. Where both say something, the larger amount counts.
func (c *cluster) absorb(have, found *Component) {
	for _, dimension := range slices.Sorted(maps.Keys(found.Resources)) {
		amount := found.Resources[dimension]
		if said := have.Resources[dimension]; said > 0 && said != amount {
			c.warn(CodeManifestDiffers, found.at, "%s uses %d %s here and %d in the descriptor; the larger amount counts", quote(have.ID), amount, dimension, said)
		}
		have.Resources = withAmount(have.Resources, dimension, max(have.Resources[dimension], amount))
	}
	for _, key := range slices.Sorted(maps.Keys(found.Labels)) {
		if _, taken := have.Labels[key]; !taken && len(have.Labels) < maxLabels {
			have.label(key, found.Labels[key])
		}
	}
	have.Privileged |= found.Privileged
	for _, img := range found.Images {
		if !slices.ContainsFunc(have.Images, func(o SoftwareImage) bool { return o.Name == img.Name && o.Version == img.Version }) {
			have.Images = append(have.Images, img)
		}
	}
}

// checkReplicas holds the number of an object's pods against what the descriptor allows; where that says nothing, the object does.
func (c *cluster) checkReplicas(have *Component, w *workload) {
	switch {
	case have.MaxInstances == 0:
		have.MinInstances, have.MaxInstances = w.fewest, w.most
	case w.fewest < have.MinInstances || w.most > have.MaxInstances:
		c.warn(CodeManifestDiffers, w.place, "%s has %d to %d pods, and the descriptor allows %s %d to %d instances", w, w.fewest, w.most,
			quote(have.ID), have.MinInstances, have.MaxInstances)
	}
}
