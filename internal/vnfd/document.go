package vnfd

import (
	"path"
	"slices"
	"strings"
)

// descriptor is a VNFD: its documents, and the types that they define.
type descriptor struct {
	*archive
	Charts
	yaml      yamlReader
	documents []*value // in the order in which imports lead to them, the entry first
	loaded    map[string]bool
	types     registry
	clusters  map[string]*cluster // what the files that MCIOPs name deploy
}

// load reads the descriptor from its entry, with all that it imports.
func (a *archive) load(entry string, charts Charts) *descriptor {
	d := &descriptor{
		archive: a, Charts: charts, yaml: yamlReader{report: a.report}, loaded: map[string]bool{}, types: registry{}, clusters: map[string]*cluster{},
	}
	d.loadFile(entry)
	for _, doc := range d.documents {
		d.types.learn(doc)
	}
	return d
}

func (d *descriptor) loadFile(name string) {
	if d.loaded[name] {
		return
	}
	d.loaded[name] = true
	if len(d.loaded) > maxDocuments {
		d.fail(CodeTooLarge, place{file: name}, "the descriptor has more than %d documents", maxDocuments)
		return
	}
	text := d.read(name)
	if text == nil {
		return
	}
	doc := d.yaml.parse(name, text)
	if doc == nil {
		return
	}
	if doc.kind != mapValue {
		d.fail(CodeForm, doc.place, "a TOSCA document is a mapping")
		return
	}
	d.documents = append(d.documents, doc)
	d.checkKeywords(doc)
	for _, item := range doc.get("imports").list() {
		d.follow(name, item)
	}
}

// keywords are those of a TOSCA service template, simple profile in YAML.
var keywords = []string{
	"tosca_definitions_version", "metadata", "description", "dsl_definitions", "imports", "repositories", "namespace", "artifact_types",
	"data_types", "capability_types", "interface_types", "relationship_types", "node_types", "group_types", "policy_types",
	"topology_template", "template_name", "template_author", "template_version",
}

func (d *descriptor) checkKeywords(doc *value) {
	version := doc.get("tosca_definitions_version")
	if v := version.str(); !strings.HasPrefix(v, "tosca_simple_yaml_1_") && !strings.HasPrefix(v, "tosca_simple_profile_for_nfv") {
		at := doc.place
		if version != nil {
			at = version.place
		}
		d.fail(CodeForm, at, "tosca_definitions_version is %s; SOL001 is written in tosca_simple_yaml_1_x", quote(v))
	}
	for _, f := range doc.fields {
		if !slices.Contains(keywords, f.name) {
			d.warn(CodeUnknownConstruct, f.place, "the keyword %s of a document is not known; what it says is not read", quote(f.name))
		}
	}
}

// follow loads what one entry of imports names: a file, or a mapping that names one.
func (d *descriptor) follow(from string, item *value) {
	target := item.str()
	if item.kind == mapValue {
		if target = item.get("file").str(); target == "" {
			target = item.get("url").str()
		}
		if target == "" && len(item.fields) == 1 { // a name for the import, the older form
			d.follow(from, item.fields[0].value)
			return
		}
	}
	resolved := path.Join(path.Dir(from), target)
	switch {
	case target == "":
		d.fail(CodeImport, item.place, "the import names no file")
	case strings.Contains(target, "://"):
		if !standardTypes(target) {
			d.fail(CodeImport, item.place, "the import %s is not in the package; nothing is fetched", quote(target))
		}
	case strings.HasPrefix(target, "/") || resolved == ".." || strings.HasPrefix(resolved, "../"):
		d.fail(CodeImport, item.place, "the import %s leads out of the package", quote(target))
	case d.has(resolved):
		d.loadFile(resolved)
	case !standardTypes(target):
		d.fail(CodeImport, item.place, "the package does not hold the imported file %s", quote(resolved))
	}
}
