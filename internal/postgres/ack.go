package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// RecordAck records what became of a directive on its host; NotFound for a number that the host was never given. A PLACE
// that was applied confirms its reservation, a RELEASE that was applied ends its residency. It may be repeated: APPLIED is
// final, and what follows from it happens once.
func (s *Store) RecordAck(ctx context.Context, ack placement.Ack, actor string, end placement.EndRules) error {
	key, err := hostKey(ctx, s.pool, ack.HostID)
	if err != nil {
		return err
	}
	kind, residencyID, err := s.directiveKind(ctx, key, ack.Seq)
	if err != nil {
		return err
	}
	follows := ack.Outcome == placement.AckApplied && (kind == placement.DirectivePlace || kind == placement.DirectiveRelease)
	if !follows {
		return s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
			var b pgx.Batch
			queueAck(&b, key, &ack, actor)
			return tx.SendBatch(ctx, &b).Close()
		})
	}
	return s.workOnHost(ctx, key, func(w *hostWork) error {
		queueAck(&w.batch, key, &ack, actor)
		r := w.resident(residencyID)
		switch {
		case r == nil: // ended already
		case kind == placement.DirectivePlace && awaited(r):
			w.enter(r, placement.StateRunning)
		case kind == placement.DirectiveRelease && r.State == placement.StateTerminating:
			w.end(r, end)
		}
		return nil
	})
}

// awaited tells whether a residency was granted and not yet seen.
func awaited(r *placement.Residency) bool {
	return r.State == placement.StateReserved || r.State == placement.StateUnconfirmed
}

func (s *Store) directiveKind(ctx context.Context, key placement.HostKey, seq int64) (kind placement.DirectiveKind, residencyID string, err error) {
	const kindSQL = `SELECT kind, residency_id FROM directive WHERE nfvi_pop_id = $1 AND host_id = $2 AND seq = $3`
	err = s.pool.QueryRow(ctx, kindSQL, key.NFVIPoPID, key.HostID, seq).Scan(&kind, &residencyID)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", placement.Errorf(placement.NotFound, "host %q was given no directive %d", key.HostID, seq)
	}
	return kind, residencyID, translate(err)
}

func queueAck(b *pgx.Batch, key placement.HostKey, ack *placement.Ack, actor string) {
	const ackSQL = `
		UPDATE directive SET ack_outcome = $4, ack_detail = $5, acked_by = $6, acked_at = statement_timestamp()
		WHERE nfvi_pop_id = $1 AND host_id = $2 AND seq = $3 AND ack_outcome IS DISTINCT FROM 'APPLIED'`
	b.Queue(ackSQL, key.NFVIPoPID, key.HostID, ack.Seq, string(ack.Outcome), ack.Detail, actor)
}
