package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// policyEventDoc is the stored form of an event.
type policyEventDoc struct {
	Type                    string                 `json:"type"`
	Operation               string                 `json:"operation,omitempty"`
	PolicyIDs               []string               `json:"policyIds"`
	Versions                []string               `json:"versions,omitempty"`
	PreviousSelectedVersion string                 `json:"previousSelectedVersion,omitempty"`
	Modification            *policyModificationDoc `json:"modification,omitempty"`
	Description             string                 `json:"description,omitempty"`
}

type policyModificationDoc struct {
	SelectedVersion    string   `json:"selectedVersion,omitempty"`
	Activated          *bool    `json:"activated,omitempty"`
	AddAssociations    []string `json:"addAssociations,omitempty"`
	RemoveAssociations []string `json:"removeAssociations,omitempty"`
}

// tell writes an event and its deliveries to all who subscribed to such, in the transaction of what it tells of.
func tell(ctx context.Context, tx pgx.Tx, e placement.PolicyEvent) error {
	const eventSQL = `INSERT INTO policy_event (id, body) VALUES ($1, $2)`
	const deliverSQL = `
		INSERT INTO policy_delivery (subscription_id, event_id)
		SELECT s.id, $1
		FROM policy_subscription s
		WHERE (s.notification_types IS NULL OR $2 = ANY(s.notification_types))
		  AND (s.policy_ids IS NULL OR s.policy_ids && $3)
		  AND (s.change_types IS NULL OR $4 = '' OR $4 = ANY(s.change_types))
		ORDER BY s.id`
	doc := policyEventDoc{
		Type: string(e.Type), Operation: string(e.Operation), PolicyIDs: e.PolicyIDs, Versions: e.Versions,
		PreviousSelectedVersion: e.PreviousSelectedVersion, Description: e.Description,
	}
	if m := e.Modification; m != nil {
		doc.Modification = &policyModificationDoc{
			SelectedVersion: m.SelectedVersion, Activated: m.Activated, AddAssociations: m.AddAssociations, RemoveAssociations: m.RemoveAssociations,
		}
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	id := uuid.NewString()
	var b pgx.Batch
	b.Queue(eventSQL, id, body)
	b.Queue(deliverSQL, id, string(e.Type), e.PolicyIDs, string(e.Operation))
	return tx.SendBatch(ctx, &b).Close()
}

// changed is the event of a change of one policy.
func changed(op placement.PolicyOperation, policyID, version string) placement.PolicyEvent {
	e := placement.PolicyEvent{Type: placement.NotifyPolicyChange, Operation: op, PolicyIDs: []string{policyID}}
	if version != "" {
		e.Versions = []string{version}
	}
	return e
}

// modified is the event of a modification. The version affected is the one that is selected now.
func modified(before, after *placement.PolicyRecord) placement.PolicyEvent {
	e := changed(placement.PolicyModified, after.ID, after.SelectedVersion)
	e.Modification = &placement.PolicyModification{}
	if before.SelectedVersion != after.SelectedVersion {
		e.PreviousSelectedVersion, e.Modification.SelectedVersion = before.SelectedVersion, after.SelectedVersion
	}
	if before.Activated != after.Activated {
		e.Modification.Activated = &after.Activated
	}
	e.Modification.AddAssociations, e.Modification.RemoveAssociations = beyond(after.Associations, before.Associations), beyond(before.Associations, after.Associations)
	return e
}

// beyond lists what is in a and not in b.
func beyond(a, b []string) []string {
	return nilIfEmpty(slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) }))
}

type policyDeliveryRow struct {
	policySubscriptionRow

	EventID  string    `db:"event_id"`
	At       time.Time `db:"at"`
	Body     []byte    `db:"body"`
	Attempts int       `db:"attempts"`
}

func policyDeliveryFromRow(r *policyDeliveryRow) (d placement.Delivery, err error) {
	d.Attempts = r.Attempts
	if d.Subscription, err = policySubscriptionFromRow(&r.policySubscriptionRow); err != nil {
		return d, err
	}
	var doc policyEventDoc
	if err := json.Unmarshal(r.Body, &doc); err != nil {
		return d, err
	}
	d.Event = placement.PolicyEvent{
		ID: r.EventID, Type: placement.NotificationType(doc.Type), At: r.At.UTC(), Operation: placement.PolicyOperation(doc.Operation),
		PolicyIDs: doc.PolicyIDs, Versions: doc.Versions, PreviousSelectedVersion: doc.PreviousSelectedVersion, Description: doc.Description,
	}
	if m := doc.Modification; m != nil {
		d.Event.Modification = &placement.PolicyModification{
			SelectedVersion: m.SelectedVersion, Activated: m.Activated, AddAssociations: m.AddAssociations, RemoveAssociations: m.RemoveAssociations,
		}
	}
	return d, nil
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
		SELECT ` + policySubscriptionColumns + `, t.event_id, e.at, e.body, t.attempts
		FROM taken t
		JOIN policy_subscription s ON s.id = t.subscription_id
		JOIN policy_event e ON e.id = t.event_id
		ORDER BY e.at, e.id, s.id`
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		due, err = collect(ctx, tx, policyDeliveryFromRow, leaseSQL, n, lease)
		return err
	})
	return due, err
}

// SettleDelivery ends a delivery: it was made, or, where why says what went wrong, it is given up.
func (s *Store) SettleDelivery(ctx context.Context, d placement.Delivery, why string) error {
	const settleSQL = `
		UPDATE policy_delivery SET
			state = CASE WHEN $3 = '' THEN 'DELIVERED' ELSE 'DEAD' END, attempts = attempts + 1, last_error = $3, settled_at = statement_timestamp()
		WHERE subscription_id = $1 AND event_id = $2 AND state = 'PENDING'`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, settleSQL, d.Subscription.ID, d.Event.ID, why)
		return err
	})
}

// PutOffDelivery makes a delivery due again after a while.
func (s *Store) PutOffDelivery(ctx context.Context, d placement.Delivery, after time.Duration, why string) error {
	const putOffSQL = `
		UPDATE policy_delivery SET attempts = attempts + 1, last_error = $3, due_at = statement_timestamp() + $4::interval
		WHERE subscription_id = $1 AND event_id = $2 AND state = 'PENDING'`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, putOffSQL, d.Subscription.ID, d.Event.ID, why, after)
		return err
	})
}
