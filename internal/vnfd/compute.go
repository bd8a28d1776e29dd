package vnfd

import (
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// compute reads a VDU that is a virtual machine.
func (t *topology) compute(n *node) Component {
	c := t.component(n, KindCompute)
	t.checkProperties(n.name, n.value.get("properties"), "name", "description", "boot_order", "nfvi_constraints", "monitoring_parameters",
		"configurable_properties", "vdu_profile", "sw_image_data", "boot_data")
	vc := n.value.get("capabilities", "virtual_compute", "properties")
	t.checkProperties(n.name+".virtual_compute", vc, "logical_node", "requested_additional_capabilities", "compute_requirements", "virtual_memory",
		"virtual_cpu", "virtual_local_storage")
	if cpus, ok := t.count(vc.get("virtual_cpu", "num_virtual_cpu"), "num_virtual_cpu"); ok {
		t.amount(&c, placement.DimCPUMillis, cpus, 1000, vc.place)
	}
	if mem, ok := t.size(vc.get("virtual_memory", "virtual_mem_size"), "virtual_mem_size"); ok {
		t.amount(&c, placement.DimMemoryMiB, perUnit(mem, mebibyte), 1, vc.place)
	}
	for _, disk := range vc.get("virtual_local_storage").list() {
		if size, ok := t.size(disk.get("size_of_storage"), "size_of_storage"); ok {
			t.amount(&c, placement.DimEphemeralStorageMiB, perUnit(size, mebibyte), 1, disk.place)
		}
	}
	t.capabilities(&c, vc.get("requested_additional_capabilities"))
	t.requirements(&c, "logical-node", vc.get("logical_node"))
	t.strings(&c, "compute", vc.get("compute_requirements"))
	t.strings(&c, "cpu", vc.get("virtual_cpu", "vdu_cpu_requirements"))
	t.strings(&c, "memory", vc.get("virtual_memory", "vdu_mem_requirements"))
	if v := t.plain(vc.get("virtual_cpu", "virtual_cpu_pinning", "virtual_cpu_pinning_policy")); v.given() {
		t.addLabel(&c, "cpu-pinning", v.str(), v.place)
	}
	if v := t.plain(vc.get("virtual_cpu", "cpu_architecture")); v.given() {
		t.addLabel(&c, "cpu-architecture", v.str(), v.place)
	}
	if img := n.property("sw_image_data"); img.given() {
		c.Images = append(c.Images, t.image(n.name, img, img, ""))
	}
	t.ports(&c)
	return c
}

// component reads what all VDUs have.
func (t *topology) component(n *node, kind ComponentKind) Component {
	c := Component{ID: n.name, Kind: kind, Name: t.plain(n.property("name")).str(), Description: t.plain(n.property("description")).str(), at: n.place}
	if len(n.name) > 255 || n.name == "" || strings.ContainsFunc(n.name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.fail(CodeForm, n.place, "the name %s of a VDU is no identifier of at most 255 characters", quote(n.name))
	}
	c.MinInstances, _ = t.count(n.property("vdu_profile", "min_number_of_instances"), "min_number_of_instances")
	c.MaxInstances, _ = t.count(n.property("vdu_profile", "max_number_of_instances"), "max_number_of_instances")
	if c.MaxInstances < c.MinInstances {
		t.fail(CodeForm, n.place, "the vdu_profile of %s has a minimum of %d instances above its maximum of %d", quote(n.name), c.MinInstances, c.MaxInstances)
	}
	t.strings(&c, "nfvi", n.property("nfvi_constraints"))
	for _, f := range n.value.get("artifacts").entries() {
		t.softwareArtifact(&c, f)
	}
	return c
}

// amount adds to what a component uses.
func (t *topology) amount(c *Component, dimension string, n, times int64, at place) {
	if n > (maxAmount-c.Resources[dimension])/times {
		t.fail(CodeForm, at, "%s uses more of %s than any host has", quote(c.ID), dimension)
		return
	}
	c.Resources = withAmount(c.Resources, dimension, c.Resources[dimension]+n*times)
}

// The bounds of labels in the inventory.
const (
	maxLabels     = 64
	maxLabelBytes = 255
)

func (c *Component) label(key, text string) {
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	c.Labels[key] = text
}

// addLabel makes a label of something that the descriptor says in words of its own, for rules to select by.
func (t *topology) addLabel(c *Component, key, text string, at place) {
	switch control := func(r rune) bool { return r < ' ' || r == 0x7f }; {
	case len(key) > maxLabelBytes || len(text) > maxLabelBytes || strings.ContainsFunc(key+text, control):
		t.warn(CodeForm, at, "%s: %s is too long for a label or holds control characters; it is left out", quote(key), quote(text))
	case len(c.Labels) == maxLabels && c.Labels[key] == "":
		t.warn(CodeTooLarge, at, "%s has more than %d labels; %s is left out", quote(c.ID), maxLabels, quote(key))
	default:
		c.label(key, text)
	}
}

// strings makes labels of a map of strings, or of a list of them as SOL001 had it before 2.7.1.
func (t *topology) strings(c *Component, prefix string, v *value) {
	v = t.plain(v)
	if v != nil && v.kind == listValue {
		for _, s := range v.items {
			t.addLabel(c, prefix+"."+s.str(), "true", s.place)
		}
		return
	}
	for _, f := range v.entries() {
		if text := t.plain(f.value); text != nil && text.kind != mapValue && text.kind != listValue {
			t.addLabel(c, prefix+"."+f.name, text.str(), f.place)
		} else if text != nil {
			t.warn(CodeForm, f.place, "%s is no text; it is left out", quote(f.name))
		}
	}
}

// requirements makes labels of logical nodes: a map of them, each with a map of requirements.
func (t *topology) requirements(c *Component, prefix string, v *value) {
	for _, f := range v.entries() {
		t.strings(c, prefix, f.value.get("logical_node_requirements"))
	}
}

// capabilities makes labels of requested additional capabilities.
func (t *topology) capabilities(c *Component, v *value) {
	for _, f := range v.entries() {
		name := t.plain(f.value.get("requested_additional_capability_name")).str()
		if name == "" {
			t.warn(CodeMissing, f.place, "the additional capability %s has no requested_additional_capability_name; it is left out", quote(f.name))
			continue
		}
		strength := "desired"
		if t.plain(f.value.get("support_mandatory")).isTrue() {
			strength = "mandatory"
		}
		t.addLabel(c, "capability."+name, strength, f.place)
		for _, version := range []string{"min_requested_additional_capability_version", "preferred_requested_additional_capability_version"} {
			if text := t.plain(f.value.get(version)); text.given() {
				t.addLabel(c, "capability."+name+"."+version[:strings.IndexByte(version, '_')]+"-version", text.str(), text.place)
			}
		}
		t.strings(c, "capability."+name, f.value.get("target_performance_parameters"))
	}
}

// passThrough are the types of virtual network interfaces that bypass the host's switch.
var passThrough = []string{"direct", "direct-physical", "smart-nic", "host-device"}

// ports counts what the connection points of a VDU take of the host's network cards.
func (t *topology) ports(c *Component) {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.base != nodeConnectionPoint || !slices.Contains(bindings(n, "virtual_binding"), c.ID) {
			continue
		}
		if kind := t.plain(n.property("vnic_type")); slices.Contains(passThrough, kind.str()) {
			c.CutThrough |= placement.CutThroughSRIOV
			t.amount(c, placement.DimSRIOVVFs, 1, 1, kind.place)
		}
	}
}

// bindings are the nodes that the requirements of a name lead to.
func bindings(n *node, name string) []string {
	var out []string
	for _, f := range n.value.get("requirements").entries() {
		if f.name != name {
			continue
		}
		for _, target := range f.value.list() {
			if s := target.str(); s != "" {
				out = append(out, s)
			} else if s := target.get("node").str(); s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}
