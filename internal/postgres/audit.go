package postgres

import (
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// queueAudit adds a record to the audit trail, in the transaction of the act that it records. The time is the
// database's.
func queueAudit(b *pgx.Batch, nfviPoPID string, r *placement.AuditRecord) error {
	const insertSQL = `
		INSERT INTO audit_record (nfvi_pop_id, actor_id, action, decision_id, object_id, detail)
		VALUES ($1, $2, $3, $4, $5, $6)`
	detail, err := json.Marshal(r.Detail)
	if err != nil {
		return err
	}
	b.Queue(insertSQL, nfviPoPID, r.ActorID, r.Action, r.DecisionID, r.ObjectID, detail)
	return nil
}
