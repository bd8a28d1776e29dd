package vnfd

import (
	"path"
	"slices"
	"strings"
)

// Charts says what is done with the Helm charts of a package.
type Charts struct {
	// Render renders a chart. nil: charts are reported and not rendered. An error says that rendering could not be tried.
	Render func(Chart) (Rendered, error)
	// Values are what the operator sets, a YAML document for every chart of the package; what it does not say is as the chart has it.
	Values []byte
}

// Chart is a Helm chart as it is handed out to be rendered.
type Chart struct {
	Files  []File // by their path within the chart, sorted; charts within it are folders below charts/
	Values []byte // of the operator
}

// Rendered is what a chart becomes without a cluster.
type Rendered struct {
	Documents []File // by the path of their template within the chart, sorted
	Problems  []ChartProblem
}

// ChartProblem is something that keeps a chart, or one of its templates, from being rendered.
type ChartProblem struct {
	File         string // within the chart; empty for the chart
	Line, Column int    // from 1; 0: unknown
	Message      string
	TooLarge     bool // a bound was exceeded: the package is refused
}

// charts takes the MCIOPs of the topology with what their charts and manifests deploy, and returns the components with it.
func (t *topology) charts(out *Draft, own []Component) []Component {
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.base != nodeMCIOP {
			continue
		}
		m := MCIOP{ID: n.name, ComponentIDs: bindings(n, "associatedVdu")}
		for _, f := range n.value.get("artifacts").entries() {
			file := f.value.get("file").str()
			if f.value.str() != "" {
				file = f.value.str()
			}
			name := t.locate(f.place, file)
			if name == "" {
				name = t.chartFolder(f.place, file)
			}
			if name == "" {
				if t.files != nil {
					t.warn(CodeArtifact, f.place, "the package does not hold the chart %s", quote(file))
				}
				continue
			}
			m.File = name
			own = t.deployed(out, own, name, &m)
		}
		out.MCIOPs = append(out.MCIOPs, m)
	}
	return own
}

// deployed takes what a chart or manifest of an MCIOP deploys.
func (t *topology) deployed(out *Draft, own []Component, name string, m *MCIOP) []Component {
	c := t.clusters[name]
	if c == nil {
		if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" {
			c = &cluster{report: t.report}
			t.manifest(c, name, t.archive.read(name))
		} else {
			c = t.chart(name)
		}
		t.clusters[name] = c
	}
	for _, s := range c.claims {
		out.addStorage(s)
	}
	return c.deploy(own, m)
}

// chartFolder finds a chart that lies unpacked in the package.
func (a *archive) chartFolder(from place, file string) string {
	for _, name := range []string{path.Clean(file), path.Join(path.Dir(from.file), file)} {
		if a.files[path.Join(name, chartFile)] != nil {
			return name
		}
	}
	return ""
}

// chart renders a chart and reads what it deploys.
func (d *descriptor) chart(name string) *cluster {
	c := &cluster{report: d.report}
	files := d.chartFiles(name)
	if files == nil {
		return c
	}
	if d.Render == nil {
		d.warn(CodeChart, place{file: name}, "charts are not rendered here: what its containers use is taken from the descriptor alone")
		return c
	}
	rendered, err := d.Render(Chart{Files: files, Values: d.Values})
	if err != nil {
		d.warn(CodeChart, place{file: name}, "it could not be rendered: %s", err)
		return c
	}
	d.problems(name, rendered.Problems)
	y := d.manifestReader()
	y.rendered = true
	for _, doc := range rendered.Documents {
		for _, object := range y.parseAll(name+"/"+doc.Name, doc.Content) {
			if isObject(object) {
				c.object(object)
			}
		}
	}
	d.yaml.nodes = y.nodes
	if len(c.workloads) == 0 {
		d.warn(CodeChart, place{file: name}, "nothing that it renders to has containers")
	}
	return c
}

func (d *descriptor) problems(name string, problems []ChartProblem) {
	slices.SortStableFunc(problems, func(a, b ChartProblem) int { return strings.Compare(a.File, b.File) })
	for _, p := range problems {
		at := place{file: name, line: p.Line, column: p.Column}
		if p.File != "" {
			at.file += "/" + p.File
		}
		if p.TooLarge {
			d.fail(CodeTooLarge, at, "%s", p.Message)
			continue
		}
		d.warn(CodeChart, at, "%s", p.Message)
	}
}

func (d *descriptor) manifestReader() *yamlReader {
	return &yamlReader{report: d.report, nodes: d.yaml.nodes, manifests: true}
}
