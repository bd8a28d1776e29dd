package vnfd_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"ringfence/internal/vnfd"
)

// Whatever is read, there is a draft or an error, and the same one again.
func read(t *testing.T, content []byte) {
	t.Helper()
	draft, findings := vnfd.Read(bytes.NewReader(content), int64(len(content)), "package.csar", vnfd.Charts{})
	if draft == nil && !vnfd.HasErrors(findings) {
		t.Error("neither a draft nor an error")
	}
	if draft != nil {
		draft.Profile()
		draft.Missing()
	}
	again, findingsAgain := vnfd.Read(bytes.NewReader(content), int64(len(content)), "package.csar", vnfd.Charts{})
	if diff := cmp.Diff(text(findings)+summary(draft), text(findingsAgain)+summary(again)); diff != "" {
		t.Errorf("another result for the same bytes (-first +second)\n%s", diff)
	}
}

func FuzzCSAR(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		source, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		content, _ := pack(f, source)
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) { read(t, content) })
}

func FuzzTOSCA(f *testing.F) {
	f.Add([]byte(tiny))
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		source, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range source.Files {
			if filepath.Ext(file.Name) == ".yaml" {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) { read(t, content) })
}
