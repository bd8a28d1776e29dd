package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// RecordAck records what became of a directive on its host, once. A PLACE that was applied confirms its reservation, a
// RELEASE that was applied ends its residency. Kinds of errors: NotFound for an unknown host, Invalid for a number that the
// host was never given, Conflict with an earlier acknowledgement other than FAILED and RECORDED, Unavailable.
func (s *Store) RecordAck(ctx context.Context, ack placement.Ack, actor string, end placement.EndRules) error {
	key, err := hostKey(ctx, s.pool, ack.HostID)
	if err != nil {
		return err
	}
	d, err := readAcked(ctx, s.pool, key, ack.Seq)
	if err != nil {
		return translate(err)
	}
	if known, err := d.knows(&ack); err != nil || known {
		return err
	}
	return s.workOnHost(ctx, key, func(w *hostWork) error {
		d, err := readAcked(ctx, w.tx, key, ack.Seq)
		if err != nil {
			return err
		}
		if known, err := d.knows(&ack); err != nil || known {
			return err
		}
		queueAck(&w.batch, key, &ack, actor)
		queueFollower(&w.batch, key, d.kind)
		if ack.Outcome == placement.AckApplied {
			w.applied(d, end)
		}
		return nil
	})
}

// applied lets what was decided follow a directive that its host has carried out.
func (w *hostWork) applied(d ackedDirective, end placement.EndRules) {
	r := w.resident(d.residencyID)
	switch {
	case r == nil: // no workload is concerned, or it has ended
	case d.kind == placement.DirectivePlace && awaited(r):
		w.enter(r, placement.StateRunning)
	case d.kind == placement.DirectiveRelease && r.State == placement.StateTerminating:
		w.end(r, end)
	}
}

// awaited tells whether a residency was granted and not yet seen.
func awaited(r *placement.Residency) bool {
	return r.State == placement.StateReserved || r.State == placement.StateUnconfirmed
}

// ackedDirective is a directive as far as its acknowledgement is concerned.
type ackedDirective struct {
	kind        placement.DirectiveKind
	residencyID string
	outcome     *placement.AckOutcome // nil: not acknowledged yet
}

func readAcked(ctx context.Context, q queryer, key placement.HostKey, seq int64) (d ackedDirective, err error) {
	const ackedSQL = `SELECT kind, residency_id, ack_outcome FROM directive WHERE nfvi_pop_id = $1 AND host_id = $2 AND seq = $3`
	err = q.QueryRow(ctx, ackedSQL, key.NFVIPoPID, key.HostID, seq).Scan(&d.kind, &d.residencyID, &d.outcome)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, placement.Errorf(placement.Invalid, "host %q was never given a directive %d", key.HostID, seq)
	}
	return d, err
}

// knows tells whether an acknowledgement repeats the recorded one. Another one may only follow FAILED and RECORDED.
func (d *ackedDirective) knows(ack *placement.Ack) (bool, error) {
	switch {
	case d.outcome == nil:
		return false, nil
	case *d.outcome == ack.Outcome:
		return true, nil
	case *d.outcome == placement.AckFailed, *d.outcome == placement.AckRecorded:
		return false, nil
	}
	return false, placement.Errorf(placement.Conflict, "directive %d of host %q was acknowledged as %s: it cannot become %s", ack.Seq, ack.HostID, *d.outcome, ack.Outcome)
}

func queueAck(b *pgx.Batch, key placement.HostKey, ack *placement.Ack, actor string) {
	const ackSQL = `
		UPDATE directive SET ack_outcome = $4, ack_detail = $5, acked_by = $6, acked_at = statement_timestamp()
		WHERE nfvi_pop_id = $1 AND host_id = $2 AND seq = $3`
	b.Queue(ackSQL, key.NFVIPoPID, key.HostID, ack.Seq, string(ack.Outcome), ack.Detail, actor)
}
