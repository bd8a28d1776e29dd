package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MinMajor is the oldest PostgreSQL major version that ringfence runs on.
const MinMajor = 15

// Binaries is one installed PostgreSQL.
type Binaries struct {
	// Dir holds initdb, postgres, pg_dump and the others.
	Dir string
	// Version is what `postgres --version` says, for example "15.18"; Major is its first number.
	Version string
	Major   int
}

// path is the full name of one program.
func (b Binaries) path(program string) string { return filepath.Join(b.Dir, program) }

// NotFoundError says that the machine has no PostgreSQL that ringfence could run.
type NotFoundError struct {
	// Install is the command that installs one on this machine; empty when the package manager is not known.
	Install string
	// TooOld is an installation that was found but cannot be used; its Dir is empty when there is none.
	TooOld Binaries
}

// Error is one sentence that names the command to run.
func (e *NotFoundError) Error() string {
	found := fmt.Sprintf("no PostgreSQL %d or later found", MinMajor)
	if e.TooOld.Dir != "" {
		found += fmt.Sprintf(" (%s in %s is too old)", e.TooOld.Version, e.TooOld.Dir)
	}
	install := "your system's package manager"
	if e.Install != "" {
		install = "`" + e.Install + "`"
	}
	return fmt.Sprintf("%s: install it with %s, or set RINGFENCE_PG_BINDIR to the folder of its binaries, "+
		"or RINGFENCE_DATABASE_URL to a running server", found, install)
}

// finder looks for PostgreSQL. Its fields are what it looks at, so that tests can look elsewhere.
type finder struct {
	path    []string // folders to look for programs in, as $PATH lists them
	folders []string // glob patterns of the folders where distributions put the server
	root    bool     // whether this process may run the package manager without sudo
}

func newFinder() finder {
	return finder{
		path: filepath.SplitList(os.Getenv("PATH")),
		root: os.Geteuid() == 0,
		folders: []string{
			"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
			"/usr/pgsql-*/bin",                   // PostgreSQL's own packages for Fedora and its relatives
			"/usr/lib/postgresql*/bin",           // SUSE
			"/usr/libexec/postgresql*",           // Alpine
			"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
			"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
	}
}

// FindBinaries returns the installed PostgreSQL that ringfence would use for a new cluster: the one in dir when it is
// given, otherwise the first of $PATH, `pg_config --bindir` and the distributions' folders, highest version first.
func FindBinaries(ctx context.Context, dir string) (Binaries, error) {
	all, err := newFinder().find(ctx, dir)
	if err != nil {
		return Binaries{}, err
	}
	return all[0], nil
}

// chooseBinaries prefers the installed PostgreSQL that fits the data that is already there.
func chooseBinaries(ctx context.Context, dir string, l layout) (Binaries, error) {
	all, err := newFinder().find(ctx, dir)
	if err != nil {
		return Binaries{}, err
	}
	major, err := clusterMajor(l.cluster)
	if err != nil || major == 0 {
		return all[0], err
	}
	fits := slices.IndexFunc(all, func(b Binaries) bool { return b.Major == major })
	if fits < 0 {
		return Binaries{}, &VersionError{Cluster: l.cluster, ClusterMajor: major, Binaries: all[0]}
	}
	return all[fits], nil
}

// find returns every usable installation, the preferred one first; never an empty list without an error.
func (f finder) find(ctx context.Context, dir string) ([]Binaries, error) {
	if dir != "" {
		b, err := inspect(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("RINGFENCE_PG_BINDIR: %s holds no PostgreSQL server: name the folder that holds initdb and postgres, or leave it out; %s",
				dir, f.advice())
		}
		if err != nil {
			return nil, fmt.Errorf("RINGFENCE_PG_BINDIR: %w", err)
		}
		if b.Major < MinMajor {
			return nil, fmt.Errorf("RINGFENCE_PG_BINDIR: %s holds PostgreSQL %s, but ringfence needs %d or later", dir, b.Version, MinMajor)
		}
		return []Binaries{b}, nil
	}
	var found []Binaries
	notFound := &NotFoundError{Install: f.installCommand()}
	for _, b := range append(installed(ctx, f.preferred(ctx)), f.distributed(ctx)...) {
		switch {
		case b.Major < MinMajor:
			notFound.TooOld = b
		case !slices.ContainsFunc(found, func(o Binaries) bool { return o.Dir == b.Dir }):
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return nil, notFound
	}
	return found, nil
}

// preferred are the folders that the user's path leads to.
func (f finder) preferred(ctx context.Context) []string {
	var dirs []string
	if initdb, ok := f.program("initdb"); ok {
		dirs = append(dirs, filepath.Dir(initdb))
	}
	if pgConfig, ok := f.program("pg_config"); ok {
		if out, err := exec.CommandContext(ctx, pgConfig, "--bindir").Output(); err == nil {
			dirs = append(dirs, strings.TrimSpace(string(out)))
		}
	}
	return dirs
}

// distributed are the installations in the distributions' folders, highest version first.
func (f finder) distributed(ctx context.Context) []Binaries {
	var dirs []string
	for _, pattern := range f.folders {
		matches, _ := filepath.Glob(pattern) // the patterns are constants: never malformed
		dirs = append(dirs, matches...)
	}
	found := installed(ctx, dirs)
	slices.SortStableFunc(found, func(a, b Binaries) int { return cmp.Compare(b.Major, a.Major) })
	return found
}

// installed inspects folders and leaves out those that hold no PostgreSQL: no error while another may.
func installed(ctx context.Context, dirs []string) []Binaries {
	var found []Binaries
	for _, dir := range dirs {
		if b, err := inspect(ctx, dir); err == nil {
			found = append(found, b)
		}
	}
	return found
}

// program looks a program up on the path and follows symbolic links to where it really is.
func (f finder) program(name string) (string, bool) {
	for _, dir := range f.path {
		if !filepath.IsAbs(dir) {
			continue // never run a program of the current directory
		}
		real, err := filepath.EvalSymlinks(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if info, err := os.Stat(real); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return real, true
		}
	}
	return "", false
}

var versionPattern = regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)[^\s]*)`)

// inspect says which PostgreSQL a folder holds.
func inspect(ctx context.Context, dir string) (Binaries, error) {
	b := Binaries{Dir: dir}
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(b.path(program)); err != nil {
			return Binaries{}, fmt.Errorf("%s holds no PostgreSQL server: %w", dir, err)
		}
	}
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("%s --version: %w", b.path("postgres"), err)
	}
	m := versionPattern.FindStringSubmatch(string(out))
	if m == nil {
		return Binaries{}, fmt.Errorf("%s --version prints %q, which is no PostgreSQL version", b.path("postgres"), out)
	}
	b.Version = m[1]
	if b.Major, err = strconv.Atoi(m[2]); err != nil {
		return Binaries{}, fmt.Errorf("version %q: %w", m[1], err)
	}
	return b, nil
}

// advice says how to install PostgreSQL on this machine.
func (f finder) advice() string {
	if command := f.installCommand(); command != "" {
		return "PostgreSQL is installed by `" + command + "`"
	}
	return "PostgreSQL is installed by your system's package manager"
}

// installCommand is the command that installs PostgreSQL with the machine's package manager.
func (f finder) installCommand() string {
	sudo := "sudo "
	if f.root {
		sudo = ""
	}
	for _, m := range []struct{ program, command string }{
		{"apt-get", sudo + "apt-get install -y postgresql"},
		{"dnf", sudo + "dnf install -y postgresql-server"},
		{"apk", sudo + "apk add postgresql"},
		{"brew", "brew install postgresql@17"},
	} {
		if _, ok := f.program(m.program); ok {
			return m.command
		}
	}
	return ""
}
