package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// RecordScrub adds the evidence that a host was cleaned. It gets a new id; a zero At means now. A host in lifecycle
// SCRUBBING stays there: the operator puts it back into service. Kinds of errors: NotFound, Invalid (At in the
// future), Unavailable.
func (s *Store) RecordScrub(ctx context.Context, hostID string, r placement.ScrubRecord, actor string) (placement.ScrubRecord, error) {
	const insertSQL = `
		INSERT INTO scrub_record (nfvi_pop_id, host_id, id, level, device_reset, at, actor, evidence, actor_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		RETURNING recorded_at`
	r.ID = uuid.NewString()
	err := s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		key, err := knownHostKey(ctx, tx, hostID)
		if err != nil {
			return err
		}
		if err := lockHost(ctx, tx, key); err != nil {
			return err
		}
		if r.At, err = checkPast(ctx, tx, "scrub", r.At); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, insertSQL, key.NFVIPoPID, key.HostID, r.ID, r.Level.String(), r.DeviceReset, r.At, r.Actor, r.Evidence, actor).
			Scan(&r.RecordedAt)
		if err != nil {
			return err
		}
		r.RecordedAt = r.RecordedAt.UTC()
		if err := dropClearedResidue(ctx, tx, key); err != nil {
			return err
		}
		if err := changeHost(ctx, tx, key); err != nil {
			return err
		}
		return audit(ctx, tx, key.NFVIPoPID, actor, "SCRUB", hostID, map[string]string{"level": r.Level.String(), "record": r.ID})
	})
	return r, err
}

// ListScrubs returns a page of a host's scrub records, newest At first. The page's key is a record's id.
func (s *Store) ListScrubs(ctx context.Context, hostID string, p placement.Page) ([]placement.ScrubRecord, error) {
	const listSQL = `
		SELECT c.id, c.level, c.device_reset, c.at, c.actor, c.evidence, c.recorded_at
		FROM scrub_record c
		WHERE c.nfvi_pop_id = $1 AND c.host_id = $2 AND {filter}
		  AND ($3 = '' OR (c.at, c.id) < (SELECT x.at, x.id FROM scrub_record x
		                                  WHERE x.nfvi_pop_id = $1 AND x.host_id = $2 AND x.id = $3))
		ORDER BY c.at DESC, c.id DESC
		LIMIT $4`
	if err := scrubAttributes().check(p); err != nil {
		return nil, err
	}
	key, err := hostKey(ctx, s.reads(ctx), hostID)
	if err != nil {
		return nil, err
	}
	return listed(ctx, s, scrubFromRow, scrubAttributes(), p, listSQL, key.NFVIPoPID, key.HostID, p.After, p.Limit)
}

func scrubAttributes() attributes {
	return attributes{
		"id": text("c.id"), "level": enum("c.level"), "deviceReset": boolean("c.device_reset"), "at": dateTime("c.at"), "actor": text("c.actor"),
		"evidence": text("c.evidence"), "recordedAt": dateTime("c.recorded_at"),
	}
}

type scrubRow struct {
	ID          string    `db:"id"`
	Level       string    `db:"level"`
	DeviceReset bool      `db:"device_reset"`
	At          time.Time `db:"at"`
	Actor       string    `db:"actor"`
	Evidence    string    `db:"evidence"`
	RecordedAt  time.Time `db:"recorded_at"`
}

func scrubFromRow(r *scrubRow) (placement.ScrubRecord, error) {
	level, err := placement.ParseScrubLevel(r.Level)
	return placement.ScrubRecord{
		ID: r.ID, Level: level, DeviceReset: r.DeviceReset, At: r.At.UTC(), Actor: r.Actor, Evidence: r.Evidence, RecordedAt: r.RecordedAt.UTC(),
	}, err
}
