package postgres

import (
	"context"
	"time"

	"ringfence/internal/placement"
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

// ListDeliveries returns a page of the deliveries of notifications, newest first, of one state where that is not empty.
func (s *Store) ListDeliveries(ctx context.Context, state placement.DeliveryState, page placement.Page) ([]placement.DeliveryRecord, error) {
	const listSQL = `
		SELECT d.event_id || '.' || d.subscription_id AS id, d.state, d.event_id, e.at, e.body, d.attempts, d.last_error, d.due_at, d.settled_at,
		       d.subscription_id, s.client_id, s.callback_uri, s.suspended_at
		FROM policy_delivery d
		JOIN policy_event e ON e.id = d.event_id
		JOIN policy_subscription s ON s.id = d.subscription_id
		WHERE ($1 = '' OR d.state = $1)
		  AND ($2 = '' OR (d.event_id, d.subscription_id) < (split_part($2, '.', 1), split_part($2, '.', 2)))
		ORDER BY d.event_id DESC, d.subscription_id DESC
		LIMIT $3`
	list, err := collect(ctx, s.reads(ctx), deliveryRecordFromRow, listSQL, string(state), page.After, page.Limit)
	return list, translate(err)
}
