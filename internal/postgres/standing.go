package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

const standingColumns = `id, vnfd_id, vnf_instance_ids, ns_instance_id, component_ids, kind, scope, unit_ids, reason, actor_id, created_at, revision`

type standingRow struct {
	ID             string    `db:"id"`
	VNFDID         string    `db:"vnfd_id"`
	VNFInstanceIDs []string  `db:"vnf_instance_ids"`
	NSInstanceID   string    `db:"ns_instance_id"`
	ComponentIDs   []string  `db:"component_ids"`
	Kind           string    `db:"kind"`
	Scope          string    `db:"scope"`
	UnitIDs        []string  `db:"unit_ids"`
	Reason         string    `db:"reason"`
	ActorID        string    `db:"actor_id"`
	CreatedAt      time.Time `db:"created_at"`
	Revision       int64     `db:"revision"`
}

// standingDoc is a standing constraint in the change feed.
type standingDoc struct {
	ID             string                 `json:"id"`
	VNFDID         string                 `json:"vnfdId,omitempty"`
	VNFInstanceIDs []string               `json:"vnfInstanceIds,omitempty"`
	NSInstanceID   string                 `json:"nsInstanceId,omitempty"`
	ComponentIDs   []string               `json:"componentIds,omitempty"`
	Kind           placement.StandingKind `json:"kind"`
	Scope          placement.Scope        `json:"scope"`
	UnitIDs        []string               `json:"unitIds,omitempty"`
	Reason         string                 `json:"reason"`
	ActorID        string                 `json:"actorId"`
	CreatedAt      time.Time              `json:"createdAt"`
	Revision       int64                  `json:"revision"`
}

// standingTable is stored like the catalogue, because it decides as well, but is no part of inventory documents.
func standingTable() *table[placement.StandingConstraint] {
	const selectSQL = `
		SELECT ` + standingColumns + `
		FROM standing_constraint
		WHERE ($1::text[] IS NULL OR id = ANY($1)) AND id > $2 AND {filter}
		ORDER BY id
		LIMIT $3`
	return &table[placement.StandingConstraint]{
		kind: placement.ChangeStanding, what: "standing constraint",
		selectSQL: selectSQL, known: standingAttributes(), deleteSQL: `DELETE FROM standing_constraint WHERE id = $1`,
		rows:     rowsOf(standingFromRow),
		id:       func(v *placement.StandingConstraint) string { return v.ID },
		revision: func(v *placement.StandingConstraint) *int64 { return &v.Revision },
		upsert:   insertStanding,
		change:   func(v *placement.StandingConstraint) placement.Change { return placement.Change{Standing: v} },
	}
}

func standingAttributes() attributes {
	return attributes{
		"id": text("id"), "vnfdId": text("vnfd_id"), "vnfInstanceIds": texts("vnf_instance_ids"), "nsInstanceId": text("ns_instance_id"),
		"componentIds": texts("component_ids"), "kind": enum("kind"), "scope": enum("scope"), "unitIds": texts("unit_ids"), "reason": text("reason"),
		"actorId": text("actor_id"), "createdAt": dateTime("created_at"),
	}
}

// insertStanding stores a constraint. They are stated and deleted, never changed.
func insertStanding(b *pgx.Batch, v *placement.StandingConstraint) {
	const insertSQL = `
		INSERT INTO standing_constraint (` + standingColumns + `)
		VALUES (@id, @vnfd_id, @vnf_instance_ids, @ns_instance_id, @component_ids, @kind, @scope, @unit_ids, @reason, @actor_id, @created_at, @revision)`
	b.Queue(insertSQL, pgx.StrictStructArgs(standingRow{
		ID: v.ID, VNFDID: v.VNFDID, VNFInstanceIDs: notNil(v.VNFInstanceIDs), NSInstanceID: v.NSInstanceID, ComponentIDs: notNil(v.ComponentIDs),
		Kind: string(v.Kind), Scope: string(v.Scope), UnitIDs: notNil(v.UnitIDs), Reason: v.Reason, ActorID: v.ActorID, CreatedAt: v.CreatedAt, Revision: v.Revision,
	}))
}

func standingFromRow(r *standingRow) (placement.StandingConstraint, error) {
	return placement.StandingConstraint{
		ID: r.ID, VNFDID: r.VNFDID, VNFInstanceIDs: nilIfEmpty(r.VNFInstanceIDs), NSInstanceID: r.NSInstanceID, ComponentIDs: nilIfEmpty(r.ComponentIDs),
		Kind: placement.StandingKind(r.Kind), Scope: placement.Scope(r.Scope), UnitIDs: nilIfEmpty(r.UnitIDs), Reason: r.Reason, ActorID: r.ActorID,
		CreatedAt: r.CreatedAt.UTC(), Revision: r.Revision,
	}, nil
}

// ListStandingConstraints returns a page of standing constraints by id.
func (s *Store) ListStandingConstraints(ctx context.Context, p placement.Page) ([]placement.StandingConstraint, error) {
	return standingTable().page(ctx, s, p)
}

// GetStandingConstraint returns a standing constraint.
func (s *Store) GetStandingConstraint(ctx context.Context, id string) (placement.StandingConstraint, error) {
	return standingTable().get(ctx, s.reads(ctx), id)
}

// AddStandingConstraint states a constraint, which has an id that is new. Whatever is decided after it returns meets it. Kind of
// error: Invalid where a place is not in the inventory.
func (s *Store) AddStandingConstraint(ctx context.Context, c placement.StandingConstraint) (stored placement.StandingConstraint, err error) {
	t := standingTable()
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockEpochExclusive(ctx, tx); err != nil {
			return err
		}
		if err := checkUnits(ctx, tx, &c); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT statement_timestamp()`).Scan(&c.CreatedAt); err != nil {
			return err
		}
		c.CreatedAt = c.CreatedAt.UTC()
		changes, _, err := t.apply(ctx, tx, []placement.StandingConstraint{c})
		if err != nil {
			return err
		}
		if err := recordCatalogue(ctx, tx, c.ActorID, changes); err != nil {
			return err
		}
		stored, err = t.get(ctx, tx, c.ID)
		return err
	})
	return stored, err
}

// checkUnits refuses places that the inventory does not have: nothing could be there.
func checkUnits(ctx context.Context, q queryer, c *placement.StandingConstraint) error {
	known := map[placement.Scope]string{
		placement.ScopeZone: `SELECT id FROM resource_zone`, placement.ScopeZoneGroup: `SELECT unnest(zone_group_ids) FROM resource_zone`,
		placement.ScopeNFVIPoP: `SELECT id FROM nfvi_pop`,
	}[c.Scope]
	if len(c.UnitIDs) == 0 || known == "" {
		return nil
	}
	var missing *string
	if err := q.QueryRow(ctx, `SELECT min(u.id) FROM unnest($1::text[]) AS u (id) WHERE u.id NOT IN (`+known+`)`, c.UnitIDs).Scan(&missing); err != nil {
		return err
	}
	if missing != nil {
		return placement.Errorf(placement.Invalid, "unitIds: the inventory has no %s %q", c.Scope, *missing)
	}
	return nil
}

// DeleteStandingConstraint deletes a standing constraint; with ifRevision only that revision of it.
func (s *Store) DeleteStandingConstraint(ctx context.Context, id string, ifRevision *int64, actor string) error {
	return standingTable().remove(ctx, s, id, ifRevision, actor)
}
