package vnfd

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// chartFile is the file that makes a folder a Helm chart.
const chartFile = "Chart.yaml"

// chartFiles are the files of a chart of the package, an archive or a folder of it; nil when it is none that may be rendered.
func (d *descriptor) chartFiles(name string) []File {
	read := &chartReader{report: &report{}, at: place{file: name}, seen: map[string]bool{}}
	if d.files[name] == nil {
		read.folder(d.archive, name)
	} else if content := d.unpack(name, maxChartBytes); content != nil {
		read.archive(content, "", 0)
		d.text[name] = content
	}
	for _, f := range read.findings {
		d.add(f.Severity, f.Code, place{file: f.File}, "%s", f.Message)
	}
	switch {
	case HasErrors(read.findings) || len(read.files) == 0:
		return nil
	case !read.seen[chartFile]:
		d.warn(CodeChart, read.at, "it is no Helm chart: it holds no %s", chartFile)
		return nil
	}
	return read.files
}

// chartReader reads the files of one chart, with those of the charts within it.
type chartReader struct {
	*report
	at    place
	files []File
	seen  map[string]bool
	bytes int64
}

// take adds a file; false when that is too much.
func (r *chartReader) take(name string, from io.Reader) bool {
	content, err := io.ReadAll(io.LimitReader(from, maxChartBytes-r.bytes+1))
	r.bytes += int64(len(content))
	switch {
	case r.bytes > maxChartBytes || len(r.files) == maxChartFiles:
		r.fail(CodeTooLarge, r.at, "the chart has more than %d files or unpacks to more than %d bytes", maxChartFiles, maxChartBytes)
		return false
	case err != nil:
		r.fail(CodeArchive, r.at, "the chart cannot be unpacked: %s", err)
		return false
	case r.seen[name]:
		r.fail(CodeDuplicate, r.at, "the chart holds %s twice; which of them counts depends on who unpacks it", quote(name))
		return false
	}
	r.seen[name] = true
	r.files = append(r.files, File{name, content})
	return true
}

func (r *chartReader) folder(a *archive, folder string) {
	for _, name := range a.names {
		within, is := strings.CutPrefix(name, folder+"/")
		if !is {
			continue
		}
		content := a.unpack(name, maxTextBytes)
		if content == nil {
			r.fail(CodeChart, r.at, "the chart's file %s cannot be read", quote(within))
			return
		}
		a.text[name] = content
		if !r.file(within, bytes.NewReader(content), 0) {
			return
		}
	}
	r.sort()
}

func (r *chartReader) sort() {
	slices.SortFunc(r.files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
}

// archive reads a chart as Helm packs it: a compressed tar archive with one folder.
func (r *chartReader) archive(content []byte, prefix string, depth int) {
	unpacked, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		r.warn(CodeChart, r.at, "it is no Helm chart: %s", strings.TrimPrefix(err.Error(), "gzip: "))
		return
	}
	t := tar.NewReader(io.LimitReader(unpacked, 2*maxChartBytes))
	root := ""
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.fail(CodeArchive, r.at, "the chart cannot be unpacked: %s", strings.TrimPrefix(err.Error(), "archive/tar: "))
			return
		}
		if h.Typeflag == tar.TypeXGlobalHeader || h.Typeflag == tar.TypeDir && badName(strings.TrimSuffix(h.Name, "/")) == "" {
			continue
		}
		name := path.Clean(h.Name) // Helm writes "./" before names where others pack for it
		if problem := badName(name); problem != "" || strings.HasPrefix(h.Name, "/") || strings.Contains(h.Name, "..") {
			r.fail(CodeArchive, r.at, "the name %s of an entry of the chart leads out of it or is none", quote(h.Name))
			return
		}
		if h.Typeflag != tar.TypeReg {
			r.fail(CodeArchive, r.at, "the entry %s of the chart is a link or a device; a chart holds files only", quote(h.Name))
			return
		}
		folder, within, found := strings.Cut(name, "/")
		if root == "" {
			root = folder
		}
		if !found || folder != root {
			r.fail(CodeArchive, r.at, "the entry %s is not in the one folder of the chart", quote(h.Name))
			return
		}
		if prefix != "" {
			within = prefix + root + "/" + within
		}
		if !r.file(within, t, depth) {
			return
		}
	}
	r.sort()
}

// file takes a file of a chart; an archive below charts/ is a chart within it.
func (r *chartReader) file(name string, from io.Reader, depth int) bool {
	folder := path.Dir(name)
	if path.Ext(name) != ".tgz" || path.Base(folder) != "charts" {
		return r.take(name, from)
	}
	if depth == maxChartDepth {
		r.fail(CodeTooLarge, r.at, "charts lie within each other deeper than %d levels", maxChartDepth)
		return false
	}
	content, err := io.ReadAll(io.LimitReader(from, maxChartBytes+1))
	if r.bytes += int64(len(content)); err != nil || r.bytes > maxChartBytes {
		r.fail(CodeTooLarge, r.at, "the chart unpacks to more than %d bytes, or cannot be unpacked", maxChartBytes)
		return false
	}
	r.archive(content, folder+"/", depth+1)
	return !HasErrors(r.findings)
}
