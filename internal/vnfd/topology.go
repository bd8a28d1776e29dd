package vnfd

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/placement"
)

// topology is one topology template: that of the VNF, or of one of its deployment flavours.
type topology struct {
	*descriptor
	root   *value
	nodes  []node
	inputs *value
	groups map[string][]string // members of placement groups
}

// node is one node template.
type node struct {
	field
	base string // the type of SOL001 that it is; empty: none
}

func (n *node) property(names ...string) *value { return n.value.get("properties").get(names...) }

// draft makes the draft of what the documents say; nil when they describe no VNF.
func (d *descriptor) draft(entry string) *Draft {
	out := &Draft{Entry: entry}
	var tops []*topology
	for _, doc := range d.documents {
		if root := doc.get("topology_template"); root.given() {
			tops = append(tops, d.topology(root))
		}
	}
	d.describe(out, tops)
	for _, t := range tops {
		t.read(out)
	}
	if len(tops) > 0 {
		d.loose(out)
		d.checkResources(out)
	}
	if len(d.documents) == 0 {
		return nil
	}
	at := d.documents[0].place
	switch {
	case len(out.Components) == 0:
		d.fail(CodeMissing, at, "the descriptor has no VDU: nothing of it would ever be placed")
	case len(out.Components) > maxComponents:
		d.fail(CodeTooLarge, at, "the descriptor has %d VDUs and containers, at most %d are read", len(out.Components), maxComponents)
		return nil
	}
	out.finish()
	return out
}

func (d *descriptor) topology(root *value) *topology {
	t := &topology{descriptor: d, root: root, inputs: root.get("inputs"), groups: map[string][]string{}}
	for _, f := range root.fields {
		switch f.name {
		case "description", "inputs", "node_templates", "groups", "policies", "substitution_mappings", "outputs", "relationship_templates":
		default:
			d.warn(CodeUnknownConstruct, f.place, "the keyword %s of a topology template is not known; what it says is not read", quote(f.name))
		}
	}
	known := func(name string) bool {
		return isNode(name) || strings.HasPrefix(name, standardPrefix) && d.types["node_types"][name] == nil
	}
	for _, f := range root.get("node_templates").entries() {
		kind := f.value.get("type")
		base, ok := d.types.base("node_types", kind.str(), known)
		switch {
		case kind.str() == "":
			d.fail(CodeMissing, f.place, "the node template %s has no type", quote(f.name))
			continue
		case !ok || !isNode(base):
			d.warn(CodeUnknownType, kind.place, "the type %s of the node template %s is derived from none that SOL001 has; it is not read", quote(kind.str()), quote(f.name))
			base = ""
		}
		t.nodes = append(t.nodes, node{f, base})
		d.checkTemplate(f)
	}
	return t
}

// isNode tells whether a type of SOL001 is known here.
func isNode(name string) bool {
	switch name {
	case nodeVNF, nodeCompute, nodeDeployableUnit, nodeContainer, nodeBlockStorage, nodeObjectStorage, nodeFileStorage, nodeConnectionPoint, nodeMCIOP:
		return true
	}
	return slices.Contains(networkTypes, name)
}

// checkTemplate reports what a node template says in words that are not TOSCA's.
func (d *descriptor) checkTemplate(f field) {
	for _, part := range f.value.entries() {
		switch part.name {
		case "type", "description", "metadata", "properties", "attributes", "requirements", "capabilities", "interfaces", "artifacts", "directives", "node_filter", "copy":
		default:
			d.warn(CodeUnknownConstruct, part.place, "the keyword %s of a node template is not known; what it says is not read", quote(part.name))
		}
	}
}

// checkProperties reports properties that SOL001 does not give to a node of that type.
func (d *descriptor) checkProperties(of string, properties *value, known ...string) {
	for _, f := range properties.entries() {
		if !slices.Contains(known, f.name) {
			d.warn(CodeUnknownConstruct, f.place, "the property %s of %s is not known; what it says is not read", quote(f.name), quote(of))
		}
	}
}

// describe finds the VNF itself: who made it, and its identifier.
func (d *descriptor) describe(out *Draft, tops []*topology) {
	var vnf *node
	var in *topology
	for _, t := range tops {
		for i := range t.nodes {
			if n := &t.nodes[i]; n.base == nodeVNF && (vnf == nil || !vnf.property("descriptor_id").given() && n.property("descriptor_id").given()) {
				vnf, in = n, t
			}
		}
	}
	if vnf == nil {
		if len(d.documents) > 0 {
			d.fail(CodeMissing, d.documents[0].place, "no node template is a VNF: its type is to be derived from %s", nodeVNF)
		}
		return
	}
	text := func(name string) string { return in.resolve(vnf, name).str() }
	out.VNFDID, out.Version, out.Provider = text("descriptor_id"), text("descriptor_version"), text("provider")
	out.ProductName, out.SoftwareVersion = text("product_name"), text("software_version")
	out.VNFMInfo = in.resolve(vnf, "vnfm_info").strs()
	switch {
	case out.VNFDID == "":
		d.fail(CodeMissing, vnf.place, "the VNF has no descriptor_id: grant requests name it by that")
	case len(out.VNFDID) > 255 || strings.ContainsFunc(out.VNFDID, func(c rune) bool { return c < ' ' || c == 0x7f }):
		d.fail(CodeForm, vnf.place, "the descriptor_id %s is no identifier of at most 255 characters", quote(out.VNFDID))
	}
}

// resolve is a property of the VNF's node: its own value, or what its type says.
func (t *topology) resolve(n *node, property string) *value {
	if v := n.property(property); v.given() && v.kind != mapValue {
		return v
	}
	return t.types.property(n.value.get("type").str(), property)
}

// plain returns a value that is no function. An input counts with its default; what only an operation knows is reported.
func (t *topology) plain(v *value) *value {
	if v == nil || v.kind != mapValue || len(v.fields) != 1 {
		return v
	}
	switch f := v.fields[0]; f.name {
	case "get_input":
		if d := t.inputs.get(f.value.str(), "default"); d.given() {
			return d
		}
		t.warn(CodeUnresolved, v.place, "the value of the input %s is only known to an operation; complete it by hand", quote(f.value.str()))
		return nil
	case "get_property", "get_attribute", "get_artifact", "concat", "token", "join", "get_operation_output", "get_nodes_of_type":
		t.warn(CodeUnresolved, v.place, "the function %s is not evaluated; complete its value by hand", f.name)
		return nil
	}
	return v
}

// count reads a whole number; ok is false where there is none.
func (t *topology) count(v *value, what string) (n int64, ok bool) {
	if v = t.plain(v); !v.given() {
		return 0, false
	}
	n, err := strconv.ParseInt(v.str(), 10, 64)
	if err != nil || n < 0 || n > maxAmount {
		t.fail(CodeForm, v.place, "%s is %s; expected a whole number from 0 on", what, quote(v.str()))
		return 0, false
	}
	return n, true
}

// size reads a size in bytes; ok is false where there is none.
func (t *topology) size(v *value, what string) (n int64, ok bool) {
	if v = t.plain(v); !v.given() {
		return 0, false
	}
	n, ok = bytesOf(v.str())
	if !ok {
		t.fail(CodeForm, v.place, "%s is %s; expected a size such as 4 GiB", what, quote(v.str()))
	}
	return n, ok
}

// flavourID is the deployment flavour that the topology describes.
func (t *topology) flavourID() (id, description string) {
	id = t.root.get("substitution_mappings", "properties", "flavour_id").str()
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.base != nodeVNF {
			continue
		}
		if id == "" {
			id = t.resolve(n, "flavour_id").str()
		}
		description = t.resolve(n, "flavour_description").str()
	}
	if id == "" {
		id = t.types.property(t.root.get("substitution_mappings", "node_type").str(), "flavour_id").str()
	}
	if id == "" {
		id = "default"
	}
	return id, description
}

// read takes what the topology says into the draft.
func (t *topology) read(out *Draft) {
	before := len(out.Components)
	var own []Component
	for i := range t.nodes {
		switch n := &t.nodes[i]; n.base {
		case nodeCompute:
			own = append(own, t.compute(n))
		case nodeDeployableUnit:
			own = append(own, t.deployableUnit(n))
		case nodeContainer:
			own = append(own, t.container(n))
		case nodeBlockStorage, nodeObjectStorage, nodeFileStorage:
			out.addStorage(t.storage(n))
		}
	}
	t.join(own)
	t.readGroups()
	own = t.charts(out, own)
	for i := range own {
		t.take(out, before, &own[i])
	}
	t.rules(out, own)
	if len(own) > 0 {
		out.Flavours = append(out.Flavours, t.flavour(own))
	}
}

// take adds a component, or holds it against the one that another flavour has under its name: what either wants counts.
func (t *topology) take(out *Draft, before int, c *Component) {
	i := slices.IndexFunc(out.Components, func(o Component) bool { return o.ID == c.ID })
	if i < 0 {
		out.Components = append(out.Components, *c)
		return
	}
	have := &out.Components[i]
	if i >= before {
		return // within one topology names are unique
	}
	if !maps.Equal(have.Resources, c.Resources) || !maps.Equal(have.Labels, c.Labels) || have.Kind != c.Kind || have.CutThrough != c.CutThrough {
		t.warn(CodeFlavoursDiffer, c.at, "%s is described differently in %s; a component of the profile is one, so the larger amounts and all labels count", quote(c.ID), quote(have.at.file))
	}
	have.MinInstances, have.MaxInstances = min(have.MinInstances, c.MinInstances), max(have.MaxInstances, c.MaxInstances)
	have.CutThrough |= c.CutThrough
	have.Privileged |= c.Privileged
	for k, v := range c.Resources {
		have.Resources = withAmount(have.Resources, k, max(have.Resources[k], v))
	}
	for k, v := range c.Labels {
		if _, taken := have.Labels[k]; !taken {
			have.label(k, v)
		}
	}
	for _, img := range c.Images {
		if !slices.Contains(have.Images, img) {
			have.Images = append(have.Images, img)
		}
	}
}

func withAmount(r placement.Resources, dimension string, amount int64) placement.Resources {
	if r == nil {
		r = placement.Resources{}
	}
	r[dimension] = amount
	return r
}

func (d *Draft) addStorage(s Storage) {
	if !slices.ContainsFunc(d.Storages, func(o Storage) bool { return o.ID == s.ID }) {
		d.Storages = append(d.Storages, s)
	}
}

// finish brings the draft into an order that does not depend on how often imports named a file.
func (d *Draft) finish() {
	for i := range d.AffinityRules {
		slices.Sort(d.AffinityRules[i].ComponentIDs)
		d.AffinityRules[i].ComponentIDs = slices.Compact(d.AffinityRules[i].ComponentIDs)
	}
}
