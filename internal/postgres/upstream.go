package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// queueUpstream notes that a grant is answered only once the NFVO upstream has agreed.
func queueUpstream(b *pgx.Batch, nfviPoPID, grantID string) {
	b.Queue(`INSERT INTO upstream_grant (nfvi_pop_id, grant_id) VALUES ($1, $2)`, nfviPoPID, grantID)
}

// UpstreamAnswer returns what the NFVO upstream said of a grant; false: it need not be asked about it.
func (s *Store) UpstreamAnswer(ctx context.Context, grantID string) (a placement.UpstreamAnswer, found bool, err error) {
	const findSQL = `SELECT state, detail, answer, asked_at, answered_at, given_back FROM upstream_grant WHERE grant_id = $1`
	var state string
	var answered *time.Time
	err = s.pool.QueryRow(ctx, findSQL, grantID).Scan(&state, &a.Detail, &a.Grant, &a.AskedAt, &answered, &a.GivenBack)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, false, nil
	}
	a.State, a.AskedAt = placement.UpstreamState(state), a.AskedAt.UTC()
	if answered != nil {
		a.AnsweredAt = answered.UTC()
	}
	return a, err == nil, translate(err)
}

// AskUpstream notes that the NFVO upstream is asked about a grant now; with again also when it had not agreed before, which is for grants
// that reserve nothing only: of others all was given back.
func (s *Store) AskUpstream(ctx context.Context, grantID string, again bool) error {
	const askSQL = `
		UPDATE upstream_grant SET state = 'ASKING', detail = '', asked_at = statement_timestamp(), answered_at = NULL, given_back = false
		WHERE grant_id = $1 AND (state = 'ASKING' OR $2 AND state <> 'AGREED')`
	return s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, askSQL, grantID, again)
		return err
	})
}

// RecordUpstream records what the NFVO upstream said of a grant that it is being asked about, with its record in the audit trail, and
// tells whether it did: another request for the same may have got an answer before.
func (s *Store) RecordUpstream(ctx context.Context, grantID string, a placement.UpstreamAnswer) (recorded bool, err error) {
	const recordSQL = `
		UPDATE upstream_grant SET state = $2, detail = $3, answer = $4, answered_at = statement_timestamp()
		WHERE grant_id = $1 AND state = 'ASKING'
		RETURNING nfvi_pop_id`
	err = s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		var popID string
		err := tx.QueryRow(ctx, recordSQL, grantID, string(a.State), a.Detail, a.Grant).Scan(&popID)
		recorded = err == nil
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		var b pgx.Batch
		err = queueAudit(&b, popID, &placement.AuditRecord{ActorID: "upstream-nfvo", Action: "UPSTREAM_" + string(a.State), ObjectID: grantID, Detail: map[string]string{
			"detail": a.Detail, "grant": string(a.Grant),
		}})
		if err != nil {
			return err
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	return recorded, err
}

// UpstreamGivenBack notes that what a grant reserved is given back.
func (s *Store) UpstreamGivenBack(ctx context.Context, grantID string) error {
	const givenSQL = `UPDATE upstream_grant SET given_back = true WHERE grant_id = $1 AND state <> 'AGREED'`
	return s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, givenSQL, grantID)
		return err
	})
}

// AbandonedUpstream are grants that the NFVO upstream has not agreed to, and that nobody has given back since they were asked about so long ago.
func (s *Store) AbandonedUpstream(ctx context.Context, after time.Duration, n int) ([]string, error) {
	const abandonedSQL = `
		SELECT grant_id FROM upstream_grant
		WHERE state <> 'AGREED' AND NOT given_back AND asked_at < statement_timestamp() - $1::interval
		ORDER BY asked_at LIMIT $2`
	rows, err := s.pool.Query(ctx, abandonedSQL, after, n)
	if err != nil {
		return nil, translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return ids, translate(err)
}
