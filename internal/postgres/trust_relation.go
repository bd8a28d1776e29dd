package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type trustRelationRow struct {
	FromID   string             `db:"from_id"`
	ToID     string             `db:"to_id"`
	Handling placement.Handling `db:"handling"`
	Revision int64              `db:"revision"`
}

func trustRelationTable() *table[placement.TrustRelation] {
	const selectSQL = `
		SELECT from_id, to_id, handling, revision
		FROM trust_relation
		WHERE ($1::text[] IS NULL OR from_id || ':' || to_id = ANY($1)) AND ($2 = '' OR (from_id, to_id) > (split_part($2, ':', 1), split_part($2, ':', 2))) AND {filter}
		ORDER BY from_id, to_id
		LIMIT $3`
	return &table[placement.TrustRelation]{
		kind: placement.ChangeTrustRelation, what: "trust relation", list: "trustRelations",
		selectSQL: selectSQL, known: trustRelationAttributes(), deleteSQL: `DELETE FROM trust_relation WHERE from_id || ':' || to_id = $1`,
		rows:     rowsOf(trustRelationFromRow),
		id:       func(v *placement.TrustRelation) string { return relationID(v.FromID, v.ToID) },
		revision: func(v *placement.TrustRelation) *int64 { return &v.Revision },
		upsert:   upsertTrustRelation,
		change:   func(v *placement.TrustRelation) placement.Change { return placement.Change{TrustRelation: v} },
		document: func(inv *placement.Inventory) *[]placement.TrustRelation { return &inv.TrustRelations },
	}
}

func upsertTrustRelation(b *pgx.Batch, v *placement.TrustRelation) {
	const upsertSQL = `
		INSERT INTO trust_relation (from_id, to_id, handling, revision)
		VALUES (@from_id, @to_id, @handling, @revision)
		ON CONFLICT (from_id, to_id) DO UPDATE SET
			handling = excluded.handling, revision = excluded.revision`
	b.Queue(upsertSQL, pgx.StrictStructArgs(trustRelationRow(*v)))
}

func trustRelationFromRow(r *trustRelationRow) (placement.TrustRelation, error) {
	return placement.TrustRelation(*r), nil
}

// ListTrustRelations returns a page of trust relations by from and to; the page's key is "from:to".
func (s *Store) ListTrustRelations(ctx context.Context, p placement.Page) ([]placement.TrustRelation, error) {
	return trustRelationTable().page(ctx, s, p)
}

// GetTrustRelation returns the relation from one trust domain to another.
func (s *Store) GetTrustRelation(ctx context.Context, fromID, toID string) (placement.TrustRelation, error) {
	return trustRelationTable().get(ctx, s.reads(ctx), relationID(fromID, toID))
}

// PutTrustRelation creates or replaces a trust relation; with ifRevision only that revision of it.
func (s *Store) PutTrustRelation(ctx context.Context, v placement.TrustRelation, ifRevision *int64, actor string) (placement.TrustRelation, bool, error) {
	return trustRelationTable().put(ctx, s, v, ifRevision, actor)
}

// DeleteTrustRelation deletes a trust relation: the direction is undeclared then. With ifRevision only that revision of it.
func (s *Store) DeleteTrustRelation(ctx context.Context, fromID, toID string, ifRevision *int64, actor string) error {
	return trustRelationTable().remove(ctx, s, relationID(fromID, toID), ifRevision, actor)
}

func trustRelationAttributes() attributes {
	return attributes{"fromId": text("from_id"), "toId": text("to_id"), "handling": enum("handling")}
}
