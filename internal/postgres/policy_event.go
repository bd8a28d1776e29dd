package postgres

import (
	"context"
	"encoding/json"
	"slices"

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
		INSERT INTO policy_delivery (subscription_id, event_id, state, last_error, settled_at)
		SELECT s.id, $1,
		       CASE WHEN s.suspended_at IS NULL THEN 'PENDING' ELSE 'DEAD' END,
		       CASE WHEN s.suspended_at IS NULL THEN '' ELSE 'the subscription is suspended' END,
		       CASE WHEN s.suspended_at IS NOT NULL THEN statement_timestamp() END
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
	id, err := uuid.NewV7() // in the order of their ids notifications are in the order of time
	if err != nil {
		return err
	}
	var b pgx.Batch
	b.Queue(eventSQL, id.String(), body)
	b.Queue(deliverSQL, id.String(), string(e.Type), e.PolicyIDs, string(e.Operation))
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
