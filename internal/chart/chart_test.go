package chart_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/chart"
	"ringfence/internal/vnfd"
)

const serveVariable = "RINGFENCE_TEST_RENDER"

// This binary is the process that renders as well.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == serveVariable {
		if err := chart.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var child = chart.Process{Command: []string{os.Args[0], serveVariable}, Limits: chart.DefaultLimits}

// made is a chart of templates and of values, as pairs of name and content.
func made(pairs ...string) vnfd.Chart {
	c := vnfd.Chart{Files: []vnfd.File{{Name: "Chart.yaml", Content: []byte("apiVersion: v2\nname: cache\nversion: 1.2.3\n")}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		c.Files = append(c.Files, vnfd.File{Name: pairs[i], Content: []byte(pairs[i+1])})
	}
	return c
}

func rendered(t testing.TB, c vnfd.Chart) vnfd.Rendered {
	t.Helper()
	out, err := child.Render(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func text(r vnfd.Rendered) string {
	var b strings.Builder
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", p.File, p.Line, p.Column, p.Message)
	}
	for _, d := range r.Documents {
		fmt.Fprintf(&b, "-- %s\n%s\n", d.Name, d.Content)
	}
	return b.String()
}

// A chart is rendered with its values, those of the operator over them, and what its partials define; a chart within it that is
// switched off is not.
func TestRender(t *testing.T) {
	t.Parallel()
	c := made(
		"values.yaml", "replicas: 1\nimage: {name: core/cache, tag: \"1\"}\nextra: {enabled: false}\n",
		"templates/_helpers.tpl", "{{ define \"name\" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}\n",
		"templates/deployment.yaml", "name: {{ include \"name\" . }}\nreplicas: {{ .Values.replicas }}\nimage: {{ .Values.image.name }}:{{ .Values.image.tag }}\n"+
			"keys: {{ keys .Values | join \",\" }}\nkube: {{ .Capabilities.KubeVersion }}\nsum: {{ include (print $.Template.BasePath \"/config.yaml\") . | sha256sum | trunc 8 }}\n",
		"templates/config.yaml", "config: {{ .Values.image | toJson }}\n",
		"templates/NOTES.txt", "It is {{ now }}.\n",
		"charts/inner/Chart.yaml", "apiVersion: v2\nname: inner\nversion: 1.0.0\n",
		"charts/inner/templates/a.yaml", "inner: {{ .Values.global.x }}\n",
		"charts/extra/Chart.yaml", "apiVersion: v2\nname: extra\nversion: 1.0.0\n",
		"charts/extra/templates/a.yaml", "extra: true\n",
	)
	c.Files[0].Content = append(c.Files[0].Content, "dependencies: [{name: extra, version: 1.0.0, condition: extra.enabled}, {name: gone, version: 1.0.0}]\n"...)
	c.Values = []byte("replicas: 3\nglobal: {x: z}\n")
	want := "Chart.yaml:0:0: it needs the chart \"gone\", which is not in it; nothing is fetched, and what that deploys is not read\n" +
		"-- charts/inner/templates/a.yaml\ninner: z\n\n-- templates/config.yaml\nconfig: {\"name\":\"core/cache\",\"tag\":\"1\"}\n\n" +
		"-- templates/deployment.yaml\nname: cache-cache\nreplicas: 3\nimage: core/cache:1\nkeys: extra,global,image,inner,replicas\nkube: v1.37.0\nsum: 8735578a\n\n"
	first := text(rendered(t, c))
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(first, text(rendered(t, c))); diff != "" {
		t.Errorf("another result for the same chart\n%s", diff)
	}
}

// What a template cannot be told here leaves it out, with the place, and leaves the others.
func TestUndetermined(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{
		"now": "now", "date": `"x" | date "2006"`, "randAlphaNum": "randAlphaNum 5", "randInt": "randInt 1 5", "genCA": `genCA "a" 1`,
		"lookup": `lookup "v1" "Secret" "a" "b"`, "env": `env "HOME"`, "expandenv": `expandenv "$HOME"`, "getHostByName": `getHostByName "localhost"`,
		"uuidv4": "uuidv4", "shuffle": `shuffle "abc"`, "bcrypt": `bcrypt "a"`, "htpasswd": `htpasswd "a" "b"`,
		"genPrivateKey": `genPrivateKey "rsa"`, "encryptAES": `encryptAES "a" "b"`, "ago": `ago "x"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := text(rendered(t, made("templates/a.yaml", "a: 1\nb: {{ "+call+" }}\n", "templates/b.yaml", "fine: true\n")))
			if !strings.HasPrefix(got, "templates/a.yaml:2:") || !strings.Contains(got, "the function "+name+" is not evaluated") ||
				!strings.HasSuffix(got, "-- templates/b.yaml\nfine: true\n\n") {
				t.Errorf("got\n%s", got)
			}
		})
	}
}
