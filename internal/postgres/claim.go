package postgres

import (
	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// queueClaims claims scopes for a residency. The first to claim a group of a scope sets its member; who claims another
// one then violates residency_claim_claim_fk.
func queueClaims(b *pgx.Batch, r *placement.Residency, claims []placement.Claim) {
	const claimSQL = `
		WITH made AS (
			INSERT INTO claim (nfvi_pop_id, scope_id, separation_group, member)
			SELECT $1, c.scope_id, c.separation_group, c.member
			FROM unnest($2::text[], $3::text[], $4::text[]) AS c (scope_id, separation_group, member)
			ON CONFLICT DO NOTHING
		)
		INSERT INTO residency_claim (nfvi_pop_id, residency_id, scope_id, separation_group, member)
		SELECT $1, $5, c.scope_id, c.separation_group, c.member
		FROM unnest($2::text[], $3::text[], $4::text[]) AS c (scope_id, separation_group, member)`
	if len(claims) == 0 {
		return
	}
	n := len(claims)
	scopes, groups, members := make([]string, n), make([]string, n), make([]string, n)
	for i, c := range claims {
		scopes[i], groups[i], members[i] = c.Scope, c.Group, c.Member
	}
	b.Queue(claimSQL, r.NFVIPoPID, scopes, groups, members, r.ID)
}

// queueFreeClaims gives up what a residency claimed. A claim that nobody else holds goes with it.
func queueFreeClaims(b *pgx.Batch, r *placement.Residency) {
	const freeSQL = `
		WITH given_up AS (
			DELETE FROM residency_claim WHERE nfvi_pop_id = $1 AND residency_id = $2
			RETURNING scope_id, separation_group
		)
		DELETE FROM claim c USING given_up g
		WHERE c.nfvi_pop_id = $1 AND c.scope_id = g.scope_id AND c.separation_group = g.separation_group
		  AND NOT EXISTS (SELECT FROM residency_claim o
		                  WHERE o.nfvi_pop_id = $1 AND o.scope_id = g.scope_id AND o.separation_group = g.separation_group
		                    AND o.residency_id <> $2)`
	b.Queue(freeSQL, r.NFVIPoPID, r.ID)
}
