package chart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	helm "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"

	"ringfence/internal/vnfd"
)

const (
	// kubernetesVersion is what templates are told of the cluster; charts choose among versions of an API by it.
	kubernetesVersion = "v1.37.0"
	// mostFaults is how many templates may be left out before the chart is.
	mostFaults = 50
)

// Render renders a chart in this process.
func Render(source vnfd.Chart) vnfd.Rendered {
	c, values, err := load(source)
	if err != nil {
		return vnfd.Rendered{Problems: []vnfd.ChartProblem{{Message: "it is no Helm chart that can be rendered: " + oneLine(err.Error())}}}
	}
	out := vnfd.Rendered{Problems: missing(c)}
	templates := index(c)
	for range mostFaults {
		r := &rendering{templates: templates}
		texts, err := r.render(c, values)
		if err == nil {
			out.Documents = documents(c, texts)
			return out
		}
		f := r.fault(c, err)
		out.Problems = append(out.Problems, f.problem)
		if f.template == nil {
			return out
		}
		f.template.Data = nil // the others may do without it
	}
	out.Problems = append(out.Problems, vnfd.ChartProblem{Message: fmt.Sprintf("more than %d of its templates cannot be rendered; it is left out", mostFaults)})
	return out
}

// load makes a chart of its files, without the charts within it that its values switch off, and the values to render it with.
func load(source vnfd.Chart) (*helm.Chart, common.Values, error) {
	files := make([]*archive.BufferedFile, 0, len(source.Files))
	for _, f := range source.Files {
		files = append(files, &archive.BufferedFile{Name: f.Name, ModTime: time.Time{}, Data: f.Content})
	}
	c, err := loader.LoadFiles(files)
	if err != nil {
		return nil, nil, err
	}
	given, err := loader.LoadValues(strings.NewReader(string(source.Values)))
	if err != nil {
		return nil, nil, fmt.Errorf("the values that are given: %w", err)
	}
	if err := chartutil.ProcessDependencies(c, given); err != nil {
		return nil, nil, err
	}
	capabilities, err := cluster()
	if err != nil {
		return nil, nil, err
	}
	release := common.ReleaseOptions{Name: c.Name(), Namespace: "default", Revision: 1, IsInstall: true}
	// A schema may name others by address; what the values have to look like is the concern of who installs the chart.
	values, err := util.ToRenderValuesWithSchemaValidation(c, given, release, capabilities, true)
	return c, values, err
}

func cluster() (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	version, err := common.ParseKubeVersion(kubernetesVersion)
	if err != nil {
		return nil, err
	}
	capabilities.KubeVersion = *version
	return capabilities, nil
}

// missing names the charts that a chart needs and does not hold.
func missing(c *helm.Chart) []vnfd.ChartProblem {
	var problems []vnfd.ChartProblem
	for _, needed := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(d *helm.Chart) bool { return d.Name() == needed.Name || d.Name() == needed.Alias }) {
			problems = append(problems, vnfd.ChartProblem{
				File: "Chart.yaml", Message: fmt.Sprintf("it needs the chart %q, which is not in it; nothing is fetched, and what that deploys is not read", needed.Name),
			})
		}
	}
	return problems
}

// index are the templates of a chart and of those within it, by the names that the engine gives them. What only tells people
// something is left out.
func index(c *helm.Chart) map[string]*common.File {
	all := map[string]*common.File{}
	for _, f := range c.Templates {
		if path.Base(f.Name) == "NOTES.txt" {
			f.Data = nil
		}
		all[path.Join(c.ChartFullPath(), f.Name)] = f
	}
	for _, d := range c.Dependencies() {
		maps.Copy(all, index(d))
	}
	return all
}

// rendering is one attempt to render a chart.
type rendering struct {
	templates map[string]*common.File
	current   string // the template that is executed
	depth     int    // of templates that are included by it
}

// render executes the templates. Each says when it begins and ends, for the error of the engine names the place and not the template
// that led there.
func (r *rendering) render(c *helm.Chart, values common.Values) (map[string]string, error) {
	original := map[*common.File][]byte{}
	for name, f := range r.templates {
		if original[f] = f.Data; len(f.Data) > 0 && !strings.HasPrefix(path.Base(name), "_") {
			f.Data = slices.Concat(fmt.Appendf(nil, beginForm, name), f.Data, []byte(endForm))
		}
	}
	defer func() {
		for f, data := range original {
			f.Data = data
		}
	}()
	functions := deterministic()
	functions[beginName] = func(name string) string {
		if r.depth++; r.depth == 1 {
			r.current = name
		}
		return ""
	}
	functions[endName] = func() string {
		r.depth--
		return ""
	}
	e := engine.Engine{CustomTemplateFuncs: functions}
	return e.RenderWithContext(context.Background(), c, values)
}

const (
	beginName = "ringfenceBegin"
	endName   = "ringfenceEnd"
	beginForm = "{{" + beginName + " %q}}"
	endForm   = "{{" + endName + "}}"
)

// documents are what the templates became, by their path within the chart.
func documents(c *helm.Chart, texts map[string]string) []vnfd.File {
	var out []vnfd.File
	for name, text := range texts {
		if strings.TrimSpace(text) != "" {
			out = append(out, vnfd.File{Name: within(c, name), Content: []byte(text)})
		}
	}
	slices.SortFunc(out, func(a, b vnfd.File) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// within is the path of a template within the chart.
func within(c *helm.Chart, name string) string { return strings.TrimPrefix(name, c.Name()+"/") }

var errNotHere = errors.New("what it returns is another thing each time, or known to a cluster only")
