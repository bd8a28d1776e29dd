package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// QueueGrant keeps a request until it is decided, and returns its id: that of the same request where that waits already.
func (s *Store) QueueGrant(ctx context.Context, p placement.PendingGrant) (id string, err error) {
	const queueSQL = `
		INSERT INTO pending_grant AS p (id, client_id, vnf_lcm_op_occ_id, body_sha256, li, request, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (client_id, vnf_lcm_op_occ_id, body_sha256) WHERE decided_at IS NULL DO UPDATE SET li = excluded.li
		RETURNING p.id`
	request, err := json.Marshal(requestToDoc(&p.Request))
	if err != nil {
		return "", err
	}
	err = s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, queueSQL, p.ID, p.Key.ClientID, p.Key.VNFLcmOpOccID, p.Key.BodySHA256[:], p.LI, request, p.Body).Scan(&id)
	})
	return id, err
}

const pendingGrantColumns = `id, client_id, vnf_lcm_op_occ_id, body_sha256, li, request, decided_at IS NOT NULL, grant_id, decision_id, fault, body`

func scanPendingGrant(row pgx.Row) (p placement.PendingGrant, err error) {
	var body, request []byte
	err = row.Scan(&p.ID, &p.Key.ClientID, &p.Key.VNFLcmOpOccID, &body, &p.LI, &request, &p.Decided, &p.GrantID, &p.DecisionID, &p.Fault, &p.Body)
	if err != nil {
		return p, err
	}
	copy(p.Key.BodySHA256[:], body)
	var doc requestDoc
	if err := json.Unmarshal(request, &doc); err != nil {
		return p, err
	}
	p.Request, err = requestFromDoc(&doc)
	return p, err
}

// ClaimGrant takes the oldest request that waits and that nobody has claimed, for a lease; false: there is none. Whoever claims
// it and does not conclude it in time leaves it to others.
func (s *Store) ClaimGrant(ctx context.Context, lease time.Duration) (p placement.PendingGrant, found bool, err error) {
	const claimSQL = `
		UPDATE pending_grant SET claimed_until = statement_timestamp() + $1::interval
		WHERE id = (
			SELECT id FROM pending_grant
			WHERE decided_at IS NULL AND (claimed_until IS NULL OR claimed_until < statement_timestamp())
			ORDER BY queued_at LIMIT 1
			FOR UPDATE SKIP LOCKED)
		RETURNING ` + pendingGrantColumns
	err = s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		p, err = scanPendingGrant(tx.QueryRow(ctx, claimSQL, lease))
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return p, false, nil
	}
	return p, err == nil, err
}

// ConcludeGrant records what a request that waited was answered. Answers are kept for 30 days.
func (s *Store) ConcludeGrant(ctx context.Context, p placement.PendingGrant) error {
	const concludeSQL = `
		UPDATE pending_grant SET decided_at = statement_timestamp(), grant_id = $2, decision_id = $3, fault = $4
		WHERE id = $1 AND decided_at IS NULL`
	const forgetSQL = `DELETE FROM pending_grant WHERE decided_at < statement_timestamp() - interval '30 days'`
	return s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(concludeSQL, p.ID, p.GrantID, p.DecisionID, p.Fault)
		b.Queue(forgetSQL)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// PendingGrant returns a request that a client has queued. NotFound also for another client's.
func (s *Store) PendingGrant(ctx context.Context, clientID, id string) (placement.PendingGrant, error) {
	const getSQL = `SELECT ` + pendingGrantColumns + ` FROM pending_grant WHERE id = $1 AND client_id = $2`
	p, err := scanPendingGrant(s.pool.QueryRow(ctx, getSQL, id, clientID))
	if errors.Is(err, pgx.ErrNoRows) {
		return p, notFound("grant", id)
	}
	return p, translate(err)
}
