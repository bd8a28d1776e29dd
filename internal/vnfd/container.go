package vnfd

import (
	"slices"

	"ringfence/internal/placement"
)

// deployableUnit reads a VDU that is a pod. What it uses is what its containers use.
func (t *topology) deployableUnit(n *node) Component {
	c := t.component(n, KindDeployableUnit)
	t.checkProperties(n.name, n.value.get("properties"), "name", "description", "logical_node", "requested_additional_capabilities", "nfvi_constraints",
		"configurable_properties", "vdu_profile", "mcio_constraint_params", "mcio_identification_data", "monitoring_parameters")
	c.MCIO = MCIO{t.plain(n.property("mcio_identification_data", "name")).str(), t.plain(n.property("mcio_identification_data", "type")).str()}
	t.capabilities(&c, n.property("requested_additional_capabilities"))
	t.requirements(&c, "logical-node", n.property("logical_node"))
	for _, p := range t.plain(n.property("mcio_constraint_params")).list() {
		t.addLabel(&c, "mcio-constraint."+p.str(), "true", p.place)
	}
	t.ports(&c)
	return c
}

// container reads an OS container.
func (t *topology) container(n *node) Component {
	c := t.component(n, KindContainer)
	t.checkProperties(n.name, n.value.get("properties"), "name", "description", "requested_cpu_resources", "cpu_resource_limit", "requested_memory_resources",
		"memory_resource_limit", "requested_ephemeral_storage_resources", "ephemeral_storage_resource_limit", "extended_resource_requests",
		"huge_pages_resources", "cpu_pinning_requirements")
	if cpu := t.either(n, "requested_cpu_resources", "cpu_resource_limit"); cpu != nil {
		if millis, ok := t.count(cpu, "the CPU resources"); ok {
			t.amount(&c, placement.DimCPUMillis, millis, 1, cpu.place)
		}
	}
	for _, asked := range []struct{ dimension, request, limit string }{
		{placement.DimMemoryMiB, "requested_memory_resources", "memory_resource_limit"},
		{placement.DimEphemeralStorageMiB, "requested_ephemeral_storage_resources", "ephemeral_storage_resource_limit"},
	} {
		if v := t.either(n, asked.request, asked.limit); v != nil {
			if size, ok := t.size(v, asked.request); ok {
				t.amount(&c, asked.dimension, perUnit(size, mebibyte), 1, v.place)
			}
		}
	}
	t.extended(&c, n.property("extended_resource_requests"))
	t.hugePages(&c, n.property("huge_pages_resources"))
	if v := t.plain(n.property("cpu_pinning_requirements", "virtual_cpu_pinning_policy")); v.given() {
		t.addLabel(&c, "cpu-pinning", v.str(), v.place)
	}
	return c
}

// either is the request, or the limit where none is given: a cluster takes it for the request then.
func (t *topology) either(n *node, request, limit string) *value {
	if v := n.property(request); v.given() {
		return v
	}
	return n.property(limit)
}

// The names of extended resources that are dimensions of ours.
var extendedDimensions = map[string]string{"nvidia.com/gpu": placement.DimGPUs, "amd.com/gpu": placement.DimGPUs}

// extended counts extended resources: each entry is a map of one name, and an amount.
func (t *topology) extended(c *Component, v *value) {
	for _, item := range t.plain(v).list() {
		n, ok := t.count(item.get("amount"), "the amount of an extended resource")
		names := item.get("extended_resource").entries()
		if !ok || len(names) != 1 {
			t.warn(CodeForm, item.place, "an extended resource has one name and an amount; it is left out")
			continue
		}
		name := names[0].value.str()
		if name == "" || name == "true" {
			name = names[0].name
		}
		dimension := extendedDimensions[name]
		if dimension == "" {
			dimension = placement.ExtPrefix + name
		}
		t.amount(c, dimension, n, 1, item.place)
	}
}

// hugePages counts pages of the sizes that hosts have.
func (t *topology) hugePages(c *Component, v *value) {
	for _, item := range t.plain(v).list() {
		page, ok := t.size(item.get("hugepage_size"), "hugepage_size")
		asked, ok2 := t.size(item.get("requested_size"), "requested_size")
		if !ok || !ok2 {
			continue
		}
		dimension := map[int64]string{2 * mebibyte: placement.DimHugePages2Mi, 1024 * mebibyte: placement.DimHugePages1Gi}[page]
		if dimension == "" {
			t.warn(CodeForm, item.place, "huge pages of %d bytes are none that hosts declare; 2 MiB and 1 GiB are", page)
			continue
		}
		t.amount(c, dimension, perUnit(asked, page), 1, item.place)
	}
}

// join tells deployable units and their containers of each other: a unit uses and starts what its containers do, and a container
// that is named alone is bound by what its units say.
func (t *topology) join(own []Component) {
	at := map[string]int{}
	for i := range own {
		at[own[i].ID] = i
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.base != nodeDeployableUnit {
			continue
		}
		unit := &own[at[n.name]]
		names := bindings(n, "container")
		for _, name := range names {
			j, ok := at[name]
			if !ok || own[j].Kind != KindContainer {
				t.fail(CodeUnknownReference, n.place, "%s has the container %s, which is no Vdu.OsContainer of the descriptor", quote(n.name), quote(name))
				continue
			}
			t.contain(unit, &own[j], n.place)
		}
		if len(names) == 0 {
			t.fail(CodeMissing, n.place, "%s has no container", quote(n.name))
		}
	}
}

func (t *topology) contain(unit, c *Component, at place) {
	for dimension, amount := range c.Resources {
		t.amount(unit, dimension, amount, 1, at)
	}
	unit.Images = append(unit.Images, c.Images...)
	for k, v := range c.Labels {
		if _, taken := unit.Labels[k]; !taken {
			unit.label(k, v)
		}
	}
	if !slices.Contains(c.PartOf, unit.ID) {
		c.PartOf = append(c.PartOf, unit.ID)
	}
	c.CutThrough |= unit.CutThrough
	c.MinInstances, c.MaxInstances = c.MinInstances+unit.MinInstances, c.MaxInstances+unit.MaxInstances
	for k, v := range unit.Labels {
		if _, taken := c.Labels[k]; !taken {
			c.label(k, v)
		}
	}
}
