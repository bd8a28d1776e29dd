package postgres

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ringfence/internal/placement"
)

// idempotencyRow is the answer to the requests of one VNF LCM operation occurrence.
type idempotencyRow struct {
	ClientID      string  `db:"client_id"`
	VNFLcmOpOccID string  `db:"vnf_lcm_op_occ_id"`
	BodySHA256    []byte  `db:"body_sha256"`
	Outcome       string  `db:"outcome"`
	NFVIPoPID     string  `db:"nfvi_pop_id"`
	DecisionID    string  `db:"decision_id"`
	GrantPoPID    *string `db:"grant_pop_id"`
	GrantID       *string `db:"grant_id"`
	PolicyEpoch   int64   `db:"policy_epoch"`
	ChangeSeq     string  `db:"change_seq"`
	GrantedBody   []byte  `db:"granted_body_sha256"` // of the request that got the grant; nil: none did
	ObservedID    *string `db:"observed_grant_id"`   // the empty grant that a refusal was answered with; nil: it was refused
}

const idempotencyColumns = `
	client_id, vnf_lcm_op_occ_id, body_sha256, outcome, nfvi_pop_id, decision_id, grant_pop_id, grant_id, policy_epoch, change_seq,
	granted_body_sha256, observed_grant_id`

func (r idempotencyRow) args() []any {
	return []any{
		r.ClientID, r.VNFLcmOpOccID, r.BodySHA256, r.Outcome, r.NFVIPoPID, r.DecisionID, r.GrantPoPID, r.GrantID, r.PolicyEpoch, r.ChangeSeq,
		r.GrantedBody, r.ObservedID,
	}
}

func (r *idempotencyRow) sameBody(key placement.IdempotencyKey) bool {
	return bytes.Equal(r.BodySHA256, key.BodySHA256[:])
}

// granted tells whether the grant that the row names was given to a request with the key's body. A request with another body may
// have been refused since.
func (r *idempotencyRow) granted(key placement.IdempotencyKey) bool {
	return r.GrantID != nil && bytes.Equal(r.GrantedBody, key.BodySHA256[:])
}

const (
	// insertIdempotencySQL names no conflict target, so that no further unique index could turn a race into an error.
	insertIdempotencySQL = `
		INSERT INTO idempotency (` + idempotencyColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT DO NOTHING`
	lockIdempotencySQL = `
		SELECT ` + idempotencyColumns + `
		FROM idempotency
		WHERE client_id = $1 AND vnf_lcm_op_occ_id = $2
		FOR UPDATE`
	// updateIdempotencySQL replaces the answer. A refusal, which has no grant, leaves that of the earlier answer.
	updateIdempotencySQL = `
		UPDATE idempotency SET body_sha256 = $3, outcome = $4, nfvi_pop_id = $5, decision_id = $6,
			grant_pop_id = coalesce($7, grant_pop_id), grant_id = coalesce($8, grant_id),
			policy_epoch = $9, change_seq = $10, granted_body_sha256 = coalesce($11, granted_body_sha256), observed_grant_id = $12, answered_at = statement_timestamp()
		WHERE client_id = $1 AND vnf_lcm_op_occ_id = $2`
)

// FindAnswer looks for the answer to an earlier request with the key's client and operation occurrence. What it found
// is durable when it returns, and survives a failover: it waits for that as a commit does. In the same round trip it looks for
// what is known of the VNF instance that the request is about.
func (s *Store) FindAnswer(ctx context.Context, key placement.IdempotencyKey, vnfInstanceID string) (placement.Answer, placement.VNFInstanceParams, error) {
	const findSQL = `
		SELECT ` + idempotencyColumns + `
		FROM idempotency
		WHERE client_id = $1 AND vnf_lcm_op_occ_id = $2`
	var found []idempotencyRow
	var of []placement.VNFInstanceParams
	var b pgx.Batch
	queueCollect(&b, &found, func(r *idempotencyRow) (idempotencyRow, error) { return *r, nil }, findSQL, key.ClientID, key.VNFLcmOpOccID)
	queueCollect(&b, &of, vnfInstanceFromRow, vnfInstanceSQL, vnfInstanceID)
	if err := s.pool.SendBatch(ctx, &b).Close(); err != nil {
		return placement.Answer{}, placement.VNFInstanceParams{}, translate(err)
	}
	known := firstOrZero(of)
	if len(found) == 0 {
		return placement.Answer{}, known, nil
	}
	answer, err := s.answer(ctx, key, &found[0])
	if err != nil {
		return placement.Answer{}, known, translate(err)
	}
	return answer, known, s.barrier(ctx)
}

func (s *Store) answer(ctx context.Context, key placement.IdempotencyKey, r *idempotencyRow) (placement.Answer, error) {
	position, err := placement.ParseFeedPosition(r.ChangeSeq)
	if err != nil {
		return placement.Answer{}, err
	}
	standing, unconfirmed, err := standingOf(ctx, s.pool, r)
	if err != nil {
		return placement.Answer{}, err
	}
	a := placement.Answer{
		Found: true, SameBody: r.sameBody(key), Outcome: placement.Outcome(r.Outcome), GrantID: nullToEmpty(r.GrantID), DecisionID: r.DecisionID,
		Stands: standing, Position: position, Unconfirmed: unconfirmed, ObservedID: nullToEmpty(r.ObservedID),
	}
	if standing && r.granted(key) {
		a.SameBody, a.Outcome = true, placement.OutcomeGrant
	}
	if a.Outcome == placement.OutcomeRefuse {
		a.Stands, err = s.refusalStands(ctx, &a, r)
	}
	return a, err
}

// refusalStands tells whether a refusal is answered again as it was: a client that is observed gets its empty grant again until it
// is enforced, one that is refused is refused again until something that decides has changed. Who was answered in the other mode
// is decided anew.
func (s *Store) refusalStands(ctx context.Context, a *placement.Answer, r *idempotencyRow) (bool, error) {
	mode, err := readMode(ctx, s.pool, placement.ModeKey{Subject: placement.SubjectClient, ID: r.ClientID})
	switch {
	case err != nil || (mode == placement.ModeObserve) != (a.ObservedID != ""):
		return false, err
	case mode == placement.ModeObserve:
		return true, nil
	}
	return s.unchangedSince(ctx, a.Position, r.PolicyEpoch)
}

// standingOf tells of the grant that an answer names whether any of its residencies stands, in whatever state, and which of
// them are not confirmed. While one stands the request is answered with this grant: a new one would be for all of them, beside
// those that run.
func standingOf(ctx context.Context, q queryer, r *idempotencyRow) (standing bool, unconfirmed []string, err error) {
	const standingSQL = `
		SELECT cardinality(g.residency_ids) = 0 OR EXISTS (SELECT FROM residency r WHERE r.id = ANY(g.residency_ids)),
		       ARRAY(SELECT r.id FROM residency r
		             WHERE r.id = ANY(g.residency_ids) AND r.state IN ('RESERVED', 'UNCONFIRMED') ORDER BY r.id)
		FROM vnf_grant g
		WHERE g.nfvi_pop_id = $1 AND g.id = $2`
	if r.GrantID == nil {
		return false, nil, nil
	}
	err = q.QueryRow(ctx, standingSQL, r.GrantPoPID, r.GrantID).Scan(&standing, &unconfirmed)
	return standing, nilIfEmpty(unconfirmed), err
}

// unchangedSince tells whether nothing that decides has changed since a position.
func (s *Store) unchangedSince(ctx context.Context, position placement.FeedPosition, epoch int64) (bool, error) {
	head, pending, err := feedHead(ctx, s.pool)
	if err != nil {
		return false, err
	}
	now, err := s.Epoch(ctx)
	return !pending && head.Compare(position) <= 0 && now == epoch, err
}

// barrierTx writes to the log but changes nothing that a reader of the feed would want to hear of.
var barrierTx = pgx.TxOptions{IsoLevel: pgx.ReadCommitted}

// barrier returns when everything that was visible before is durable. It writes to the log itself, because a reader's
// transaction would not wait for the synchronous standby: what it saw may be committed here and nowhere else.
func (s *Store) barrier(ctx context.Context) error {
	const barrierSQL = `SELECT pg_logical_emit_message(true, 'ringfence', 'barrier')`
	return s.inTx(ctx, barrierTx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, barrierSQL)
		return err
	})
}

// RecordRefusal stores a refusal as the answer to a request. The caller has decided on a view that includes everything
// that was committed when it was asked; changes since then may have made room, but the refusal was right in between.
// Nothing is recorded when the policy epoch moved, or when the request was answered with a grant meanwhile, which FindAnswer tells.
//
// A client that is observed is answered with an empty grant of the id: the mode is read under the lock of the epoch, which whoever
// changes a mode holds exclusively.
func (s *Store) RecordRefusal(ctx context.Context, key placement.IdempotencyKey, d placement.Decision, grantID string) (rec placement.RefusalRecord, err error) {
	err = s.inTx(ctx, grantTx, func(tx pgx.Tx) (err error) {
		rec, err = recordRefusal(ctx, tx, key, d, grantID)
		return err
	})
	switch {
	case errors.Is(err, errNotCommitted):
		return placement.RefusalRecord{}, nil
	case err != nil:
		return placement.RefusalRecord{}, err
	}
	return rec, nil
}

func recordRefusal(ctx context.Context, tx pgx.Tx, key placement.IdempotencyKey, d placement.Decision, grantID string) (placement.RefusalRecord, error) {
	row := idempotencyRow{
		ClientID: key.ClientID, VNFLcmOpOccID: key.VNFLcmOpOccID, BodySHA256: key.BodySHA256[:], Outcome: string(placement.OutcomeRefuse),
		NFVIPoPID: noPoP, DecisionID: d.ID, PolicyEpoch: d.Inputs.PolicyEpoch, ChangeSeq: d.Inputs.Position.String(),
	}
	claim, err := claimKey(ctx, tx, &row)
	if err != nil {
		return placement.RefusalRecord{}, err
	}
	if claim.epoch != d.Inputs.PolicyEpoch {
		return placement.RefusalRecord{}, errNotCommitted
	}
	observed := claim.mode == placement.ModeObserve
	if !claim.inserted {
		standing, _, err := standingOf(ctx, tx, claim.earlier)
		if err != nil {
			return placement.RefusalRecord{}, err
		}
		if standing && claim.earlier.granted(key) || observed && claim.earlier.ObservedID != nil && claim.earlier.sameBody(key) {
			return placement.RefusalRecord{}, errNotCommitted
		}
	}
	rec := placement.RefusalRecord{Recorded: true}
	if observed {
		d.Enforcement, d.NFVIPoPID, row.ObservedID = placement.ModeObserve, noPoP, &grantID
		rec.Observed = &placement.Grant{
			ID: grantID, DecisionID: d.ID, ClientID: key.ClientID, Request: d.Inputs.Request, Epoch: claim.epoch, GrantedAt: claim.now, Refusal: &d,
		}
	}
	var b pgx.Batch
	if observed || !claim.inserted {
		b.Queue(updateIdempotencySQL, row.args()...)
	}
	if err := queueDecided(&b, &d); err != nil {
		return placement.RefusalRecord{}, err
	}
	if observed {
		if err := queueGrant(&b, noPoP, rec.Observed, &placement.Plan{}, d.Relayed); err != nil {
			return placement.RefusalRecord{}, err
		}
	}
	return rec, tx.SendBatch(ctx, &b).Close()
}

// claimedKey is the row of a request under lock, and what holds while its transaction runs.
type claimedKey struct {
	inserted bool
	earlier  *idempotencyRow
	epoch    int64
	mode     placement.Mode // of the client
	now      time.Time
}

// claimKey holds the epoch and reads it, as a commit does before it claims its key; then it makes the row of a request, or
// locks the one that is there.
func claimKey(ctx context.Context, tx pgx.Tx, row *idempotencyRow) (c claimedKey, err error) {
	var b pgx.Batch
	queueEpoch(&b, &c.epoch)
	queueMode(&b, placement.ModeKey{Subject: placement.SubjectClient, ID: row.ClientID}, &c.mode, &c.now)
	b.Queue(insertIdempotencySQL, row.args()...).Exec(func(tag pgconn.CommandTag) error {
		c.inserted = tag.RowsAffected() == 1
		return nil
	})
	b.Queue(lockIdempotencySQL, row.ClientID, row.VNFLcmOpOccID).Query(func(rows pgx.Rows) (err error) {
		c.earlier, err = pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[idempotencyRow])
		return err
	})
	err = tx.SendBatch(ctx, &b).Close()
	return c, err
}
