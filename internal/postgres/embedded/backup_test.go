package embedded

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	dir, file := preparedDir(t), filepath.Join(t.TempDir(), "backup")
	server := start(t, quiet(dir))
	exec1(t, server.AppURL(), `INSERT INTO row SELECT generate_series(1, 1000)`)
	if err := Backup(t.Context(), quiet(dir), file); err != nil {
		t.Fatalf("backup while the server runs: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the backup file: %v, %v", info, err)
	}
	exec1(t, server.AppURL(), `INSERT INTO row VALUES (1001)`)
	var inUse *InUseError
	if err := Restore(t.Context(), quiet(dir), file, true); !errors.As(err, &inUse) {
		t.Errorf("restore while the server runs: %v", err)
	}
	stop(t, server)

	var notEmpty *NotEmptyError
	if err := Restore(t.Context(), quiet(dir), file, false); !errors.As(err, &notEmpty) {
		t.Errorf("restore over data: %v", err)
	}
	if n := rowCount(t, dir); n != 1001 {
		t.Errorf("the refused restore left %d rows of 1001", n)
	}
	if err := Restore(t.Context(), quiet(dir), file, true); err != nil {
		t.Fatalf("forced restore: %v", err)
	}
	if n := rowCount(t, dir); n != 1000 {
		t.Errorf("the forced restore left %d rows, want 1000", n)
	}
	if err := Backup(t.Context(), quiet(dir), file); err != nil {
		t.Fatalf("backup while no server runs: %v", err)
	}
	fresh := emptyDir(t)
	if err := Restore(t.Context(), quiet(fresh), file, false); err != nil {
		t.Fatalf("restore on a new machine: %v", err)
	}
	if n := rowCount(t, fresh); n != 1000 {
		t.Errorf("the new machine has %d rows, want 1000", n)
	}
}

// rowCount counts as the app role, and checks that this one got its rights back, no more and no less.
func rowCount(t *testing.T, dir string) int {
	t.Helper()
	server := start(t, quiet(dir))
	defer stop(t, server)
	for sql, want := range map[string]bool{`SELECT 1 FROM row`: true, `DELETE FROM row`: false, `CREATE TABLE t (id int)`: false} {
		err := withConn(t.Context(), server.AppURL(), func(conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), sql)
			return err
		})
		if (err == nil) != want {
			t.Errorf("%s as the app role: %v", sql, err)
		}
	}
	var databases []string
	err := withConn(t.Context(), server.AdminURL(), func(conn *pgx.Conn) error {
		rows, err := conn.Query(t.Context(), `SELECT datname FROM pg_database WHERE datname LIKE 'ringfence%'`)
		if err != nil {
			return err
		}
		databases, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil || !slices.Equal(databases, []string{DatabaseName}) {
		t.Errorf("databases: %v, %v", databases, err)
	}
	return len(ids(t, server.AppURL()))
}

// TestDamagedBackupChangesNothing restores files that are not whole.
func TestDamagedBackupChangesNothing(t *testing.T) {
	t.Parallel()
	dir, file := preparedDir(t), filepath.Join(t.TempDir(), "backup")
	server := start(t, quiet(dir))
	exec1(t, server.AppURL(), `INSERT INTO row SELECT generate_series(1, 50)`)
	if err := Backup(t.Context(), quiet(dir), file); err != nil {
		t.Fatal(err)
	}
	exec1(t, server.AppURL(), `INSERT INTO row VALUES (51)`)
	stop(t, server)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(at int) []byte {
		b := slices.Clone(good)
		b[at] ^= 0x10
		return b
	}
	log := filepath.Join(dir, "postgres", "server.log") // grows with every start
	before, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty":         {},
		"another file":  []byte("this is no backup"),
		"truncated":     good[:len(good)-9],
		"half":          good[:len(good)/2],
		"bit in middle": flipped(len(good) / 2),
		"bit near end":  flipped(len(good) - 6),
		"header":        flipped(12),
		"extra bytes":   append(slices.Clone(good), "more"...),
	} {
		damaged := filepath.Join(t.TempDir(), "damaged")
		if err := os.WriteFile(damaged, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Restore(t.Context(), quiet(dir), damaged, true); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
	if after, err := os.Stat(log); err != nil || after.Size() != before.Size() {
		t.Errorf("the server was started for a damaged file: %v", err)
	}
	if n := rowCount(t, dir); n != 51 {
		t.Errorf("%d rows after the refused restores, want 51", n)
	}
}

// TestFailedRestoreChangesNothing restores an undamaged file that PostgreSQL does not accept: its tables belong to a
// role that this server lacks.
func TestFailedRestoreChangesNothing(t *testing.T) {
	t.Parallel()
	from, file := preparedDir(t), filepath.Join(t.TempDir(), "backup")
	server := start(t, quiet(from))
	exec1(t, server.AdminURL(), `CREATE ROLE stranger`)
	exec1(t, server.url(adminRole, DatabaseName), `CREATE TABLE strange (id int); ALTER TABLE strange OWNER TO stranger`)
	if err := Backup(t.Context(), quiet(from), file); err != nil {
		t.Fatal(err)
	}
	to := preparedDir(t)
	target := start(t, quiet(to))
	exec1(t, target.AppURL(), `INSERT INTO row VALUES (1)`)
	stop(t, target)
	if err := Restore(t.Context(), quiet(to), file, true); err == nil {
		t.Error("restored tables of a role that does not exist")
	}
	if n := rowCount(t, to); n != 1 {
		t.Errorf("%d rows after the failed restore, want 1", n)
	}
}

func TestFailedBackupLeavesTheEarlierOne(t *testing.T) {
	t.Parallel()
	dir, file := emptyDir(t), filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(file, []byte("earlier"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := Backup(t.Context(), quiet(dir), file); err == nil {
		t.Error("backed up nothing")
	}
	if err := writeArchive(file, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a dump that fails: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "earlier" {
		t.Errorf("the earlier backup holds %q, %v", b, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
