package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type policyDeliveryRow struct {
	policySubscriptionRow

	EventID  string    `db:"event_id"`
	At       time.Time `db:"at"`
	Body     []byte    `db:"body"`
	Attempts int       `db:"attempts"`

	FailingSince *time.Time `db:"failing_since"`
}

func (s *Store) policyDeliveryFromRow(r *policyDeliveryRow) (d placement.Delivery, err error) {
	d.Attempts = r.Attempts
	if r.FailingSince != nil {
		d.FailingSince = r.FailingSince.UTC()
	}
	if d.Subscription, err = policySubscriptionFromRow(&r.policySubscriptionRow); err != nil {
		return d, err
	}
	s.openSubscription(&d.Subscription, &r.policySubscriptionRow)
	d.Event, err = policyEventFromDoc(r.EventID, r.At, r.Body)
	return d, err
}

func policyEventFromDoc(id string, at time.Time, body []byte) (e placement.PolicyEvent, err error) {
	var doc policyEventDoc
	if err := json.Unmarshal(body, &doc); err != nil {
		return e, err
	}
	e = placement.PolicyEvent{
		ID: id, Type: placement.NotificationType(doc.Type), At: at.UTC(), Operation: placement.PolicyOperation(doc.Operation),
		PolicyIDs: doc.PolicyIDs, Versions: doc.Versions, PreviousSelectedVersion: doc.PreviousSelectedVersion, Description: doc.Description,
	}
	if m := doc.Modification; m != nil {
		e.Modification = &placement.PolicyModification{
			SelectedVersion: m.SelectedVersion, Activated: m.Activated, AddAssociations: m.AddAssociations, RemoveAssociations: m.RemoveAssociations,
		}
	}
	return e, nil
}

// LeaseDeliveries takes up to n deliveries that are due, the oldest first, and makes them due again after the lease, should nobody
// settle them. Two replicas never hold the same one at the same time.
func (s *Store) LeaseDeliveries(ctx context.Context, n int, lease time.Duration) (due []placement.Delivery, err error) {
	const leaseSQL = `
		WITH taken AS (
			UPDATE policy_delivery d SET due_at = statement_timestamp() + $2::interval
			FROM (SELECT subscription_id, event_id
			      FROM policy_delivery
			      WHERE state = 'PENDING' AND due_at <= statement_timestamp()
			      ORDER BY due_at, subscription_id, event_id
			      LIMIT $1
			      FOR UPDATE SKIP LOCKED) o
			WHERE d.subscription_id = o.subscription_id AND d.event_id = o.event_id
			RETURNING d.subscription_id, d.event_id, d.attempts
		)
		SELECT ` + policySubscriptionColumns + `, t.event_id, e.at, e.body, t.attempts, s.failing_since
		FROM taken t
		JOIN policy_subscription s ON s.id = t.subscription_id
		JOIN policy_event e ON e.id = t.event_id
		ORDER BY e.at, e.id, s.id`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		due, err = collect(ctx, tx, s.policyDeliveryFromRow, leaseSQL, n, lease)
		return err
	})
	return due, err
}

// SettleDelivery ends a delivery: it was made, or, where why says what went wrong, it is given up. One that was made shows that
// its subscription works.
func (s *Store) SettleDelivery(ctx context.Context, d placement.Delivery, why string) error {
	const settleSQL = `
		UPDATE policy_delivery SET
			state = CASE WHEN $3 = '' THEN 'DELIVERED' ELSE 'DEAD' END, attempts = attempts + 1, last_error = $3, settled_at = statement_timestamp()
		WHERE subscription_id = $1 AND event_id = $2 AND state = 'PENDING'`
	const worksSQL = `UPDATE policy_subscription SET failing_since = NULL, suspended_at = NULL WHERE id = $1 AND $2 = '' AND failing_since IS NOT NULL`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(worksSQL, d.Subscription.ID, why)
		b.Queue(settleSQL, d.Subscription.ID, d.Event.ID, why)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// PutOffDelivery makes a delivery due again after a while. When it was tried, its subscription fails from then on, until a
// delivery is made.
func (s *Store) PutOffDelivery(ctx context.Context, d placement.Delivery, after time.Duration, why string, tried bool) error {
	const failsSQL = `UPDATE policy_subscription SET failing_since = statement_timestamp() WHERE id = $1 AND $2 AND failing_since IS NULL`
	const putOffSQL = `
		UPDATE policy_delivery SET attempts = attempts + $5::bool::int, last_error = $3, due_at = statement_timestamp() + $4::interval
		WHERE subscription_id = $1 AND event_id = $2 AND state = 'PENDING'`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(failsSQL, d.Subscription.ID, tried)
		b.Queue(putOffSQL, d.Subscription.ID, d.Event.ID, why, after, tried)
		return tx.SendBatch(ctx, &b).Close()
	})
}

// SuspendSubscription gives up a subscription that has failed for as long as patience, with all that is on its way to it. One that
// works again meanwhile is left alone; then suspended is false.
func (s *Store) SuspendSubscription(ctx context.Context, id string, patience time.Duration, why string) (suspended bool, err error) {
	const suspendSQL = `
		UPDATE policy_subscription SET suspended_at = coalesce(suspended_at, statement_timestamp())
		WHERE id = $1 AND failing_since <= statement_timestamp() - $2::interval`
	const giveUpSQL = `
		UPDATE policy_delivery SET state = 'DEAD', last_error = $2, settled_at = statement_timestamp()
		WHERE subscription_id = $1 AND state = 'PENDING'`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, suspendSQL, id, patience)
		if suspended = tag.RowsAffected() > 0; err != nil || !suspended {
			return err
		}
		_, err = tx.Exec(ctx, giveUpSQL, id, why)
		return err
	})
	return suspended, err
}

// ForgetDeliveries deletes up to n deliveries that were made before one time or given up before another, and up to n events that
// nobody is to be told of any more. It returns how many rows that were.
func (s *Store) ForgetDeliveries(ctx context.Context, n int, delivered, dead time.Duration) (forgotten int, err error) {
	const deliveriesSQL = `
		DELETE FROM policy_delivery d
		USING (SELECT subscription_id, event_id
		       FROM policy_delivery
		       WHERE state <> 'PENDING' AND settled_at < statement_timestamp() - CASE state WHEN 'DEAD' THEN $3::interval ELSE $2::interval END
		       ORDER BY settled_at
		       LIMIT $1
		       FOR UPDATE SKIP LOCKED) o
		WHERE d.subscription_id = o.subscription_id AND d.event_id = o.event_id`
	const eventsSQL = `
		DELETE FROM policy_event
		WHERE id IN (SELECT e.id
		             FROM policy_event e
		             WHERE e.at < statement_timestamp() - $2::interval AND NOT EXISTS (SELECT FROM policy_delivery d WHERE d.event_id = e.id)
		             ORDER BY e.at
		             LIMIT $1)`
	const turnSQL = `SELECT pg_try_advisory_xact_lock(hashtextextended('ForgetDeliveries', 0))`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		var turn bool
		if err := tx.QueryRow(ctx, turnSQL).Scan(&turn); err != nil || !turn { // another replica is at it
			return err
		}
		deliveries, err := tx.Exec(ctx, deliveriesSQL, n, delivered, dead)
		if err != nil {
			return err
		}
		events, err := tx.Exec(ctx, eventsSQL, n, delivered)
		forgotten = int(deliveries.RowsAffected() + events.RowsAffected())
		return err
	})
	return forgotten, err
}

// CountDeliveries counts what is on its way, what was given up, and the subscriptions that are suspended.
func (s *Store) CountDeliveries(ctx context.Context) (c placement.DeliveryCounts, err error) {
	const countSQL = `
		SELECT (SELECT count(*) FROM policy_delivery WHERE state = 'PENDING'),
		       (SELECT count(*) FROM policy_delivery WHERE state <> 'PENDING' AND state = 'DEAD'),
		       (SELECT count(*) FROM policy_subscription WHERE suspended_at IS NOT NULL)`
	err = s.pool.QueryRow(ctx, countSQL).Scan(&c.Pending, &c.Dead, &c.Suspended)
	return c, translate(err)
}
