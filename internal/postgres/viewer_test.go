package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

// TestCallersSeeTheirOwn asks the database for what another client asked for, without the predicates of the statements.
func TestCallersSeeTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	of := map[string]placement.Grant{}
	for _, client := range []string{"vnfm-a", "vnfm-b"} {
		of[client] = w.grant(request{client: client, occ: "occ-" + client, vnf: "vnf-" + client, hosts: []string{"h1"}})
	}
	mine := placement.WithViewer(t.Context(), placement.Viewer{ClientID: "vnfm-a"})
	theirs := of["vnfm-b"]
	if _, err := w.GetGrant(mine, of["vnfm-a"].ID); err != nil {
		t.Errorf("its own grant: %v", err)
	}
	for what, read := range map[string]func() error{
		"grant":       func() error { _, err := w.GetGrant(mine, theirs.ID); return err },
		"decision":    func() error { _, err := w.GetDecision(mine, theirs.DecisionID); return err },
		"reservation": func() error { _, err := w.GetReservation(mine, residencyOf(theirs)); return err },
		"residency":   func() error { _, err := w.GetResidency(mine, residencyOf(theirs)); return err },
		"host":        func() error { _, err := w.GetHost(mine, "h1"); return err },
	} {
		if err := read(); placement.KindOf(err) != placement.NotFound {
			t.Errorf("the %s of another client: %v", what, err)
		}
	}
	page := placement.Page{Limit: 10}
	if list := must(w.ListReservations(mine, "", page))(t); len(list) != 1 || list[0].ID != residencyOf(of["vnfm-a"]) {
		t.Errorf("without a predicate it lists %v", list)
	}
	if list := must(w.ListDecisions(mine, "", page))(t); len(list) != 1 || list[0].ClientID != "vnfm-a" {
		t.Errorf("without a predicate it lists %v", list)
	}
	staff := placement.WithViewer(t.Context(), placement.Viewer{ClientID: "operator", ReadsAll: true})
	if list := must(w.ListReservations(staff, "", page))(t); len(list) != 2 {
		t.Errorf("an operator sees %d reservations", len(list))
	}
	if list := must(w.ListHosts(mine, page))(t); len(list) != 0 {
		t.Errorf("a VNFM lists %d hosts", len(list))
	}
}

// TestCallerRole tries what the role of callers must not be able to do.
func TestCallerRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.grant(request{client: "vnfm-a", occ: "occ", vnf: "vnf", hosts: []string{"h1"}})
	asCaller := func(sql string) error {
		tx, err := w.pool.BeginTx(t.Context(), readWrite)
		if err != nil {
			t.Fatal(err)
		}
		defer rollback(t.Context(), tx)
		if _, err := tx.Exec(t.Context(), `SELECT set_config('role', 'ringfence_caller', true)`); err != nil {
			t.Fatal(err)
		}
		rows, err := tx.Query(t.Context(), sql)
		if err != nil {
			return err
		}
		n := 0
		for rows.Next() {
			n++
		}
		if rows.Err() == nil && n > 0 {
			return errors.New("shows rows")
		}
		return rows.Err()
	}
	for _, table := range readableTables(t, w) {
		if err := asCaller(`SELECT 1 FROM ` + table); err != nil {
			t.Errorf("%s, of nobody: %v", table, err)
		}
	}
	for _, sql := range []string{
		`UPDATE host SET labels = '{}'`, `DELETE FROM residency`, `INSERT INTO policy_epoch DEFAULT VALUES`, `SELECT password FROM policy_subscription`,
		`SELECT oauth_secret FROM policy_subscription`, `SELECT secrets FROM policy_subscription`, `SELECT * FROM audit_record`, `SELECT * FROM idempotency`, `SELECT * FROM change_feed`,
		`SELECT * FROM directive`, `CREATE TABLE mine (id int)`, `SET LOCAL ROLE ringfence_owner`,
	} {
		var pgErr *pgconn.PgError
		if err := asCaller(sql); !errors.As(err, &pgErr) || pgErr.Code != "42501" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// readableTables are those that the role of callers may read, each under row level security.
func readableTables(t *testing.T, w *world) (tables []string) {
	t.Helper()
	const tablesSQL = `
		SELECT c.relname::text, c.relrowsecurity
		FROM pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND has_any_column_privilege('ringfence_caller', c.oid, 'SELECT')`
	rows, err := w.pool.Query(t.Context(), tablesSQL)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var secured bool
	_, err = pgx.ForEachRow(rows, []any{&name, &secured}, func() error {
		tables = append(tables, name)
		if !secured {
			t.Errorf("callers read %s without row level security", name)
		}
		return nil
	})
	if err != nil || len(tables) < 20 {
		t.Fatalf("tables that callers read: %v, %v", tables, err)
	}
	return tables
}

// TestReadsLeaveNoRoleBehind runs reads that succeed, fail and are not read to their end on one connection, and asks after each
// what the connection is.
func TestReadsLeaveNoRoleBehind(t *testing.T) {
	t.Parallel()
	_, appURL := testServer.NewDatabase(t)
	s, err := Open(t.Context(), appURL, Options{AllowUnsafe: true, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ctx := placement.WithViewer(t.Context(), placement.Viewer{ClientID: "vnfm", ReadsAll: true})
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	var n int
	for what, read := range map[string]func() error{
		"a read":               func() error { _, err := s.ListHosts(ctx, placement.Page{Limit: 1}); return err },
		"a fault in SQL":       func() error { return s.reads(ctx).QueryRow(ctx, `SELECT 1/0`).Scan(&n) },
		"a forbidden table":    func() error { return s.reads(ctx).QueryRow(ctx, `SELECT count(*) FROM audit_record`).Scan(&n) },
		"a row of many":        func() error { return s.reads(ctx).QueryRow(ctx, `SELECT generate_series(1, 1000)`).Scan(&n) },
		"a value of no int":    func() error { return s.reads(ctx).QueryRow(ctx, `SELECT 'x'`).Scan(&n) },
		"no row":               func() error { return s.reads(ctx).QueryRow(ctx, `SELECT 1 WHERE false`).Scan(&n) },
		"a caller who is gone": func() error { return s.reads(cancelled).QueryRow(cancelled, `SELECT 1`).Scan(&n) },
		"an export":            func() error { _, err := s.Export(ctx); return err },
	} {
		err := read()
		if wantErr := !slices.Contains([]string{"a read", "a row of many", "an export"}, what); (err != nil) != wantErr {
			t.Errorf("%s: %v", what, err)
		}
		var role, client string
		const whoSQL = `SELECT current_user::text, coalesce(current_setting('ringfence.client_id', true), '')`
		if err := s.pool.QueryRow(t.Context(), whoSQL).Scan(&role, &client); err != nil || role != "ringfence_app" || client != "" {
			t.Errorf("after %s the connection is %s of client %q, %v", what, role, client, err)
		}
	}
}

// lawfulInterception is what TestLIIsHidden adds to smallInventory.
func lawfulInterception() placement.Inventory {
	li := smallResidency("mdf-1.mdf2-0", "h09", "kata")
	li.Workload.TrustDomainID, li.Workload.VNFDID = "TD-LI", "vnfd-mdf"
	return placement.Inventory{
		TrustDomains:   []placement.TrustDomain{{ID: "TD-LI", Category: placement.CategoryLI, Sensitivity: 4, Exclusive: true}},
		TrustRelations: []placement.TrustRelation{{FromID: "TD-CP", ToID: "TD-LI", Handling: placement.HandlingProtected}},
		HostPools:      []placement.HostPool{{ID: "pool-li", AllowedTrustDomainIDs: []string{"TD-LI"}}},
		Hosts:          []placement.Host{smallHost("h02-li", "LON", "LON-A", "pool-li"), smallHost("h09", "LON", "LON-A", "pool-li")},
		Images:         []placement.Image{{Digest: "sha256:mdf", Reference: "mdf:1", Kind: placement.ArtefactContainerImage, Sensitivity: 4}},
		VNFProfiles: []placement.VNFProfile{{
			VNFDID: "vnfd-mdf", NFType: "MDF", TrustDomainID: "TD-LI",
			Components: []placement.Component{{ID: "mdf2", NF: placement.NF{Type: "MDF"}, Roles: placement.RoleLI, Images: []string{"sha256:mdf", "sha256:amf"}}},
		}},
		Residencies:  []placement.Residency{li},
		CacheEntries: []placement.CacheEntry{{HostID: "h09", Digest: "sha256:mdf", Mode: placement.CacheEncrypted, TrustDomainID: "TD-LI"}},
	}
}

// TestLIIsHidden reads everything in two worlds, of which one holds lawful interception: to those who are not cleared
// they are the same.
func TestLIIsHidden(t *testing.T) {
	t.Parallel()
	plain, _ := newFleet(t)
	with, _ := newFleet(t)
	li := lawfulInterception()
	if _, err := with.Import(t.Context(), &li, false, placement.EndRules{}, tester, nil); err != nil {
		t.Fatal(err)
	}
	staff := placement.WithViewer(t.Context(), placement.Viewer{ClientID: "operator", ReadsAll: true})
	cleared := placement.WithViewer(t.Context(), placement.Viewer{ClientID: "li", ReadsAll: true, LI: true})
	if diff := cmp.Diff(everything(staff, t, plain), everything(staff, t, with), ignoreTimes()); diff != "" {
		t.Errorf("without clearance the worlds differ:\n%s", diff)
	}
	if doc := everything(cleared, t, with); len(doc.Hosts) != 5 || len(doc.TrustDomains) != 4 || len(doc.Residencies) != 4 || len(doc.Images) != 2 {
		t.Errorf("with clearance there are %d hosts, %d trust domains, %d residencies", len(doc.Hosts), len(doc.TrustDomains), len(doc.Residencies))
	}
	for what, read := range map[string]func() error{
		"trust domain":   func() error { _, err := with.GetTrustDomain(staff, "TD-LI"); return err },
		"trust relation": func() error { _, err := with.GetTrustRelation(staff, "TD-CP", "TD-LI"); return err },
		"host pool":      func() error { _, err := with.GetHostPool(staff, "pool-li"); return err },
		"host":           func() error { _, err := with.GetHost(staff, "h09"); return err },
		"attestations":   func() error { _, err := with.ListAttestations(staff, "h09", placement.Page{Limit: 1}); return err },
		"image":          func() error { _, err := with.GetImage(staff, "sha256:mdf"); return err },
		"VNF profile":    func() error { _, err := with.GetVNFProfile(staff, "vnfd-mdf"); return err },
		"residency":      func() error { _, err := with.GetResidency(staff, "mdf-1.mdf2-0"); return err },
		"cache entry":    func() error { _, err := with.GetCacheEntry(staff, "h09", "sha256:mdf"); return err },
	} {
		if err := read(); placement.KindOf(err) != placement.NotFound {
			t.Errorf("%s of lawful interception: %v", what, err)
		}
	}
	// A page is as long as it is in the world without.
	if page := must(with.ListHosts(staff, placement.Page{Limit: 3}))(t); len(page) != 3 || page[2].ID != "h03" {
		t.Errorf("a page of three hosts lists %d", len(page))
	}
}

// everything is the export, and what the lists say where it can differ from it.
func everything(ctx context.Context, t *testing.T, s *Store) placement.Inventory {
	t.Helper()
	doc := must(s.Export(ctx))(t)
	page := placement.Page{Limit: 100}
	lists := placement.Inventory{
		TrustDomains: must(s.ListTrustDomains(ctx, page))(t), TrustRelations: must(s.ListTrustRelations(ctx, page))(t),
		NFVIPoPs: must(s.ListNFVIPoPs(ctx, page))(t), ResourceZones: must(s.ListResourceZones(ctx, page))(t), HostPools: must(s.ListHostPools(ctx, page))(t),
		RuntimeClasses: must(s.ListRuntimeClasses(ctx, page))(t), Hosts: must(s.ListHosts(ctx, page))(t), Images: must(s.ListImages(ctx, page))(t),
		VNFProfiles: must(s.ListVNFProfiles(ctx, page))(t), Residencies: must(s.ListResidencies(ctx, page))(t), CacheEntries: must(s.ListCacheEntries(ctx, page))(t),
	}
	byID := func(a, b placement.Host) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(doc.Hosts, byID)
	if diff := cmp.Diff(doc.Hosts, lists.Hosts); diff != "" {
		t.Errorf("export and list differ:\n%s", diff)
	}
	return lists
}

// ignoreTimes leaves out when things were written.
func ignoreTimes() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		name := p.Last().String()
		return name == ".StateSince" || name == ".ObservedAt"
	}, cmp.Ignore())
}
