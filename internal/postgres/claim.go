package postgres

import (
	"context"

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

// rewriteExclusiveClaims makes the residencies of changed trust domains claim what they would claim now: a domain that became
// exclusive, or is so no more, would otherwise be refused by its own residents. Where somebody else claims the host, theirs is
// dropped: what stands there contradicts the change, and is recorded as a violation. The transaction holds the epoch
// exclusively.
func rewriteExclusiveClaims(ctx context.Context, tx pgx.Tx, domains []placement.TrustDomain) error {
	const takeSQL = `
		DELETE FROM residency_claim rc USING residency r
		WHERE r.nfvi_pop_id = rc.nfvi_pop_id AND r.id = rc.residency_id AND r.trust_domain_id = $1
		  AND rc.separation_group = $2 AND rc.member <> $3
		RETURNING rc.nfvi_pop_id, rc.residency_id, rc.scope_id`
	const freeSQL = `
		DELETE FROM claim c USING (SELECT DISTINCT pop, scope FROM unnest($1::text[], $2::text[]) AS g (pop, scope)) g
		WHERE c.nfvi_pop_id = g.pop AND c.scope_id = g.scope AND c.separation_group = $3
		  AND NOT EXISTS (SELECT FROM residency_claim o
		                  WHERE o.nfvi_pop_id = g.pop AND o.scope_id = g.scope AND o.separation_group = $3)`
	const claimSQL = `
		INSERT INTO claim (nfvi_pop_id, scope_id, separation_group, member)
		SELECT DISTINCT g.pop, g.scope, $3, $4 FROM unnest($1::text[], $2::text[]) AS g (pop, scope)
		ON CONFLICT DO NOTHING`
	const giveSQL = `
		INSERT INTO residency_claim (nfvi_pop_id, residency_id, scope_id, separation_group, member)
		SELECT g.pop, g.residency, g.scope, c.separation_group, c.member
		FROM unnest($1::text[], $2::text[], $5::text[]) AS g (pop, scope, residency)
		JOIN claim c ON c.nfvi_pop_id = g.pop AND c.scope_id = g.scope AND c.separation_group = $3 AND c.member = $4`
	for i := range domains {
		group, member := placement.ClaimExclusiveDomain, domains[i].ExclusiveMember()
		rows, err := tx.Query(ctx, takeSQL, domains[i].ID, group, member)
		if err != nil {
			return err
		}
		var pops, residencies, scopes []string
		var pop, residency, scope string
		_, err = pgx.ForEachRow(rows, []any{&pop, &residency, &scope}, func() error {
			pops, residencies, scopes = append(pops, pop), append(residencies, residency), append(scopes, scope)
			return nil
		})
		if err != nil {
			return err
		}
		if len(pops) == 0 {
			continue
		}
		var b pgx.Batch
		b.Queue(freeSQL, pops, scopes, group)
		b.Queue(claimSQL, pops, scopes, group, member)
		b.Queue(giveSQL, pops, scopes, group, member, residencies)
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
	}
	return nil
}
