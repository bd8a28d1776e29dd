package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

const enforcementModeColumns = `subject, subject_id, mode, reason, actor_id, since, revision`

type enforcementModeRow struct {
	Subject   string    `db:"subject"`
	SubjectID string    `db:"subject_id"`
	Mode      string    `db:"mode"`
	Reason    string    `db:"reason"`
	ActorID   string    `db:"actor_id"`
	Since     time.Time `db:"since"`
	Revision  int64     `db:"revision"`
}

func enforcementModeFromRow(r *enforcementModeRow) (placement.EnforcementMode, error) {
	return placement.EnforcementMode{
		ModeKey: placement.ModeKey{Subject: placement.ModeSubject(r.Subject), ID: r.SubjectID}, Mode: placement.Mode(r.Mode), Reason: r.Reason,
		ActorID: r.ActorID, Since: r.Since.UTC(), Revision: r.Revision,
	}, nil
}

const modeSQL = `SELECT mode, statement_timestamp() FROM enforcement_mode WHERE subject = $1 AND subject_id = $2`

// readMode reads the mode of somebody; whoever has none is enforced.
func readMode(ctx context.Context, q queryer, key placement.ModeKey) (placement.Mode, error) {
	var mode string
	var now time.Time
	err := q.QueryRow(ctx, modeSQL, string(key.Subject), key.ID).Scan(&mode, &now)
	if errors.Is(err, pgx.ErrNoRows) {
		return placement.ModeEnforce, nil
	}
	return placement.Mode(mode), err
}

// queueMode reads the mode of somebody in a transaction that holds the epoch, with the database's time.
func queueMode(b *pgx.Batch, key placement.ModeKey, mode *placement.Mode, now *time.Time) {
	const heldSQL = `
		SELECT coalesce((SELECT mode FROM enforcement_mode WHERE subject = $1 AND subject_id = $2), 'ENFORCE')::text, statement_timestamp()`
	b.Queue(heldSQL, string(key.Subject), key.ID).QueryRow(func(row pgx.Row) error {
		err := row.Scan((*string)(mode), now)
		*now = now.UTC()
		return err
	})
}

// ListEnforcementModes returns a page of the modes that were set, ascending by their identifier on the wire.
func (s *Store) ListEnforcementModes(ctx context.Context, page placement.Page) ([]placement.EnforcementMode, error) {
	const listSQL = `
		SELECT ` + enforcementModeColumns + `
		FROM enforcement_mode
		WHERE (subject || ':' || subject_id) COLLATE "C" > $1 AND {filter}
		ORDER BY (subject || ':' || subject_id) COLLATE "C"
		LIMIT $2`
	return listed(ctx, s, enforcementModeFromRow, enforcementModeAttributes(), page, listSQL, page.After, page.Limit)
}

func enforcementModeAttributes() attributes {
	return attributes{
		"id": text("subject || ':' || subject_id"), "subject": enum("subject"), "clientId": text("CASE WHEN subject = 'CLIENT' THEN subject_id END"),
		"vimConnectionId": text("CASE WHEN subject = 'VIM_CONNECTION' THEN subject_id END"), "mode": enum("mode"), "reason": text("reason"),
		"since": dateTime("since"), "actorId": text("actor_id"),
	}
}

// GetEnforcementMode returns the mode that was set for somebody. Kind of error: NotFound when none ever was.
func (s *Store) GetEnforcementMode(ctx context.Context, key placement.ModeKey) (placement.EnforcementMode, error) {
	return getEnforcementMode(ctx, s.reads(ctx), key)
}

func getEnforcementMode(ctx context.Context, q queryer, key placement.ModeKey) (placement.EnforcementMode, error) {
	const getSQL = `SELECT ` + enforcementModeColumns + ` FROM enforcement_mode WHERE subject = $1 AND subject_id = $2`
	list, err := collect(ctx, q, enforcementModeFromRow, getSQL, string(key.Subject), key.ID)
	switch {
	case err != nil:
		return placement.EnforcementMode{}, translate(err)
	case len(list) == 0:
		return placement.EnforcementMode{}, placement.Errorf(placement.NotFound, "no mode was ever set for %s: it is enforced", key)
	}
	return list[0], nil
}

// SetEnforcementMode sets the mode of somebody, with its record in the audit trail, and tells every host behind a VIM connection in the
// same transaction. It waits for all running decisions and directives: whatever follows is in the new mode. ifRevision, unless
// nil, is the revision that the mode must have; 0: none must have been set. Kind of error: PreconditionFailed.
func (s *Store) SetEnforcementMode(ctx context.Context, m placement.EnforcementMode, ifRevision *int64) (set placement.EnforcementMode, created bool, err error) {
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockEpochExclusive(ctx, tx); err != nil {
			return err
		}
		before, err := getEnforcementMode(ctx, tx, m.ModeKey)
		if err != nil && placement.KindOf(err) != placement.NotFound {
			return err
		}
		created = before.Revision == 0
		if ifRevision != nil && *ifRevision != before.Revision {
			return placement.Errorf(placement.PreconditionFailed, "the mode of %s has changed: read it again", m.ModeKey)
		}
		if before.Mode == m.Mode && before.Reason == m.Reason {
			set = before
			return nil
		}
		if set, err = writeMode(ctx, tx, &m, before.Mode); err != nil {
			return err
		}
		_, err = tellHosts(ctx, tx)
		return err
	})
	return set, created, err
}

func writeMode(ctx context.Context, tx pgx.Tx, m *placement.EnforcementMode, before placement.Mode) (placement.EnforcementMode, error) {
	const setSQL = `
		INSERT INTO enforcement_mode AS m (` + enforcementModeColumns + `)
		VALUES ($1, $2, $3, $4, $5, statement_timestamp(), 1)
		ON CONFLICT (subject, subject_id) DO UPDATE SET
			mode = excluded.mode, reason = excluded.reason, actor_id = excluded.actor_id, since = excluded.since, revision = m.revision + 1
		RETURNING ` + enforcementModeColumns
	list, err := collect(ctx, tx, enforcementModeFromRow, setSQL, string(m.Subject), m.ID, string(m.Mode), m.Reason, m.ActorID)
	if err != nil {
		return placement.EnforcementMode{}, err
	}
	if before == "" {
		before = placement.ModeEnforce
	}
	var b pgx.Batch
	err = queueAudit(&b, noPoP, &placement.AuditRecord{ActorID: m.ActorID, Action: string(m.Mode), ObjectID: m.String(), Detail: map[string]string{
		"before": string(before), "reason": m.Reason,
	}})
	if err != nil {
		return placement.EnforcementMode{}, err
	}
	return list[0], tx.SendBatch(ctx, &b).Close()
}

// untoldSQL finds the hosts that were told last that directives bind, and do not, or the other way around: their VIM connection's mode
// changed, or they came behind another one.
const untoldSQL = `
	SELECT h.nfvi_pop_id, h.id, 'ADVISORY' AS now, m.reason
	FROM enforcement_mode m JOIN host h ON h.vim_connection_id = m.subject_id AND h.told_enforcement = 'ENFORCED'
	WHERE m.subject = 'VIM_CONNECTION' AND m.mode = 'OBSERVE'
	UNION ALL
	SELECT h.nfvi_pop_id, h.id, 'ENFORCED', coalesce(m.reason, 'the VIM connection of the host is enforced')
	FROM host h LEFT JOIN enforcement_mode m ON m.subject = 'VIM_CONNECTION' AND m.subject_id = h.vim_connection_id
	WHERE h.told_enforcement = 'ADVISORY' AND coalesce(m.mode, 'ENFORCE') = 'ENFORCE'`

// tellHosts gives every host that has to hear it the directive that says whether directives bind. The transaction holds the epoch
// exclusively: nobody else is about to number a directive, so that the hosts need no lock of their own.
func tellHosts(ctx context.Context, tx pgx.Tx) (int64, error) {
	const tellSQL = `
		WITH untold AS (` + untoldSQL + `), told AS (
			UPDATE host h SET
				told_enforcement = u.now, gen = h.gen + 1, changed_txid = pg_current_xact_id(),
				directive_seq = 1 + CASE WHEN h.directive_seq > 0 THEN h.directive_seq
					ELSE (SELECT coalesce(max(d.seq), 0) FROM directive d WHERE d.nfvi_pop_id = h.nfvi_pop_id AND d.host_id = h.id) END
			FROM untold u
			WHERE h.nfvi_pop_id = u.nfvi_pop_id AND h.id = u.id
			RETURNING h.nfvi_pop_id, h.id, h.directive_seq, h.vim_connection_id, u.now, u.reason)
		INSERT INTO directive (nfvi_pop_id, host_id, seq, kind, decision_id, grant_id, residency_id, vim_connection_id, issued_at, body, enforcement)
		SELECT nfvi_pop_id, id, directive_seq, 'ENFORCEMENT', '', '', '', vim_connection_id, statement_timestamp(), json_build_object('reason', reason), now
		FROM told
		ORDER BY nfvi_pop_id, id`
	tag, err := tx.Exec(ctx, tellSQL)
	return tag.RowsAffected(), err
}

// TellEnforcement tells hosts that came behind a VIM connection of another mode than they were told last. It locks nothing where there
// are none. It returns how many were told.
func (s *Store) TellEnforcement(ctx context.Context) (told int64, err error) {
	var untold bool
	if err := s.pool.QueryRow(ctx, `SELECT EXISTS (`+untoldSQL+`)`).Scan(&untold); err != nil || !untold {
		return 0, translate(err)
	}
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockEpochExclusive(ctx, tx); err != nil {
			return err
		}
		told, err = tellHosts(ctx, tx)
		return err
	})
	return told, err
}
