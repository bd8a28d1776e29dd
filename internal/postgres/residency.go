package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// ListResidencies returns a page of residencies by id, over all NFVI-PoPs.
func (s *Store) ListResidencies(ctx context.Context, p placement.Page) ([]placement.Residency, error) {
	const listSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE id > $1 AND {filter}
		ORDER BY id
		LIMIT $2`
	return listed(ctx, s, residencyFromRow, residencyAttributes(), p, listSQL, p.After, p.Limit)
}

// GetResidency returns a residency.
func (s *Store) GetResidency(ctx context.Context, id string) (placement.Residency, error) {
	return getResidency(ctx, s.reads(ctx), id)
}

func getResidency(ctx context.Context, q queryer, id string) (placement.Residency, error) {
	list, err := readResidencies(ctx, q, []string{id})
	if err == nil && len(list) == 0 {
		err = notFound("residency", id)
	}
	if err != nil {
		return placement.Residency{}, translate(err)
	}
	return list[0], nil
}

// readResidencies reads residencies by id, wherever they are.
func readResidencies(ctx context.Context, q queryer, ids []string) ([]placement.Residency, error) {
	const readSQL = `
		SELECT ` + residencyColumns + `
		FROM residency
		WHERE id = ANY($1)
		ORDER BY id`
	return collect(ctx, q, residencyFromRow, readSQL, ids)
}

// PutResidency records what runs on a host; with ifRevision only that revision of it. It is a fact and no decision: it
// may break rules and capacity, and holds no claim. On another host than before, what it leaves behind there by the end rules
// is written with it. A residency that a grant decided is a Conflict.
func (s *Store) PutResidency(ctx context.Context, r placement.Residency, ifRevision *int64, end placement.EndRules, actor string) (
	out placement.Residency, created bool, err error,
) {
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		if err := lockEpoch(ctx, tx); err != nil {
			return err
		}
		doc := placement.Inventory{Residencies: []placement.Residency{r}}
		if err := checkReferences(ctx, tx, &doc); err != nil {
			return err
		}
		present, err := getResidency(ctx, tx, r.ID)
		created = placement.KindOf(err) == placement.NotFound
		if err != nil && !created {
			return err
		}
		if err := checkRevision("residency", r.ID, ifRevision, present.Revision); err != nil {
			return err
		}
		if present.GrantID != "" {
			return decidedResidency(&present)
		}
		places, err := residencyPlaces(ctx, tx, doc.Residencies)
		if err != nil {
			return err
		}
		changes, _, err := applyResidencies(ctx, tx, doc.Residencies, places, end)
		if err != nil {
			return err
		}
		if err := record(ctx, tx, actor, changes, false); err != nil {
			return err
		}
		out, err = getResidency(ctx, tx, r.ID)
		return err
	})
	return out, created && err == nil, err
}

func decidedResidency(r *placement.Residency) error {
	return placement.Errorf(placement.Conflict, "the residency %q belongs to grant %q: release its reservation instead", r.ID, r.GrantID)
}

// DeleteResidency says that what ran is gone; with ifRevision only that revision of it. What it leaves behind by the
// end rules is written with it. A residency that a grant decided is a Conflict.
func (s *Store) DeleteResidency(ctx context.Context, id string, ifRevision *int64, end placement.EndRules, actor string) error {
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		present, err := getResidency(ctx, tx, id)
		if err != nil {
			return err
		}
		key := placement.HostKey{NFVIPoPID: present.NFVIPoPID, HostID: present.HostID}
		w, err := lockForWork(ctx, tx, key)
		if err != nil {
			return err
		}
		r := w.resident(id)
		switch {
		case r == nil:
			return notFound("residency", id)
		case r.GrantID != "":
			return decidedResidency(r)
		}
		if err := checkRevision("residency", id, ifRevision, r.Revision); err != nil {
			return err
		}
		w.end(r, end)
		err = queueAudit(&w.batch, key.NFVIPoPID, &placement.AuditRecord{
			ActorID: actor, Action: "DELETE", ObjectID: id, Detail: map[string]string{"kind": string(placement.ChangeResidency), "hostId": key.HostID},
		})
		if err != nil {
			return err
		}
		return w.write(ctx)
	})
}
