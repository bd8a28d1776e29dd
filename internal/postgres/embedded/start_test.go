package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func TestColdStart(t *testing.T) {
	t.Parallel()
	server := start(t, quiet(emptyDir(t)))
	want := map[string]string{
		"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on",
		"listen_addresses": "", "server_encoding": "UTF8", "lc_collate": "C",
	}
	got := map[string]string{}
	err := withConn(t.Context(), server.AppURL(), func(conn *pgx.Conn) error {
		for name := range want {
			var value string
			sql := `SELECT current_setting($1)`
			if name == "lc_collate" {
				sql = `SELECT datcollate FROM pg_database WHERE datname = current_database() AND $1 <> ''`
			}
			if err := conn.QueryRow(t.Context(), sql, name).Scan(&value); err != nil {
				return err
			}
			got[name] = value
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := preparedDir(t)
	server := start(t, quiet(dir))
	for path, want := range map[string]os.FileMode{
		server.layout.socketDir: 0o700 | os.ModeDir,
		server.layout.cluster:   0o700 | os.ModeDir,
		server.layout.logFile:   0o600,
		server.layout.lockFile:  0o600,
	} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
	if os.Geteuid() == 0 && server.account.uid == 0 {
		t.Error("PostgreSQL runs as root")
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	server := start(t, quiet(preparedDir(t)))
	exec1(t, server.AppURL(), `INSERT INTO row VALUES (1)`)
	for _, sql := range []string{
		`CREATE TABLE t (id int)`, `CREATE TEMPORARY TABLE t (id int)`, `CREATE SCHEMA s`, `DROP TABLE row`, `DELETE FROM row`,
		`CREATE DATABASE d`, `CREATE ROLE r`, `SET ROLE ringfence_owner`, `SET ROLE postgres`,
	} {
		err := withConn(t.Context(), server.AppURL(), func(conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), sql)
			return err
		})
		if err == nil {
			t.Errorf("the app role may %s", sql)
		}
	}
}

func TestWarmRestart(t *testing.T) {
	t.Parallel()
	dir := preparedDir(t)
	first := start(t, quiet(dir))
	exec1(t, first.AppURL(), `INSERT INTO row VALUES (7)`)
	stop(t, first)
	if err := first.Err(); err != nil {
		t.Errorf("after a clean stop Err is %v", err)
	}
	second := start(t, quiet(dir))
	if got := ids(t, second.AppURL()); !slices.Equal(got, []int{7}) {
		t.Errorf("rows after the restart: %v", got)
	}
	if first.AppURL() != second.AppURL() {
		t.Errorf("the address changed from %s to %s", first.AppURL(), second.AppURL())
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(preparedDir(t), strings.Repeat("long-", 20))
	server := start(t, quiet(dir))
	exec1(t, server.OwnerURL(), `SELECT 1`)
	if n := len(filepath.Join(server.layout.socketDir, socketName)); n > maxSocketPath {
		t.Errorf("the socket's path has %d bytes", n)
	}
	stop(t, server)
	if exists(server.layout.socketDir) {
		t.Errorf("%s is left behind", server.layout.socketDir)
	}
}

func TestForeignSocketDirIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(emptyDir(t), strings.Repeat("long-", 20))
	l, err := newLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(l.socketDir, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(l.socketDir) })
	if _, err := Start(t.Context(), quiet(dir)); err == nil || !strings.Contains(err.Error(), l.socketDir) {
		t.Errorf("a socket directory that others can enter: %v", err)
	}
}

func TestUnreachableDataDir(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another user")
	}
	closed := filepath.Join(emptyDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), quiet(filepath.Join(closed, "data")))
	if err == nil || !strings.Contains(err.Error(), "chmod o+x "+closed+"`") {
		t.Errorf("a folder that PostgreSQL's user cannot pass: %v", err)
	}
}

func TestOtherMajorVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := preparedDir(t)
	file := filepath.Join(dir, "postgres", "data", "PG_VERSION")
	if err := os.WriteFile(file, []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), quiet(dir))
	var version *VersionError
	if !errors.As(err, &version) || version.ClusterMajor != 9 {
		t.Fatalf("a cluster of version 9: %v", err)
	}
	for _, hint := range []string{"PostgreSQL 9", "ringfence backup", "ringfence restore", dir} {
		if !strings.Contains(err.Error(), hint) {
			t.Errorf("%q does not mention %q", err, hint)
		}
	}
}

func TestInterruptedInitialisationIsRepeated(t *testing.T) {
	t.Parallel()
	dir := emptyDir(t)
	half := filepath.Join(dir, "postgres", "data.new")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, quiet(dir))
	exec1(t, server.OwnerURL(), `SELECT 1`)
}

func TestFailedStartSaysWhy(t *testing.T) {
	t.Parallel()
	opts := quiet(preparedDir(t))
	opts.Settings = map[string]string{"shared_buffers": "none"}
	_, err := Start(t.Context(), opts)
	if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "shared_buffers"`) {
		t.Errorf("a wrong setting: %v", err)
	}
	opts.Settings = nil
	start(t, opts) // and the directory is not locked any more
}

func TestLogIsRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "server.log")
	if err := rotate(path, 3); err != nil {
		t.Errorf("no log yet: %v", err)
	}
	for _, content := range []string{"ab", "abc", "d"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := rotate(path, 3); err != nil {
			t.Fatal(err)
		}
		if exists(path) != (len(content) < 3) {
			t.Errorf("%q: the log is there: %v", content, exists(path))
		}
	}
	if got, err := os.ReadFile(path + ".1"); err != nil || string(got) != "abc" {
		t.Errorf("the earlier log holds %q, %v", got, err)
	}
}
