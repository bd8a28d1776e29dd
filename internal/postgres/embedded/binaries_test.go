package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// install makes a folder that looks like a PostgreSQL of some version.
func install(t *testing.T, dir, version string) {
	t.Helper()
	script(t, filepath.Join(dir, "initdb"), "exit 1")
	script(t, filepath.Join(dir, "postgres"), fmt.Sprintf("echo 'postgres (PostgreSQL) %s'", version))
}

func script(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestFinderOrder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	install(t, filepath.Join(root, "lib/9.6/bin"), "9.6.24")
	install(t, filepath.Join(root, "lib/14/bin"), "14.2")
	install(t, filepath.Join(root, "lib/15/bin"), "15.18 (Debian 15.18-0+deb12u1)")
	install(t, filepath.Join(root, "lib/17/bin"), "17.10")
	install(t, filepath.Join(root, "lib/100/bin"), "100devel")
	install(t, filepath.Join(root, "real"), "16.14")
	install(t, filepath.Join(root, "configured"), "15.1")
	script(t, filepath.Join(root, "lib/18/bin/initdb"), "") // no server beside it
	script(t, filepath.Join(root, "path/pg_config"), "echo "+filepath.Join(root, "configured"))
	if err := os.Symlink(filepath.Join(root, "real/initdb"), filepath.Join(root, "path/initdb")); err != nil {
		t.Fatal(err)
	}
	f := finder{path: []string{".", filepath.Join(root, "none"), filepath.Join(root, "path")}, folders: []string{filepath.Join(root, "lib/*/bin")}}
	found, err := f.find(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []Binaries{
		{filepath.Join(root, "real"), "16.14", 16},
		{filepath.Join(root, "configured"), "15.1", 15},
		{filepath.Join(root, "lib/100/bin"), "100devel", 100},
		{filepath.Join(root, "lib/17/bin"), "17.10", 17},
		{filepath.Join(root, "lib/15/bin"), "15.18", 15},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

func TestNamedFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	install(t, filepath.Join(root, "old"), "14.2")
	install(t, filepath.Join(root, "new"), "18.4")
	for dir, want := range map[string]string{"old": "PostgreSQL 14.2, but ringfence needs 15", "none": "holds no PostgreSQL server: name the folder that holds initdb and postgres, or leave it out; PostgreSQL is installed by", "new": ""} {
		_, err := newFinder().find(t.Context(), filepath.Join(root, dir))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestNotFoundSentence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		program string
		root    bool
		want    string
	}{
		{"apt-get", true, "`apt-get install -y postgresql`"},
		{"apt-get", false, "`sudo apt-get install -y postgresql`"},
		{"dnf", false, "`sudo dnf install -y postgresql-server`"},
		{"apk", true, "`apk add postgresql`"},
		{"brew", false, "`brew install postgresql@17`"},
		{"other", false, "your system's package manager"},
	} {
		dir := t.TempDir()
		script(t, filepath.Join(dir, tt.program), "")
		_, err := finder{path: []string{dir}, root: tt.root}.find(t.Context(), "")
		if _, ok := errors.AsType[*NotFoundError](err); !ok {
			t.Fatalf("%s: %v", tt.program, err)
		}
		if s := err.Error(); !strings.Contains(s, tt.want) || strings.Contains(s, "\n") || strings.Contains(s, ". ") {
			t.Errorf("%s: %q is not one sentence with %s", tt.program, s, tt.want)
		}
	}
}

func TestTooOldIsMentioned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	install(t, dir, "14.2")
	_, err := finder{path: []string{dir}}.find(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "(14.2 in "+dir+" is too old)") {
		t.Errorf("only an old PostgreSQL: %v", err)
	}
}

// TestNothingIsLeftWithoutPostgreSQL: a start that finds no server does not create a data directory.
func TestNothingIsLeftWithoutPostgreSQL(t *testing.T) {
	t.Parallel()
	opts := quiet(filepath.Join(t.TempDir(), "data"))
	opts.BinDir = t.TempDir()
	if _, err := Start(t.Context(), opts); err == nil {
		t.Error("started without binaries")
	}
	if exists(opts.DataDir) {
		t.Error("the data directory was created")
	}
}
