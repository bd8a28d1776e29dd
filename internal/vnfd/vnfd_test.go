package vnfd_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"ringfence/internal/chart"
	"ringfence/internal/vnfd"
)

var update = flag.Bool("update", false, "write what is found into the packages of testdata")

// Each archive of testdata is a package; its file "want" says what is found in it and what becomes of it.
func TestPackages(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no packages in testdata: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			source, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			content, want := pack(t, source)
			draft, findings := vnfd.Read(bytes.NewReader(content), int64(len(content)), "package.csar", charts)
			got := text(findings) + summary(draft)
			if *update {
				source.Files[len(source.Files)-1].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(source), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			again, _ := vnfd.Read(bytes.NewReader(content), int64(len(content)), "package.csar", charts)
			if diff := cmp.Diff(summary(draft), summary(again)); diff != "" {
				t.Errorf("the same package gives another draft (-first +second)\n%s", diff)
			}
		})
	}
}

// charts renders the charts of testdata, which are ours, without a process for each.
var charts = vnfd.Charts{
	Values: []byte("site: {gpus: 1}\n"), Render: func(c vnfd.Chart) (vnfd.Rendered, error) { return chart.Render(c), nil },
}

var hashOf = regexp.MustCompile(`HASHOF(512)? (\S+)`)

// pack makes a package of an archive's files, all but "want". HASHOF PATH in a file stands for the SHA-256 of another one. Files below
// NAME.tgz/ are packed into it as Helm does.
func pack(t testing.TB, source *txtar.Archive) (content []byte, want string) {
	t.Helper()
	files := map[string]string{}
	archives := map[string]*chartArchive{}
	var order []string
	for _, f := range source.Files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		name, within, packed := strings.Cut(f.Name, ".tgz/")
		if packed {
			name += ".tgz"
			tarred(t, archives, name, within, f.Data)
		} else {
			files[name] = string(f.Data)
		}
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	for name, a := range archives {
		files[name] = a.close(t)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range order {
		data := hashOf.ReplaceAllStringFunc(files[name], func(s string) string {
			m := hashOf.FindStringSubmatch(s)
			if m[1] != "" {
				return fmt.Sprintf("%x", sha512.Sum512([]byte(files[m[2]])))
			}
			return fmt.Sprintf("%x", sha256.Sum256([]byte(files[m[2]])))
		})
		add(t, z, &zip.FileHeader{Name: name, Method: zip.Deflate}, data)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), want
}

func add(t testing.TB, z *zip.Writer, h *zip.FileHeader, data string) {
	t.Helper()
	w, err := z.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
}

func text(findings []vnfd.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// summary says what is in a draft, a line for each thing.
func summary(d *vnfd.Draft) string {
	var b strings.Builder
	if d == nil {
		return "no draft\n"
	}
	fmt.Fprintf(&b, "vnfd %s %s %s %s %s for %v\n", d.VNFDID, d.Version, d.Provider, d.ProductName, d.SoftwareVersion, d.VNFMInfo)
	for i := range d.Components {
		c := &d.Components[i]
		fmt.Fprintf(&b, "component %s %s %d..%d%s", c.ID, c.Kind, c.MinInstances, c.MaxInstances, amounts(c.Resources))
		if names := c.CutThrough.Names(); len(names) > 0 {
			fmt.Fprintf(&b, " through %v", names)
		}
		if names := c.Privileged.Names(); len(names) > 0 {
			fmt.Fprintf(&b, " may %v", names)
		}
		if len(c.PartOf) > 0 {
			fmt.Fprintf(&b, " in %v", c.PartOf)
		}
		b.WriteString("\n")
		for _, k := range slices.Sorted(maps.Keys(c.Labels)) {
			fmt.Fprintf(&b, "  label %s=%s\n", k, c.Labels[k])
		}
		for _, img := range c.Images {
			fmt.Fprintf(&b, "  image %s %s %s %s %s %d %s\n", img.ID, img.Name, img.Version, img.ContainerFormat, img.DiskFormat, img.SizeBytes, img.Digest())
		}
		if c.MCIO != (vnfd.MCIO{}) {
			fmt.Fprintf(&b, "  mcio %s %s\n", c.MCIO.Type, c.MCIO.Name)
		}
	}
	for _, s := range d.Storages {
		fmt.Fprintf(&b, "storage %s %s %d\n", s.ID, s.Kind, s.SizeBytes)
	}
	for _, m := range d.MCIOPs {
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("mciop %s %v %s", m.ID, m.ComponentIDs, m.File)))
	}
	for _, r := range d.AffinityRules {
		kind := "AFFINITY"
		if r.AntiAffinity {
			kind = "ANTI_AFFINITY"
		}
		fmt.Fprintf(&b, "rule %s %s %s %v\n", r.ID, kind, r.Scope, r.ComponentIDs)
	}
	for i := range d.Flavours {
		flavour(&b, &d.Flavours[i])
	}
	return b.String()
}

func flavour(b *strings.Builder, f *vnfd.Flavour) {
	fmt.Fprintf(b, "flavour %s %q %v default %s\n", f.ID, f.Description, f.ComponentIDs, f.DefaultLevel)
	for _, l := range f.Levels {
		fmt.Fprintf(b, "  level %s%s at%s\n", l.ID, amounts(l.Instances), amounts(l.Scale))
	}
	for _, a := range f.Aspects {
		fmt.Fprintf(b, "  aspect %s max %d steps %v", a.ID, a.MaxLevel, a.Steps)
		for _, d := range slices.Sorted(maps.Keys(a.Deltas)) {
			fmt.Fprintf(b, " %s:%s", d, strings.TrimSpace(amounts(a.Deltas[d])))
		}
		b.WriteString("\n")
	}
	if len(f.Initial) > 0 {
		fmt.Fprintf(b, "  initial%s\n", amounts(f.Initial))
	}
}

func amounts[M ~map[string]int64](m M) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, " %s=%d", k, m[k])
	}
	return b.String()
}
