package chart_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"ringfence/internal/chart"
	"ringfence/internal/vnfd"
)

// bounded is a process with little time, so that what never ends does not take the tests with it.
var bounded = chart.Process{
	Command: []string{os.Args[0], serveVariable}, Limits: chart.Limits{Seconds: 1, MemoryBytes: 512 << 20},
}

// A chart that would never end, or take all memory, ends as a problem that refuses it.
func TestBombs(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{
		"a loop within a loop":          `{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}`,
		"a list without end":            `{{ range until 10000000000 }}x{{ end }}`,
		"a text without end":            `{{ repeat 10000000000 "x" }}`,
		"a text that doubles":           `{{ $x := "xxxxxxxx" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}{{ $x }}`,
		"a list that doubles":           `{{ $x := list 1 2 3 4 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}{{ len $x }}`,
		"templates that double":         `{{ define "a" }}{{ include "b" . }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}{{ end }}{{ include "a" . }}`,
		"a file that is replaced by it": `{{ $x := repeat 100000 "x" }}{{ replace "x" $x $x }}`,
		"an indent without end":         `{{ indent 2000000000 "x" }}`,
		"more output than is taken":     `{{ $x := repeat 1000000 "x" }}{{ range until 60 }}{{ $x }}{{ end }}`,
		"text that is its own template": `{{ $x := dict "x" "{{ tpl .x . }}" }}{{ tpl $x.x $x }}`,
		"more derived passwords":        `{{ range until 100000 }}{{ derivePassword 1 "long" "a" "b" "c" }}{{ end }}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := bounded.Render(context.Background(), made("templates/a.yaml", template))
			if err != nil || len(got.Documents) > 0 || len(got.Problems) != 1 || !got.Problems[0].TooLarge {
				t.Errorf("got %v\n%.500s", err, text(got))
			}
		})
	}
}

// What is wrong with a chart is said, and it harms no other template.
func TestFaultyCharts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		chart      vnfd.Chart
	}{
		{"a template that includes itself", "nested reference name", made("templates/a.yaml", `{{ include "cache/templates/a.yaml" . }}`)},
		{"a template that calls itself", "templates/a.yaml:1:", made("templates/a.yaml", `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`)},
		{"no template", "templates/a.yaml:2:0: ", made("templates/a.yaml", "a\n{{ if }}\n")},
		{"an unknown function", "templates/a.yaml:1:0: function \"nothing\" not defined", made("templates/a.yaml", "{{ nothing }}")},
		{"a value that somebody has to give", "templates/a.yaml:3:4: say who; the template is not rendered", made("templates/a.yaml", "a: 1\n\n{{- required \"say who\" .Values.who }}\n")},
		{"a chart that refuses", "templates/a.yaml:1:3: not so", made("templates/a.yaml", "{{ fail \"not so\" }}")},
		{
			"a fault in what another file defines", "templates/_h.tpl:1:19: the function now is not evaluated: what it returns is another thing each time, or known to a cluster only; templates/a.yaml needs it and is not rendered",
			made("templates/_h.tpl", `{{ define "h" }}{{ now }}{{ end }}`, "templates/a.yaml", "x: {{ include \"h\" . }}\n"),
		},
		{"a type that does not fit", "templates/a.yaml:1:", made("templates/a.yaml", "{{ index .Values 1 2 3 }}")},
		{"values that are none", "it is no Helm chart that can be rendered", made("values.yaml", "a: [\n")},
		{"a chart without a name", "it is no Helm chart that can be rendered", vnfd.Chart{Files: []vnfd.File{{Name: "Chart.yaml", Content: []byte("apiVersion: v2\n")}}}},
		{"no chart", "it is no Helm chart that can be rendered", vnfd.Chart{}},
		{"values that explode", "", made("values.yaml", "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"+
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n")},
		{"bytes that are no text", "", made("templates/a.yaml", "\xff\xfe{{ \xff }}")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.chart.Files = append(c.chart.Files, vnfd.File{Name: "templates/z.yaml", Content: []byte("fine: true\n")})
			got, err := bounded.Render(context.Background(), c.chart)
			if err != nil || len(got.Problems) == 0 || !strings.Contains(text(got), c.want) {
				t.Errorf("got %v\n%.900s", err, text(got))
			}
			if strings.HasPrefix(c.want, "templates/") && !strings.HasSuffix(text(got), "-- templates/z.yaml\nfine: true\n\n") {
				t.Errorf("the other template is not rendered:\n%.900s", text(got))
			}
		})
	}
}

// The process reads no file of the host and none of the environment, whatever a chart asks for.
func TestNothingOfTheHost(t *testing.T) {
	t.Setenv("RINGFENCE_TEST_SECRET", "sesame")
	got := text(rendered(t, made(
		"templates/a.yaml", "a: {{ .Files.Get \"/etc/passwd\" }}{{ .Files.Get \"../../etc/passwd\" }}{{ .Files.Get \"here.txt\" }}{{ range $n, $_ := .Files.Glob \"/etc/*\" }}{{ $n }}{{ end }}\n",
		"here.txt", "here", "values.yaml", "s: $RINGFENCE_TEST_SECRET ${RINGFENCE_TEST_SECRET}\n", "templates/b.yaml", "b: {{ .Values.s }}\n",
		"values.schema.json", `{"$ref": "file:///etc/passwd"}`,
	)))
	if want := "-- templates/a.yaml\na: here\n\n-- templates/b.yaml\nb: $RINGFENCE_TEST_SECRET ${RINGFENCE_TEST_SECRET}\n\n"; got != want {
		t.Errorf("got\n%s", got)
	}
}

// A program that is none is an error, and no fault of the chart.
func TestNoProcess(t *testing.T) {
	t.Parallel()
	if got, err := (chart.Process{Command: []string{"/nowhere/ringfence"}}).Render(context.Background(), made()); err == nil {
		t.Errorf("got %v", got)
	}
}
