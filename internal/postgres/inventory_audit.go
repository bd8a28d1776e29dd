package postgres

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// audit adds one record to the audit trail.
func audit(ctx context.Context, tx pgx.Tx, nfviPoPID, actor, action, objectID string, detail map[string]string) error {
	var b pgx.Batch
	r := placement.AuditRecord{ActorID: actor, Action: action, ObjectID: objectID, Detail: detail}
	if err := queueAudit(&b, nfviPoPID, &r); err != nil {
		return err
	}
	return tx.SendBatch(ctx, &b).Close()
}

// auditChanges adds one record for each change that an actor made to the inventory.
func auditChanges(ctx context.Context, tx pgx.Tx, actor string, changes []placement.Change) error {
	var b pgx.Batch
	for i := range changes {
		c := &changes[i]
		after, err := afterImage(c)
		if err != nil {
			return err
		}
		action := "PUT"
		if after == nil {
			action = "DELETE"
		}
		r := placement.AuditRecord{ActorID: actor, Action: action, ObjectID: c.ID, Detail: map[string]string{"kind": string(c.Kind)}}
		if err := queueAudit(&b, cmp.Or(c.NFVIPoPID, noPoP), &r); err != nil {
			return err
		}
	}
	return tx.SendBatch(ctx, &b).Close()
}
