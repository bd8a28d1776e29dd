package chart

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"helm.sh/helm/v4/pkg/chart/common"
	helm "helm.sh/helm/v4/pkg/chart/v2"

	"ringfence/internal/vnfd"
)

// fault is why a chart was not rendered as a whole.
type fault struct {
	problem  vnfd.ChartProblem
	template *common.File // to go on without; nil: there is none
}

var placeForm = regexp.MustCompile(`([^\s():"<>]+):(\d+)(?::(\d+))?`)

// fault says where a template failed: the innermost place that the engine names, and which template led there.
func (r *rendering) fault(c *helm.Chart, err error) fault {
	text := err.Error()
	f := fault{problem: vnfd.ChartProblem{Message: reason(text)}, template: r.templates[r.current]}
	for _, m := range placeForm.FindAllStringSubmatch(text, -1) {
		if r.templates[m[1]] == nil {
			continue
		}
		f.problem.File = m[1]
		f.problem.Line, _ = strconv.Atoi(m[2])
		f.problem.Column, _ = strconv.Atoi(m[3])
	}
	if r.current == "" { // no template was executed yet: the place is where it cannot be parsed
		f.template = r.templates[f.problem.File]
	}
	if f.problem.File == "" && r.current != "" {
		f.problem.File = r.current
	}
	if f.problem.Line == 1 && f.problem.Column > 0 && !strings.HasPrefix(path.Base(f.problem.File), "_") {
		f.problem.Column = max(1, f.problem.Column-len(fmt.Sprintf(beginForm, f.problem.File)))
	}
	switch {
	case f.template != nil && len(f.template.Data) == 0:
		f.template = nil // it was left out already, and that did not help
	case r.current != "" && r.current != f.problem.File:
		f.problem.Message = fmt.Sprintf("%s; %s needs it and is not rendered", f.problem.Message, within(c, r.current))
	default:
		f.problem.Message += "; the template is not rendered"
	}
	f.problem.File = within(c, f.problem.File)
	return f
}

// reason is the end of the engine's chain of causes, on one line.
func reason(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if i := strings.LastIndex(last, ">: "); i >= 0 {
		last = last[i+len(">: "):]
	}
	for {
		head, tail, found := strings.Cut(last, ": ")
		if !found || !placeForm.MatchString(head) && !strings.HasPrefix(head, "error calling ") && head != "template" && head != "parse error" {
			break
		}
		last = tail
	}
	return oneLine(last)
}

// oneLine shows a text of the chart, shortened.
func oneLine(text string) string {
	const most = 300
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) }), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
