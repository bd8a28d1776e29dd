package postgres

import (
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// insertResidencySQL takes residencyRow.values.
const insertResidencySQL = `
	INSERT INTO residency (` + residencyColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
	        $27, $28, $29, $30, $31, $32, $33, $34)`

// queueState writes the state that a residency has come to, from the revision before.
func queueState(b *pgx.Batch, r *placement.Residency, missed *misses) {
	const stateSQL = `
		UPDATE residency SET state = $3, state_since = $4, vim_resource_ids = $5, revision = $6
		WHERE nfvi_pop_id = $1 AND id = $2 AND revision = $6 - 1`
	missed.expectOne(b.Queue(stateSQL, r.NFVIPoPID, r.ID, string(r.State), r.StateSince, notNil(r.VIMResourceIDs), r.Revision), r.ID)
}

// queueEnd removes a residency in the state in which it was read, and its claims. It ends once: a second attempt finds
// no row.
func queueEnd(b *pgx.Batch, r *placement.Residency, missed *misses) {
	const endSQL = `DELETE FROM residency WHERE nfvi_pop_id = $1 AND id = $2 AND state = $3`
	queueFreeClaims(b, r)
	missed.expectOne(b.Queue(endSQL, r.NFVIPoPID, r.ID, string(r.State)), r.ID)
}
