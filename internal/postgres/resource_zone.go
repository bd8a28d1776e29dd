package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type resourceZoneRow struct {
	ID           string   `db:"id"`
	NFVIPoPID    string   `db:"nfvi_pop_id"`
	ZoneGroupIDs []string `db:"zone_group_ids"`
	Revision     int64    `db:"revision"`
}

func resourceZoneTable() *table[placement.ResourceZone] {
	const selectSQL = `
		SELECT id, nfvi_pop_id, zone_group_ids, revision
		FROM resource_zone
		WHERE ($1::text[] IS NULL OR id = ANY($1)) AND id > $2 AND {filter}
		ORDER BY id
		LIMIT $3`
	const referrersSQL = `
		SELECT 'host ' || id FROM host WHERE resource_zone_id = $1 ORDER BY id LIMIT 6`
	return &table[placement.ResourceZone]{
		kind: placement.ChangeResourceZone, what: "resource zone", list: "resourceZones",
		selectSQL: selectSQL, known: resourceZoneAttributes(), deleteSQL: `DELETE FROM resource_zone WHERE id = $1`,
		rows:      rowsOf(resourceZoneFromRow),
		id:        func(v *placement.ResourceZone) string { return v.ID },
		revision:  func(v *placement.ResourceZone) *int64 { return &v.Revision },
		upsert:    upsertResourceZone,
		change:    func(v *placement.ResourceZone) placement.Change { return placement.Change{ResourceZone: v} },
		document:  func(inv *placement.Inventory) *[]placement.ResourceZone { return &inv.ResourceZones },
		referrers: referring(referrersSQL),
	}
}

func upsertResourceZone(b *pgx.Batch, v *placement.ResourceZone) {
	const upsertSQL = `
		INSERT INTO resource_zone (id, nfvi_pop_id, zone_group_ids, revision)
		VALUES (@id, @nfvi_pop_id, @zone_group_ids, @revision)
		ON CONFLICT (id) DO UPDATE SET
			nfvi_pop_id = excluded.nfvi_pop_id, zone_group_ids = excluded.zone_group_ids, revision = excluded.revision`
	r := resourceZoneRow(*v)
	r.ZoneGroupIDs = notNil(r.ZoneGroupIDs)
	b.Queue(upsertSQL, pgx.StrictStructArgs(r))
}

func resourceZoneFromRow(r *resourceZoneRow) (placement.ResourceZone, error) {
	v := placement.ResourceZone(*r)
	v.ZoneGroupIDs = nilIfEmpty(v.ZoneGroupIDs)
	return v, nil
}

// ListResourceZones returns a page of resource zones by id.
func (s *Store) ListResourceZones(ctx context.Context, p placement.Page) ([]placement.ResourceZone, error) {
	return resourceZoneTable().page(ctx, s, p)
}

// GetResourceZone returns a resource zone.
func (s *Store) GetResourceZone(ctx context.Context, id string) (placement.ResourceZone, error) {
	return resourceZoneTable().get(ctx, s.reads(ctx), id)
}

// PutResourceZone creates or replaces a resource zone; with ifRevision only that revision of it.
func (s *Store) PutResourceZone(ctx context.Context, v placement.ResourceZone, ifRevision *int64, actor string) (placement.ResourceZone, bool, error) {
	return resourceZoneTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteResourceZone deletes a resource zone that nothing refers to; with ifRevision only that revision of it.
func (s *Store) DeleteResourceZone(ctx context.Context, id string, ifRevision *int64, actor string) error {
	return resourceZoneTable().remove(ctx, s, id, ifRevision, actor)
}

func resourceZoneAttributes() attributes {
	return attributes{"id": text("id"), "nfviPopId": text("nfvi_pop_id"), "zoneGroupIds": texts("zone_group_ids")}
}
