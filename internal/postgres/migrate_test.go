package postgres

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"ringfence/internal/placement"
	"ringfence/internal/postgres/embedded"
	"ringfence/migrations"
)

var update = flag.Bool("update", false, "write migrations/schema.sql anew")

func TestMigrateDownAndUp(t *testing.T) {
	t.Parallel()
	ownerURL, _ := testServer.NewDatabase(t)
	latest := must(migrations.Latest())(t)
	want := func(version uint) {
		t.Helper()
		if got := must(MigrationStatus(t.Context(), ownerURL))(t); got != (Status{Version: version, Latest: latest}) {
			t.Errorf("status %+v, want version %d of %d", got, version, latest)
		}
	}
	want(latest)
	for range 2 {
		if err := Rollback(t.Context(), ownerURL); err != nil {
			t.Fatal(err)
		}
		want(0)
	}
	tables := query[string](t, connect(t, ownerURL), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	if diff := cmp.Diff([]string{"schema_migrations"}, tables); diff != "" {
		t.Errorf("the migrations do not take back all they made (-want +got):\n%s", diff)
	}
	var g errgroup.Group
	for range 4 {
		g.Go(func() error { return Migrate(t.Context(), ownerURL) })
	}
	if err := g.Wait(); err != nil {
		t.Fatalf("replicas that migrate at the same time: %v", err)
	}
	want(latest)
}

func TestMigrateFails(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://[", "postgres://u@127.0.0.1:1/x?connect_timeout=2"} {
		if err := Migrate(t.Context(), url); err == nil {
			t.Errorf("%s was migrated", url)
		}
		if _, err := MigrationStatus(t.Context(), url); err == nil {
			t.Errorf("%s has a status", url)
		}
	}
	ownerURL, _ := testServer.NewDatabase(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Migrate(ctx, ownerURL); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the caller has gone", err)
	}
}

// query returns the rows of one column.
func query[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	return must(pgx.CollectRows(rows, pgx.RowTo[T]))(t)
}

func TestEverythingIsCommented(t *testing.T) {
	t.Parallel()
	ownerURL, _ := testServer.NewDatabase(t)
	bare := query[string](t, connect(t, ownerURL), `
		SELECT c.relname || coalesce('.' || a.attname, '')
		FROM pg_class c
		LEFT JOIN LATERAL (SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
		                   UNION ALL SELECT NULL, 0) a ON true
		WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'schema_migrations'
		  AND col_description(c.oid, a.attnum) IS NULL AND NOT (a.attnum = 0 AND obj_description(c.oid, 'pg_class') IS NOT NULL)
		ORDER BY 1`)
	bare = append(bare, query[string](t, connect(t, ownerURL), `
		SELECT typname FROM pg_type
		WHERE typtype = 'd' AND typnamespace = 'public'::regnamespace AND obj_description(oid, 'pg_type') IS NULL
		ORDER BY 1`)...)
	if len(bare) > 0 {
		t.Errorf("without COMMENT ON: %s", strings.Join(bare, ", "))
	}
}

// TestPortableSubset holds the schema to what a distributed PostgreSQL can do as well.
func TestPortableSubset(t *testing.T) {
	t.Parallel()
	ownerURL, _ := testServer.NewDatabase(t)
	conn := connect(t, ownerURL)
	if triggers := query[string](t, conn, `SELECT tgname FROM pg_trigger WHERE NOT tgisinternal`); len(triggers) > 0 {
		t.Errorf("triggers: %s", triggers)
	}
	if odd := query[string](t, conn, `SELECT conname FROM pg_constraint WHERE contype = 'x' OR condeferrable`); len(odd) > 0 {
		t.Errorf("exclusion or deferrable constraints: %s", odd)
	}
	wrong := query[string](t, conn, `
		SELECT c.conname
		FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype IN ('p', 'u') AND a.attname <> 'nfvi_pop_id' AND c.connamespace = 'public'::regnamespace
		  AND EXISTS (SELECT FROM pg_attribute p WHERE p.attrelid = c.conrelid AND p.attname = 'nfvi_pop_id')
		ORDER BY 1`)
	// Reference tables, and tables with a key of their own.
	if diff := cmp.Diff([]string{"directory_pk", "idempotency_pk", "resource_zone_pk"}, wrong); diff != "" {
		t.Errorf("keys of tables with an NFVI-PoP that do not start with it (-want +got):\n%s", diff)
	}
	loose := query[string](t, conn, `
		SELECT c.conname
		FROM pg_constraint c
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND a.attname <> 'nfvi_pop_id'
		  AND EXISTS (SELECT FROM pg_attribute p WHERE p.attrelid = c.conrelid AND p.attname = 'nfvi_pop_id')
		  AND EXISTS (SELECT FROM pg_attribute p WHERE p.attrelid = c.confrelid AND p.attname = 'nfvi_pop_id')`)
	if len(loose) > 0 {
		t.Errorf("foreign keys between distributed tables that do not start with the NFVI-PoP: %s", loose)
	}
}

// TestJoinedColumnsSortAlike finds columns that are compared with each other and sort differently: then no index serves the
// comparison, and a lookup of one host reads everything of its NFVI-PoP.
func TestJoinedColumnsSortAlike(t *testing.T) {
	t.Parallel()
	ownerURL, _ := testServer.NewDatabase(t)
	conn := connect(t, ownerURL)
	unlike := query[string](t, conn, `
		SELECT c.conname
		FROM pg_constraint c, unnest(c.conkey, c.confkey) AS k (own, other), pg_attribute a, pg_attribute o
		WHERE c.contype = 'f' AND a.attrelid = c.conrelid AND a.attnum = k.own AND o.attrelid = c.confrelid AND o.attnum = k.other
		  AND a.attcollation <> o.attcollation
		ORDER BY 1`)
	if len(unlike) > 0 {
		t.Errorf("foreign keys whose sides sort differently: %s", unlike)
	}
	hosts := query[string](t, conn, `
		SELECT table_name FROM information_schema.columns
		WHERE table_schema = 'public' AND column_name = 'host_id' AND collation_name IS DISTINCT FROM 'C'
		ORDER BY 1`)
	if len(hosts) > 0 {
		t.Errorf("tables whose host_id sorts otherwise than host.id: %s", hosts)
	}
}

// TestAppRole tries what the service's role must not be able to do, and that the same statements work for the owner.
func TestAppRole(t *testing.T) {
	t.Parallel()
	ownerURL, appURL := testServer.NewDatabase(t)
	app, owner := connect(t, appURL), connect(t, ownerURL)
	for _, sql := range []string{
		`CREATE TABLE mine (id int)`, `CREATE TEMPORARY TABLE mine (id int)`, `ALTER TABLE host ADD COLUMN mine int`, `DROP TABLE cache_entry`,
		`CREATE INDEX ON host (rack_id)`, `TRUNCATE cache_entry`,
		`UPDATE change_feed SET after = NULL`, `DELETE FROM change_feed`, `TRUNCATE change_feed`,
		`UPDATE attestation_record SET state = 'TRUSTED'`, `DELETE FROM attestation_record`, `TRUNCATE attestation_record`,
		`UPDATE scrub_record SET level = 'REIMAGE'`, `DELETE FROM scrub_record`, `TRUNCATE scrub_record`,
		`UPDATE policy_version SET content = ''`, `TRUNCATE policy_version CASCADE`, `DELETE FROM policy_epoch`,
		`UPDATE schema_migrations SET dirty = false`,
	} {
		if _, err := app.Exec(t.Context(), sql); !isPgError(err, "42501") {
			t.Errorf("%s: %v, want it to be refused", sql, err)
		}
		if _, err := owner.Exec(t.Context(), `BEGIN; `+sql+`; ROLLBACK`); err != nil {
			t.Errorf("%s fails for the owner as well, so that it proves nothing: %v", sql, err)
			_, _ = owner.Exec(t.Context(), `ROLLBACK`)
		}
	}
}

func isPgError(err error, code string) bool {
	var pgErr interface{ SQLState() string }
	return errors.As(err, &pgErr) && pgErr.SQLState() == code
}

// TestConstraints holds what the schema itself refuses, whoever writes.
func TestConstraints(t *testing.T) {
	t.Parallel()
	_, ownerURL := newFleet(t)
	conn := connect(t, ownerURL)
	for sql, constraint := range map[string]string{
		`UPDATE host SET cpu_millis_used = -1`:                                                                          "amount_ck",
		`UPDATE host SET gpus_total = -1`:                                                                               "amount_ck",
		`UPDATE host SET dedicated_id = 'amf-1'`:                                                                        "host_dedication_ck",
		`UPDATE host SET dedicated_identity = 'RACK', dedicated_id = 'r1'`:                                              "dedication_identity_ck",
		`UPDATE host SET attestation_state = 'GOOD'`:                                                                    "attestation_state_ck",
		`INSERT INTO directory VALUES ('RACK', 'r1', 'p')`:                                                              "directory_kind_ck",
		`UPDATE host SET attestation_state = 'TRUSTED'`:                                                                 "host_attestation_ck",
		`UPDATE host SET lifecycle = 'BROKEN'`:                                                                          "host_lifecycle_ck",
		`UPDATE host SET resource_zone_id = 'DUB-A' WHERE id = 'h01'`:                                                   "host_resource_zone_fk",
		`UPDATE host_ext_capacity SET dimension = 'fpga'`:                                                               "host_ext_capacity_dimension_ck",
		`UPDATE residency SET state = 'GONE'`:                                                                           "residency_state_ck",
		`UPDATE residency SET grant_id = 'g'`:                                                                           "residency_decided_ck",
		`UPDATE residency SET expires_at = now()`:                                                                       "residency_expiry_ck",
		`UPDATE residency SET grant_id = 'g', reserved_at = now(), state = 'RESERVED'`:                                  "residency_expiry_ck",
		`UPDATE residency SET host_id = 'h02' WHERE nfvi_pop_id = 'DUB'`:                                                "residency_host_fk",
		`DELETE FROM host_ext_capacity; DELETE FROM host WHERE id = 'h03'`:                                              "residency_host_fk",
		`UPDATE cache_entry SET mode = 'SHARED'`:                                                                        "cache_entry_domain_ck",
		`INSERT INTO policy (id, activated) VALUES ('p', true)`:                                                         "policy_activated_ck",
		`INSERT INTO policy_epoch VALUES (false, 1)`:                                                                    "policy_epoch_only_row_ck",
		`INSERT INTO trust_domain (id, category, sensitivity) VALUES ('a:b', 'TEST', 0)`:                                "trust_domain_id_ck",
		`UPDATE trust_domain SET parent_id = id`:                                                                        "trust_domain_parent_ck",
		`INSERT INTO nfvi_pop VALUES ('-')`:                                                                             "nfvi_pop_id_ck",
		`INSERT INTO change_feed (nfvi_pop_id, kind, object_id) VALUES ('-', 'GRANT', 'x')`:                             "change_kind_ck",
		`INSERT INTO policy (id) VALUES ('q'); INSERT INTO policy_version VALUES ('q', '1', DEFAULT, '', 'x', 'y', '')`: "policy_version_sha256_ck",
	} {
		_, err := conn.Exec(t.Context(), sql)
		var pgErr interface{ SQLState() string }
		if !errors.As(err, &pgErr) || !strings.Contains(err.Error(), constraint) {
			t.Errorf("%s: %v, want a violation of %s", sql, err, constraint)
		}
	}
}

// TestSchemaFile compares the dump for readers with the migrated database.
func TestSchemaFile(t *testing.T) {
	t.Parallel()
	ownerURL, _ := testServer.NewDatabase(t)
	file := filepath.Join("..", "..", "migrations", "schema.sql")
	got := dumpSchema(t, ownerURL)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("migrations/schema.sql is not what the migrations make; run go test ./internal/postgres -run TestSchemaFile -update (-file +database):\n%s", diff)
	}
}

// dumpSchema is what pg_dump says of a database, without what differs between versions and servers.
func dumpSchema(t testing.TB, ownerURL string) string {
	t.Helper()
	binaries := must(embedded.FindBinaries(t.Context(), os.Getenv("RINGFENCE_PG_BINDIR")))(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(binaries.Dir, "pg_dump"), "--schema-only", "--no-owner", ownerURL)
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("pg_dump: %v: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	noise := regexp.MustCompile(`(?m)^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|(CREATE|COMMENT ON) SCHEMA.*|REVOKE USAGE ON SCHEMA.*)$\n?`)
	blank := regexp.MustCompile(`\n{3,}`)
	schema := blank.ReplaceAllString(noise.ReplaceAllString(string(out), ""), "\n\n")
	return "-- What the migrations add up to, for readers. A test keeps it current: go test ./internal/postgres -run TestSchemaFile -update\n\n" +
		strings.TrimSpace(schema) + "\n"
}

func TestMigratedDatabaseIsEmpty(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	doc := must(s.Export(t.Context()))(t)
	if diff := cmp.Diff(placement.Inventory{}, doc); diff != "" {
		t.Errorf("a new database holds an inventory (-want +got):\n%s", diff)
	}
}
