package vnfd_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"

	"ringfence/internal/vnfd"
)

// chartArchive is a chart as Helm packs it.
type chartArchive struct {
	content bytes.Buffer
	zip     *gzip.Writer
	tar     *tar.Writer
}

func newChartArchive() *chartArchive {
	a := &chartArchive{}
	a.zip = gzip.NewWriter(&a.content)
	a.tar = tar.NewWriter(a.zip)
	return a
}

func (a *chartArchive) add(t testing.TB, h tar.Header, data string) {
	t.Helper()
	if h.Mode = 0o644; h.Typeflag == 0 {
		h.Typeflag, h.Size = tar.TypeReg, int64(len(data))
	}
	if err := a.tar.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if _, err := a.tar.Write([]byte(data)); err != nil && data != "" {
		t.Fatal(err)
	}
}

func (a *chartArchive) close(t testing.TB) string {
	t.Helper()
	if err := errors.Join(a.tar.Close(), a.zip.Close()); err != nil {
		t.Fatal(err)
	}
	return a.content.String()
}

func tarred(t testing.TB, archives map[string]*chartArchive, name, within string, data []byte) {
	t.Helper()
	if archives[name] == nil {
		archives[name] = newChartArchive()
	}
	archives[name].add(t, tar.Header{Name: within}, string(data))
}

// withChart is a package whose MCIOP has the chart.
func withChart(t testing.TB, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add(t, z, &zip.FileHeader{Name: "v.yaml"}, tiny+"    m: {type: tosca.nodes.nfv.Mciop, artifacts: {chart: {type: tosca.artifacts.File, file: c.tgz}}}\n")
	add(t, z, &zip.FileHeader{Name: "c.tgz"}, content)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Charts that hold what a chart must not hold refuse the package before they are rendered; what is no chart is said.
func TestHostileChartArchives(t *testing.T) {
	t.Parallel()
	const meta = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
	entry := func(h tar.Header, data string) func(*chartArchive) {
		return func(a *chartArchive) { a.add(t, h, data) }
	}
	nested := func(depth int) string {
		content := ""
		for range depth {
			a := newChartArchive()
			a.add(t, tar.Header{Name: "c/Chart.yaml"}, meta)
			if content != "" {
				a.add(t, tar.Header{Name: "c/charts/c.tgz"}, content)
			}
			content = a.close(t)
		}
		return content
	}
	for _, c := range []struct {
		name, code string
		with       func(*chartArchive)
	}{
		{"a path that leads out", vnfd.CodeArchive, entry(tar.Header{Name: "../evil"}, "x")},
		{"a path that leads out of the chart", vnfd.CodeArchive, entry(tar.Header{Name: "c/../../evil"}, "x")},
		{"an absolute path", vnfd.CodeArchive, entry(tar.Header{Name: "/etc/passwd"}, "x")},
		{"a path of another system", vnfd.CodeArchive, entry(tar.Header{Name: `c\..\..\evil`}, "x")},
		{"a second folder", vnfd.CodeArchive, entry(tar.Header{Name: "d/x"}, "x")},
		{"a file beside the folder", vnfd.CodeArchive, entry(tar.Header{Name: "x"}, "x")},
		{"a symbolic link", vnfd.CodeArchive, entry(tar.Header{Name: "c/l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, "")},
		{"a hard link", vnfd.CodeArchive, entry(tar.Header{Name: "c/l", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}, "")},
		{"a device", vnfd.CodeArchive, entry(tar.Header{Name: "c/d", Typeflag: tar.TypeBlock}, "")},
		{"a name twice", vnfd.CodeDuplicate, entry(tar.Header{Name: "c/Chart.yaml"}, meta)},
		{"a bomb", vnfd.CodeTooLarge, entry(tar.Header{Name: "c/bomb"}, strings.Repeat("\x00", 20<<20))},
		{"a bomb of many files", vnfd.CodeTooLarge, func(a *chartArchive) {
			for i := range 2_100 {
				a.add(t, tar.Header{Name: fmt.Sprint("c/templates/", i)}, "x")
			}
		}},
		{"a bomb within a chart", vnfd.CodeTooLarge, func(a *chartArchive) {
			inner := newChartArchive()
			inner.add(t, tar.Header{Name: "b/Chart.yaml"}, strings.Repeat("\x00", 20<<20))
			a.add(t, tar.Header{Name: "c/charts/b.tgz"}, inner.close(t))
		}},
		{"a chart within a chart within a chart", vnfd.CodeTooLarge, entry(tar.Header{Name: "c/charts/c.tgz"}, nested(6))},
		{"a chart within that leads out", vnfd.CodeArchive, func(a *chartArchive) {
			inner := newChartArchive()
			inner.add(t, tar.Header{Name: "../../x"}, "x")
			a.add(t, tar.Header{Name: "c/charts/b.tgz"}, inner.close(t))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newChartArchive()
			a.add(t, tar.Header{Name: "c/Chart.yaml"}, meta)
			c.with(a)
			content := withChart(t, a.close(t))
			never := vnfd.Charts{Render: func(vnfd.Chart) (vnfd.Rendered, error) {
				t.Error("it is rendered")
				return vnfd.Rendered{}, nil
			}}
			_, findings := vnfd.Read(bytes.NewReader(content), int64(len(content)), "p", never)
			expect(t, findings, vnfd.SeverityError, c.code)
		})
	}
}

// What rendering comes to is found where it stands: problems of templates are warnings, bounds that are exceeded refuse the package.
func TestRenderingProblems(t *testing.T) {
	t.Parallel()
	a := newChartArchive()
	a.add(t, tar.Header{Name: "c/Chart.yaml"}, "apiVersion: v2\nname: c\nversion: 1.0.0\n")
	content := withChart(t, a.close(t))
	for _, c := range []struct {
		name, want string
		render     func(vnfd.Chart) (vnfd.Rendered, error)
	}{
		{"nobody renders", "c.tgz: WARNING CHART: charts are not rendered here", nil},
		{"no process", "c.tgz: WARNING CHART: it could not be rendered: no process", func(vnfd.Chart) (vnfd.Rendered, error) {
			return vnfd.Rendered{}, errors.New("no process")
		}},
		{"a fault", "c.tgz/templates/a.yaml:3:4: WARNING CHART: say who", func(vnfd.Chart) (vnfd.Rendered, error) {
			return vnfd.Rendered{Problems: []vnfd.ChartProblem{{File: "templates/a.yaml", Line: 3, Column: 4, Message: "say who"}}}, nil
		}},
		{"a bomb", "c.tgz: ERROR TOO_LARGE: it loops", func(vnfd.Chart) (vnfd.Rendered, error) {
			return vnfd.Rendered{Problems: []vnfd.ChartProblem{{Message: "it loops", TooLarge: true}}}, nil
		}},
		{"no YAML", "c.tgz/templates/a.yaml: WARNING SYNTAX: no YAML: line 2 of what it renders to", func(vnfd.Chart) (vnfd.Rendered, error) {
			return vnfd.Rendered{Documents: []vnfd.File{{Name: "templates/a.yaml", Content: []byte("a: 1\nb: [\n")}}}, nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, findings := vnfd.Read(bytes.NewReader(content), int64(len(content)), "p", vnfd.Charts{Render: c.render})
			if got := text(findings); !strings.Contains(got, c.want) {
				t.Errorf("want %s, got\n%s", c.want, got)
			}
		})
	}
}
