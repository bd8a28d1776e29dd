package vnfd

import (
	"bytes"
	"path"
	"strings"
)

// loose takes the manifests and charts of the package that no MCIOP names: some VNFMs are told by parameters of an operation which
// files of a package they deploy.
func (d *descriptor) loose(out *Draft) {
	rest := &cluster{report: d.report}
	for _, name := range d.names {
		ext := path.Ext(name)
		switch {
		case d.loaded[name] || d.clusters[name] != nil || d.inChart(name) || strings.HasPrefix(name, path.Dir(metadataFile)+"/"):
		case path.Base(name) == chartFile && path.Dir(name) != ".":
			if folder := path.Dir(name); d.clusters[folder] == nil {
				d.deployLoose(out, d.chart(folder))
			}
		case ext == ".yaml" || ext == ".yml":
			d.looseManifest(rest, name)
		case ext == ".tgz" && d.holdsChart(name):
			d.deployLoose(out, d.chart(name))
		}
	}
	d.deployLoose(out, rest)
}

func (d *descriptor) deployLoose(out *Draft, c *cluster) {
	for _, s := range c.claims {
		out.addStorage(s)
	}
	out.Components = c.deploy(out.Components, nil)
}

// inChart tells whether a file belongs to a chart that lies unpacked in the package; the file that makes it one stands for it, but
// where the chart is part of another one.
func (d *descriptor) inChart(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if d.files[path.Join(dir, chartFile)] != nil && name != path.Join(dir, chartFile) {
			return true
		}
	}
	return false
}

// holdsChart tells whether an archive that nothing names is a chart.
func (d *descriptor) holdsChart(name string) bool {
	if d.files[name].UncompressedSize64 > maxChartBytes {
		d.warn(CodeChart, place{file: name}, "it has more than %d bytes and is not looked into: a chart has not as many", maxChartBytes)
		return false
	}
	content := d.unpack(name, maxChartBytes)
	read := &chartReader{report: &report{}, seen: map[string]bool{}}
	read.archive(content, "", 0)
	return read.seen[chartFile]
}

// looseManifest reads a YAML file that may be a manifest.
func (d *descriptor) looseManifest(c *cluster, name string) {
	if d.files[name].UncompressedSize64 > maxTextBytes {
		d.warn(CodeTooLarge, place{file: name}, "it has %d bytes and is not read: at most %d are", d.files[name].UncompressedSize64, maxTextBytes)
		return
	}
	if text := d.unpack(name, maxTextBytes); bytes.Contains(text, []byte("apiVersion")) && bytes.Contains(text, []byte("kind")) {
		d.manifest(c, name, text)
	}
}

// manifest reads a file of objects of Kubernetes.
func (d *descriptor) manifest(c *cluster, name string, text []byte) {
	y := d.manifestReader()
	for _, doc := range y.parseAll(name, text) {
		if isObject(doc) {
			c.object(doc)
		} else if doc.given() {
			d.warn(CodeUnknownConstruct, doc.place, "it is no object of Kubernetes; it is not read")
		}
	}
	d.yaml.nodes = y.nodes
}

// checkResources says of which components neither the descriptor nor a manifest tells what they use.
func (d *descriptor) checkResources(out *Draft) {
	for i := range out.Components {
		c := &out.Components[i]
		if len(c.Resources) > 0 || !d.loaded[c.at.file] {
			continue
		}
		switch c.Kind {
		case KindCompute:
			d.warn(CodeNoResources, c.at, "%s says nothing of what it uses: no capacity would be reserved for it", quote(c.ID))
		case KindDeployableUnit: // its containers do
		case KindContainer:
			d.warn(CodeNoResources, c.at, "the container %s says nothing of what it uses: no capacity would be reserved for it", quote(c.ID))
		}
	}
}
