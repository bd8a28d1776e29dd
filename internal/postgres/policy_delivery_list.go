package postgres

import (
	"context"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

type deliveryRecordRow struct {
	ID             string     `db:"id"`
	State          string     `db:"state"`
	EventID        string     `db:"event_id"`
	At             time.Time  `db:"at"`
	Body           []byte     `db:"body"`
	Attempts       int        `db:"attempts"`
	LastError      string     `db:"last_error"`
	DueAt          time.Time  `db:"due_at"`
	SettledAt      *time.Time `db:"settled_at"`
	SubscriptionID string     `db:"subscription_id"`
	ClientID       string     `db:"client_id"`
	CallbackURI    string     `db:"callback_uri"`
	SuspendedAt    *time.Time `db:"suspended_at"`
}

func deliveryRecordFromRow(r *deliveryRecordRow) (d placement.DeliveryRecord, err error) {
	d = placement.DeliveryRecord{
		ID: r.ID, State: placement.DeliveryState(r.State), Attempts: r.Attempts, LastError: r.LastError,
		SubscriptionID: r.SubscriptionID, ClientID: r.ClientID, CallbackURI: r.CallbackURI,
	}
	if d.State == placement.DeliveryPending {
		d.DueAt = r.DueAt.UTC()
	}
	if r.SettledAt != nil {
		d.SettledAt = r.SettledAt.UTC()
	}
	if r.SuspendedAt != nil {
		d.SuspendedAt = r.SuspendedAt.UTC()
	}
	d.Event, err = policyEventFromDoc(r.EventID, r.At, r.Body)
	return d, err
}

// ListDeliveries returns a page of the deliveries of notifications, newest first.
func (s *Store) ListDeliveries(ctx context.Context, page placement.Page) ([]placement.DeliveryRecord, error) {
	const listSQL = `
		SELECT d.event_id || '.' || d.subscription_id AS id, d.state, d.event_id, e.at, e.body, d.attempts, d.last_error, d.due_at, d.settled_at,
		       d.subscription_id, s.client_id, s.callback_uri, s.suspended_at
		FROM policy_delivery d
		JOIN policy_event e ON e.id = d.event_id
		JOIN policy_subscription s ON s.id = d.subscription_id
		WHERE ($1 = '' OR (d.event_id, d.subscription_id) < (split_part($1, '.', 1), split_part($1, '.', 2)))
		  AND {filter}
		ORDER BY d.event_id DESC, d.subscription_id DESC
		LIMIT $2`
	return listed(ctx, s, deliveryRecordFromRow, deliveryAttributes(), page, listSQL, page.After, page.Limit)
}

func deliveryAttributes() attributes {
	return attributes{
		"id": text("d.event_id || '.' || d.subscription_id"), "state": enum("d.state"), "notificationId": text("d.event_id"),
		"notificationType": enum("e.body ->> 'type'"), "changeType": enum("e.body ->> 'operation'"),
		"policyIds": {kind: sol013.String, sql: "json_array_elements_text(e.body -> 'policyIds')", each: true},
		"timeStamp": dateTime("e.at"), "subscriptionId": text("d.subscription_id"), "clientId": text("s.client_id"), "callbackUri": text("s.callback_uri"),
		"attempts": number("d.attempts"), "lastError": text("d.last_error"), "nextAttemptAt": dateTime("CASE WHEN d.state = 'PENDING' THEN d.due_at END"),
		"settledAt": dateTime("d.settled_at"), "subscriptionSuspendedAt": dateTime("s.suspended_at"),
	}
}
