package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

const vnfmColumns = `
	id, api_root, client_id, credentials, state, reason, subscription_id, since, checked_at, due_at, failures, actor_id, revision`

type vnfmRow struct {
	ID             string     `db:"id"`
	APIRoot        string     `db:"api_root"`
	ClientID       string     `db:"client_id"`
	Credentials    string     `db:"credentials"`
	State          string     `db:"state"`
	Reason         string     `db:"reason"`
	SubscriptionID string     `db:"subscription_id"`
	Since          time.Time  `db:"since"`
	CheckedAt      *time.Time `db:"checked_at"`
	DueAt          time.Time  `db:"due_at"`
	Failures       int        `db:"failures"`
	ActorID        string     `db:"actor_id"`
	Revision       int64      `db:"revision"`
}

func vnfmFromRow(r *vnfmRow) (placement.VNFM, error) {
	v := placement.VNFM{
		ID: r.ID, APIRoot: r.APIRoot, ClientID: r.ClientID, Credentials: r.Credentials, State: placement.VNFMState(r.State), Reason: r.Reason,
		SubscriptionID: r.SubscriptionID, Since: r.Since.UTC(), NextCheckAt: r.DueAt.UTC(), Failures: r.Failures, ActorID: r.ActorID, Revision: r.Revision,
	}
	if r.CheckedAt != nil {
		v.CheckedAt = r.CheckedAt.UTC()
	}
	return v, nil
}

func vnfmAttributes() attributes {
	return attributes{
		"id": text("id"), "apiRoot": text("api_root"), "clientId": text("client_id"), "credentials": text("NULLIF(credentials, '')"), "state": enum("state"),
		"reason": text("NULLIF(reason, '')"), "subscriptionId": text("NULLIF(subscription_id, '')"), "since": dateTime("since"),
		"checkedAt": dateTime("checked_at"), "nextCheckAt": dateTime("due_at"), "actorId": text("actor_id"),
	}
}

// AddVNFM stores a VNFM, to be looked after at once, with its record in the audit trail. Conflict when another one has its id, API
// root or client.
func (s *Store) AddVNFM(ctx context.Context, v placement.VNFM) (added placement.VNFM, err error) {
	const addSQL = `
		INSERT INTO vnfm (id, api_root, client_id, credentials, actor_id)
		VALUES ($1, $2, $3, $4, $5)
		RETURNING ` + vnfmColumns
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		list, err := collect(ctx, tx, vnfmFromRow, addSQL, v.ID, v.APIRoot, v.ClientID, v.Credentials, v.ActorID)
		if err != nil {
			return err
		}
		added = list[0]
		var b pgx.Batch
		err = queueAudit(&b, noPoP, &placement.AuditRecord{ActorID: v.ActorID, Action: "SUBSCRIBE", ObjectID: v.ID, Detail: map[string]string{
			"apiRoot": v.APIRoot, "clientId": v.ClientID, "credentials": v.Credentials,
		}})
		if err != nil {
			return err
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	return added, err
}

// ListVNFMs returns a page of the VNFMs, ascending by id.
func (s *Store) ListVNFMs(ctx context.Context, page placement.Page) ([]placement.VNFM, error) {
	const listSQL = `
		SELECT ` + vnfmColumns + `
		FROM vnfm
		WHERE id > $1 AND {filter}
		ORDER BY id
		LIMIT $2`
	return listed(ctx, s, vnfmFromRow, vnfmAttributes(), page, listSQL, page.After, page.Limit)
}

// GetVNFM returns a VNFM. NotFound.
func (s *Store) GetVNFM(ctx context.Context, id string) (placement.VNFM, error) {
	const getSQL = `SELECT ` + vnfmColumns + ` FROM vnfm WHERE id = $1`
	list, err := collect(ctx, s.reads(ctx), vnfmFromRow, getSQL, id)
	switch {
	case err != nil:
		return placement.VNFM{}, translate(err)
	case len(list) == 0:
		return placement.VNFM{}, notFound("VNFM", id)
	}
	return list[0], nil
}

// UnsubscribeVNFM makes a VNFM UNSUBSCRIBING, to be told at once, with its record in the audit trail. One that is already stays as it
// is. NotFound.
func (s *Store) UnsubscribeVNFM(ctx context.Context, id, actor string) error {
	const findSQL = `SELECT state FROM vnfm WHERE id = $1 FOR UPDATE`
	const leaveSQL = `
		UPDATE vnfm SET state = 'UNSUBSCRIBING', reason = '', failures = 0, since = statement_timestamp(), due_at = statement_timestamp(),
			actor_id = $2, revision = revision + 1
		WHERE id = $1`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		var state string
		err := tx.QueryRow(ctx, findSQL, id).Scan(&state)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return notFound("VNFM", id)
		case err != nil || placement.VNFMState(state) == placement.VNFMUnsubscribing:
			return err
		}
		var b pgx.Batch
		b.Queue(leaveSQL, id, actor)
		if err := queueAudit(&b, noPoP, &placement.AuditRecord{ActorID: actor, Action: "UNSUBSCRIBE", ObjectID: id}); err != nil {
			return err
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

// ClaimVNFM takes a VNFM that is due and that no other replica looks after, for a lease; false: there is none.
func (s *Store) ClaimVNFM(ctx context.Context, lease time.Duration) (placement.VNFM, bool, error) {
	const claimSQL = `
		UPDATE vnfm SET claimed_until = statement_timestamp() + $1::interval
		WHERE id = (
			SELECT id FROM vnfm
			WHERE due_at <= statement_timestamp() AND (claimed_until IS NULL OR claimed_until < statement_timestamp())
			ORDER BY due_at LIMIT 1
			FOR UPDATE SKIP LOCKED)
		RETURNING ` + vnfmColumns
	var list []placement.VNFM
	err := s.inTx(ctx, readWrite, func(tx pgx.Tx) (err error) {
		list, err = collect(ctx, tx, vnfmFromRow, claimSQL, lease)
		return err
	})
	return firstOrZero(list), len(list) > 0, err
}

// RecordVNFM records how far the subscription is, ends the lease, and makes the VNFM due again after a while. One that was deleted
// while it was looked after keeps that state, and is due at once: what was made meanwhile is to be deleted.
func (s *Store) RecordVNFM(ctx context.Context, v placement.VNFM, after time.Duration) error {
	const recordSQL = `
		UPDATE vnfm SET
			subscription_id = $2, checked_at = statement_timestamp(), claimed_until = NULL,
			revision = revision + 1,
			since = CASE WHEN state = $3 OR state = 'UNSUBSCRIBING' THEN since ELSE statement_timestamp() END,
			due_at = CASE WHEN state = 'UNSUBSCRIBING' AND $3 <> 'UNSUBSCRIBING' THEN statement_timestamp() ELSE statement_timestamp() + $6::interval END,
			reason = CASE WHEN state = 'UNSUBSCRIBING' AND $3 <> 'UNSUBSCRIBING' THEN '' ELSE $4 END,
			failures = CASE WHEN state = 'UNSUBSCRIBING' AND $3 <> 'UNSUBSCRIBING' THEN 0 ELSE $5 END,
			state = CASE WHEN state = 'UNSUBSCRIBING' THEN state ELSE $3 END
		WHERE id = $1`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, recordSQL, v.ID, v.SubscriptionID, string(v.State), v.Reason, v.Failures, after)
		return err
	})
}

// ForgetVNFM deletes a VNFM that is UNSUBSCRIBING.
func (s *Store) ForgetVNFM(ctx context.Context, id string) error {
	const forgetSQL = `DELETE FROM vnfm WHERE id = $1 AND state = 'UNSUBSCRIBING'`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, forgetSQL, id)
		return err
	})
}

// ExpiringOperations are the operations of a client with reservations that expire within a time, the first to expire first. Of an
// operation that has another grant by now, nobody has to be asked about the earlier one.
func (s *Store) ExpiringOperations(ctx context.Context, clientID string, within time.Duration, n int) ([]placement.GrantedOperation, error) {
	const expiringSQL = `
		SELECT g.id, g.client_id, g.vnf_instance_id, g.vnf_lcm_op_occ_id
		FROM (SELECT grant_id, min(expires_at) AS expires_at
		      FROM residency
		      WHERE state = 'RESERVED' AND expires_at < statement_timestamp() + $2::interval AND grant_id IS NOT NULL
		      GROUP BY grant_id) AS r
		JOIN vnf_grant g ON g.id = r.grant_id AND g.client_id = $1
		JOIN idempotency i ON i.client_id = g.client_id AND i.vnf_lcm_op_occ_id = g.vnf_lcm_op_occ_id AND i.grant_id = g.id
		ORDER BY r.expires_at, g.id
		LIMIT $3`
	rows, err := s.pool.Query(ctx, expiringSQL, clientID, within, n)
	if err != nil {
		return nil, translate(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[placement.GrantedOperation])
	return list, translate(err)
}
