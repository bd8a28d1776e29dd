package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type runtimeClassRow struct {
	Name      string              `db:"name"`
	Isolation string              `db:"isolation"`
	Overhead  placement.Resources `db:"overhead"`
	Revision  int64               `db:"revision"`
}

func runtimeClassTable() *table[placement.RuntimeClass] {
	const selectSQL = `
		SELECT name, isolation, overhead, revision
		FROM runtime_class
		WHERE ($1::text[] IS NULL OR name = ANY($1)) AND name > $2 AND {filter}
		ORDER BY name
		LIMIT $3`
	const referrersSQL = `
		(SELECT 'host ' || id FROM host
		 WHERE $1 = ANY(runtimes) OR jsonb_path_exists(cis_nodes, '$[*].runtimes[*] ? (@ == $name)', jsonb_build_object('name', $1::text))
		 ORDER BY id LIMIT 6)
		UNION ALL
		(SELECT 'VNF profile ' || vnfd_id FROM vnf_profile
		 WHERE jsonb_path_exists(components, '$[*] ? (@.runtime == $name)', jsonb_build_object('name', $1::text))
		 LIMIT 6)
		UNION ALL
		(SELECT 'residency ' || id FROM residency WHERE runtime = $1 LIMIT 6)`
	return &table[placement.RuntimeClass]{
		kind: placement.ChangeRuntimeClass, what: "runtime class", list: "runtimeClasses",
		selectSQL: selectSQL, known: runtimeClassAttributes(), deleteSQL: `DELETE FROM runtime_class WHERE name = $1`,
		rows:      rowsOf(runtimeClassFromRow),
		id:        func(v *placement.RuntimeClass) string { return v.Name },
		revision:  func(v *placement.RuntimeClass) *int64 { return &v.Revision },
		upsert:    upsertRuntimeClass,
		change:    func(v *placement.RuntimeClass) placement.Change { return placement.Change{RuntimeClass: v} },
		document:  func(inv *placement.Inventory) *[]placement.RuntimeClass { return &inv.RuntimeClasses },
		referrers: referring(referrersSQL),
		applied:   recomputeOverhead,
	}
}

func upsertRuntimeClass(b *pgx.Batch, v *placement.RuntimeClass) {
	const upsertSQL = `
		INSERT INTO runtime_class (name, isolation, overhead, revision)
		VALUES (@name, @isolation, @overhead, @revision)
		ON CONFLICT (name) DO UPDATE SET
			isolation = excluded.isolation, overhead = excluded.overhead, revision = excluded.revision`
	b.Queue(upsertSQL, pgx.StrictStructArgs(runtimeClassRow{
		Name: v.Name, Isolation: v.Isolation.String(), Overhead: notNilMap(v.Overhead), Revision: v.Revision,
	}))
}

func runtimeClassFromRow(r *runtimeClassRow) (placement.RuntimeClass, error) {
	isolation, err := placement.ParseIsolation(r.Isolation)
	return placement.RuntimeClass{Name: r.Name, Isolation: isolation, Overhead: nilIfEmptyMap(r.Overhead), Revision: r.Revision}, err
}

// ListRuntimeClasses returns a page of runtime classes by name.
func (s *Store) ListRuntimeClasses(ctx context.Context, p placement.Page) ([]placement.RuntimeClass, error) {
	return runtimeClassTable().page(ctx, s, p)
}

// GetRuntimeClass returns a runtime class.
func (s *Store) GetRuntimeClass(ctx context.Context, name string) (placement.RuntimeClass, error) {
	return runtimeClassTable().get(ctx, s.reads(ctx), name)
}

// PutRuntimeClass creates or replaces a runtime class; with ifRevision only that revision of it.
func (s *Store) PutRuntimeClass(ctx context.Context, v placement.RuntimeClass, ifRevision *int64, actor string) (placement.RuntimeClass, bool, error) {
	return runtimeClassTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteRuntimeClass deletes a runtime class that nothing refers to; with ifRevision only that revision of it.
func (s *Store) DeleteRuntimeClass(ctx context.Context, name string, ifRevision *int64, actor string) error {
	return runtimeClassTable().remove(ctx, s, name, ifRevision, actor)
}

func runtimeClassAttributes() attributes {
	return attributes{"name": text("name"), "isolation": enum("isolation"), "overhead": amounts("overhead")}
}
