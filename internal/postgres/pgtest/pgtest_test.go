package pgtest_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/postgres/pgtest"
)

var db = pgtest.Server{Migrate: migrate}

func TestMain(m *testing.M) { os.Exit(db.Run(m)) }

func migrate(ctx context.Context, ownerURL string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `
		CREATE TABLE note (id int PRIMARY KEY, body text NOT NULL);
		GRANT SELECT, INSERT ON note TO ringfence_app`)
	return err
}

func TestDatabaseIsMigratedAndPrivate(t *testing.T) {
	t.Parallel()
	_, first := db.NewDatabase(t)
	_, second := db.NewDatabase(t)
	exec(t, first, `INSERT INTO note VALUES (1, 'mine')`)
	if n := count(t, first); n != 1 {
		t.Errorf("first database holds %d notes, want 1", n)
	}
	if n := count(t, second); n != 0 {
		t.Errorf("second database holds %d notes of the first", n)
	}
}

func TestAppRoleCreatesNothing(t *testing.T) {
	t.Parallel()
	owner, app := db.NewDatabase(t)
	for _, sql := range []string{`CREATE TABLE t (id int)`, `CREATE TEMPORARY TABLE t (id int)`, `CREATE SCHEMA s`, `DELETE FROM note`} {
		if _, err := connect(t, app).Exec(t.Context(), sql); err == nil {
			t.Errorf("the app role may %s", sql)
		}
	}
	exec(t, owner, `CREATE TABLE t (id int)`)
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, url string) (n int) {
	t.Helper()
	if err := connect(t, url).QueryRow(t.Context(), `SELECT count(*) FROM note`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
