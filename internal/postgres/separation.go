package postgres

import (
	"context"
	"fmt"

	"ringfence/internal/placement"
)

// The codes of what the audits of the database find.
const (
	findingClaim     = "CLAIM_CONTRADICTED"      // residencies hold different members of one scope and group
	findingExclusive = "EXCLUSIVE_DOMAIN_SHARED" // a host was decided for an exclusive trust domain and another one
	findingCapacity  = "CAPACITY_EXCEEDED"       // more is in use than there is, by decisions alone
	findingUse       = "USE_DIFFERS"             // the use of a host is not the sum of its residencies
	findingDirective = "DIRECTIVE_GAP"           // the directives of a host are not numbered 1 to the last
	findingAudit     = "AUDIT_DIFFERS"           // a decision does not have exactly one audit record
	findingGrant     = "GRANT_INCOMPLETE"        // a grant without its answer under the key of its request
)

// AuditSeparation looks for decided residencies that share what no policy lets them share. It does not use the rules
// that decided, so it can find their faults. No findings is the only good answer.
func (s *Store) AuditSeparation(ctx context.Context) ([]placement.Finding, error) {
	const separationSQL = `
		SELECT '` + findingClaim + `' AS code, 'scope ' || scope_id || ', group ' || separation_group AS object,
		       string_agg(DISTINCT member, ', ') AS detail
		FROM residency_claim
		GROUP BY nfvi_pop_id, scope_id, separation_group
		HAVING count(DISTINCT member) > 1
		UNION ALL
		SELECT '` + findingExclusive + `', 'host ' || r.host_id, string_agg(DISTINCT r.trust_domain_id, ', ')
		FROM residency r
		JOIN trust_domain d ON d.id = r.trust_domain_id
		WHERE r.grant_id IS NOT NULL AND r.kind = 'WORKLOAD'
		GROUP BY r.nfvi_pop_id, r.host_id
		HAVING count(DISTINCT r.trust_domain_id) > 1 AND bool_or(d.exclusive)
		ORDER BY 1, 2`
	return s.findings(ctx, separationSQL)
}

// AuditBooks checks that what is counted equals what is there: use and residencies, directive numbers, audit records,
// answers. No findings is the only good answer.
func (s *Store) AuditBooks(ctx context.Context) ([]placement.Finding, error) {
	const booksSQL = `
		WITH amount AS (
			SELECT r.nfvi_pop_id, r.host_id, a.dimension, sum(a.value::bigint) AS used, bool_and(r.grant_id IS NOT NULL) AS decided
			FROM residency r
			LEFT JOIN runtime_class c ON c.name = r.runtime
			CROSS JOIN LATERAL (SELECT key AS dimension, value FROM jsonb_each_text(r.resources)
			                    UNION ALL SELECT key, value FROM jsonb_each_text(c.overhead)) a
			GROUP BY r.nfvi_pop_id, r.host_id, a.dimension
		), book AS (
			SELECT h.nfvi_pop_id, h.id AS host_id, b.dimension, b.used, b.total
			FROM host h
			CROSS JOIN LATERAL (VALUES
				('cpuMillis', h.cpu_millis_used, h.cpu_millis_total), ('memoryMiB', h.memory_mib_used, h.memory_mib_total),
				('ephemeralStorageMiB', h.ephemeral_storage_mib_used, h.ephemeral_storage_mib_total),
				('hugePages2Mi', h.hugepages_2mi_used, h.hugepages_2mi_total), ('hugePages1Gi', h.hugepages_1gi_used, h.hugepages_1gi_total),
				('sriovVfs', h.sriov_vfs_used, h.sriov_vfs_total), ('gpus', h.gpus_used, h.gpus_total),
				('teeGuests', h.tee_guests_used, h.tee_guests_total)) AS b (dimension, used, total)
			UNION ALL
			SELECT nfvi_pop_id, host_id, dimension, used, total FROM host_ext_capacity
		)
		SELECT '` + findingUse + `' AS code, 'host ' || b.host_id AS object,
		       format('%s: %s in use, the residencies need %s', b.dimension, b.used, coalesce(a.used, 0)) AS detail
		FROM book b
		LEFT JOIN amount a ON a.nfvi_pop_id = b.nfvi_pop_id AND a.host_id = b.host_id AND a.dimension = b.dimension
		WHERE b.used <> coalesce(a.used, 0)
		UNION ALL
		SELECT '` + findingCapacity + `', 'host ' || b.host_id, format('%s: %s of %s', b.dimension, b.used, b.total)
		FROM book b
		JOIN amount a ON a.nfvi_pop_id = b.nfvi_pop_id AND a.host_id = b.host_id AND a.dimension = b.dimension
		WHERE a.decided AND b.used > b.total
		UNION ALL
		SELECT '` + findingDirective + `', 'host ' || h.id, format('%s directives, last number %s', count(d.seq), h.directive_seq)
		FROM host h
		LEFT JOIN directive d ON d.nfvi_pop_id = h.nfvi_pop_id AND d.host_id = h.id
		GROUP BY h.nfvi_pop_id, h.id
		HAVING count(d.seq) <> coalesce(max(d.seq), 0) OR h.directive_seq NOT IN (0, coalesce(max(d.seq), 0))
		UNION ALL
		SELECT '` + findingAudit + `', 'decision ' || d.id, format('%s audit records', count(a.decision_id))
		FROM decision d
		LEFT JOIN audit_record a ON a.nfvi_pop_id = d.nfvi_pop_id AND a.decision_id = d.id
		GROUP BY d.nfvi_pop_id, d.id
		HAVING count(a.decision_id) <> 1
		UNION ALL
		SELECT '` + findingGrant + `', 'grant ' || g.id, format('operation occurrence %s of client %s has no answer', g.vnf_lcm_op_occ_id, g.client_id)
		FROM vnf_grant g
		WHERE NOT EXISTS (SELECT FROM idempotency i WHERE i.client_id = g.client_id AND i.vnf_lcm_op_occ_id = g.vnf_lcm_op_occ_id)
		ORDER BY 1, 2`
	return s.findings(ctx, booksSQL)
}

type findingRow struct {
	Code   string `db:"code"`
	Object string `db:"object"`
	Detail string `db:"detail"`
}

func (s *Store) findings(ctx context.Context, sql string) ([]placement.Finding, error) {
	list, err := collect(ctx, s.pool, func(r *findingRow) (placement.Finding, error) {
		return placement.Finding{Severity: "ERROR", Code: r.Code, Message: fmt.Sprintf("%s: %s", r.Object, r.Detail)}, nil
	}, sql)
	return list, translate(err)
}
