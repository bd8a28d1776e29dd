package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type nfviPoPRow struct {
	ID       string `db:"id"`
	Country  string `db:"country"`
	Revision int64  `db:"revision"`
}

func nfviPoPTable() *table[placement.NFVIPoP] {
	const selectSQL = `
		SELECT id, country, revision
		FROM nfvi_pop
		WHERE ($1::text[] IS NULL OR id = ANY($1)) AND id > $2 AND {filter}
		ORDER BY id
		LIMIT $3`
	const referrersSQL = `
		(SELECT 'resource zone ' || id FROM resource_zone WHERE nfvi_pop_id = $1 ORDER BY id LIMIT 6)
		UNION ALL
		(SELECT 'host ' || id FROM host WHERE nfvi_pop_id = $1 ORDER BY id LIMIT 6)`
	return &table[placement.NFVIPoP]{
		kind: placement.ChangeNFVIPoP, what: "NFVI-PoP", list: "nfviPops",
		selectSQL: selectSQL, known: nfviPoPAttributes(), deleteSQL: `DELETE FROM nfvi_pop WHERE id = $1`,
		rows:      rowsOf(nfviPoPFromRow),
		id:        func(v *placement.NFVIPoP) string { return v.ID },
		revision:  func(v *placement.NFVIPoP) *int64 { return &v.Revision },
		upsert:    upsertNFVIPoP,
		change:    func(v *placement.NFVIPoP) placement.Change { return placement.Change{NFVIPoP: v} },
		document:  func(inv *placement.Inventory) *[]placement.NFVIPoP { return &inv.NFVIPoPs },
		referrers: referring(referrersSQL),
	}
}

func upsertNFVIPoP(b *pgx.Batch, v *placement.NFVIPoP) {
	const upsertSQL = `
		INSERT INTO nfvi_pop (id, country, revision)
		VALUES (@id, @country, @revision)
		ON CONFLICT (id) DO UPDATE SET
			country = excluded.country, revision = excluded.revision`
	b.Queue(upsertSQL, pgx.StrictStructArgs(nfviPoPRow(*v)))
}

func nfviPoPFromRow(r *nfviPoPRow) (placement.NFVIPoP, error) { return placement.NFVIPoP(*r), nil }

// ListNFVIPoPs returns a page of NFVI-PoPs by id.
func (s *Store) ListNFVIPoPs(ctx context.Context, p placement.Page) ([]placement.NFVIPoP, error) {
	return nfviPoPTable().page(ctx, s, p)
}

// GetNFVIPoP returns an NFVI-PoP.
func (s *Store) GetNFVIPoP(ctx context.Context, id string) (placement.NFVIPoP, error) {
	return nfviPoPTable().get(ctx, s.reads(ctx), id)
}

// PutNFVIPoP creates or replaces an NFVI-PoP; with ifRevision only that revision of it.
func (s *Store) PutNFVIPoP(ctx context.Context, v placement.NFVIPoP, ifRevision *int64, actor string) (placement.NFVIPoP, bool, error) {
	return nfviPoPTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteNFVIPoP deletes an NFVI-PoP that nothing refers to; with ifRevision only that revision of it.
func (s *Store) DeleteNFVIPoP(ctx context.Context, id string, ifRevision *int64, actor string) error {
	return nfviPoPTable().remove(ctx, s, id, ifRevision, actor)
}

func nfviPoPAttributes() attributes {
	return attributes{"id": text("id"), "country": text("country")}
}
