package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// books is what the tables say, as lines.
type books struct {
	// Grants are the operations that were granted something, with how many residencies of it, in their order.
	Grants []string
	// Refusals are the operations that were refused, in their order.
	Refusals []string
	// Residencies are what stands: component of VNFD, host, state and resource definition.
	Residencies []string
	// Used is what hosts have in use: cpuMillis and memoryMiB.
	Used []string
	// Directives are what hosts were told, in the order of each.
	Directives []string
	// Operations are the last states that were told, in the order of the grants.
	Operations []string
	// Faults are sums that do not agree with their rows, and numbers of directives that are missing.
	Faults []string
}

// booksSQL reads the lines of each list.
var booksSQL = map[string]string{
	"grants": `
		SELECT concat_ws(' ', d.inputs -> 'request' ->> 'operation', g.vnf_lcm_op_occ_id, cardinality(g.residency_ids))
		FROM vnf_grant g JOIN decision d ON d.nfvi_pop_id = g.nfvi_pop_id AND d.id = g.decision_id
		ORDER BY g.granted_at`,
	"refusals": `SELECT concat_ws(' ', inputs -> 'request' ->> 'operation', vnf_lcm_op_occ_id) FROM decision WHERE outcome = 'REFUSE' ORDER BY at`,
	"residencies": `
		SELECT concat_ws(' ', r.component_id, 'of', r.vnfd_id, 'on', r.host_id, r.state, r.resource_definition_id)
		FROM residency r ORDER BY r.host_id, r.resource_definition_id`,
	"used": `SELECT concat_ws(' ', id, cpu_millis_used, memory_mib_used) FROM host ORDER BY id`,
	"directives": `
		SELECT concat_ws(' ', host_id, kind, body -> 'workload' ->> 'resourceDefinitionId')
		FROM directive ORDER BY host_id, seq`,
	"operations": `
		SELECT concat_ws(' ', o.state, g.vnf_lcm_op_occ_id)
		FROM vnf_lcm_operation o JOIN vnf_grant g ON g.nfvi_pop_id = o.nfvi_pop_id AND g.id = o.grant_id
		ORDER BY g.granted_at`,
	"faults": `
		SELECT concat_ws(' ', 'in use on', h.id, h.cpu_millis_used, 'rows say', sum((r.resources ->> 'cpuMillis')::bigint))
		FROM host h LEFT JOIN residency r ON r.nfvi_pop_id = h.nfvi_pop_id AND r.host_id = h.id
		GROUP BY h.id, h.cpu_millis_used, h.memory_mib_used
		HAVING h.cpu_millis_used <> COALESCE(sum((r.resources ->> 'cpuMillis')::bigint), 0)
		    OR h.memory_mib_used <> COALESCE(sum((r.resources ->> 'memoryMiB')::bigint), 0)
		UNION ALL
		SELECT concat_ws(' ', h.id, 'is at directive', h.directive_seq, 'of', count(d.seq))
		FROM host h LEFT JOIN directive d ON d.nfvi_pop_id = h.nfvi_pop_id AND d.host_id = h.id
		GROUP BY h.id, h.directive_seq
		HAVING h.directive_seq <> count(d.seq) OR h.directive_seq <> COALESCE(max(d.seq), 0)
		UNION ALL
		SELECT concat_ws(' ', 'decision', d.id, 'has', count(a.*), 'records of audit')
		FROM decision d LEFT JOIN audit_record a ON a.decision_id = d.id
		GROUP BY d.id HAVING count(a.*) <> 1
		UNION ALL
		SELECT concat_ws(' ', 'a claim of nobody in', scope_id) FROM claim c
		WHERE NOT EXISTS (SELECT FROM residency_claim r WHERE r.scope_id = c.scope_id)
		UNION ALL
		SELECT concat_ws(' ', 'left on', host_id) FROM residue
		UNION ALL
		SELECT 'answered twice: ' || vnf_lcm_op_occ_id FROM vnf_grant GROUP BY vnf_lcm_op_occ_id HAVING count(*) > 1`,
}

// readBooks reads the tables.
func readBooks(t *testing.T, ownerURL string) (b books) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), ownerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for name, into := range map[string]*[]string{
		"grants": &b.Grants, "refusals": &b.Refusals, "residencies": &b.Residencies, "used": &b.Used, "directives": &b.Directives,
		"operations": &b.Operations, "faults": &b.Faults,
	} {
		rows, err := conn.Query(t.Context(), booksSQL[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if *into, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	b.normalise()
	return b
}

// normalise orders what comes in no order: residencies, and directives of one kind that a host was told in a row.
func (b *books) normalise() {
	for _, list := range []*[]string{&b.Grants, &b.Refusals, &b.Residencies, &b.Used, &b.Directives, &b.Operations, &b.Faults} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	slices.Sort(b.Residencies)
	kind := func(line string) string { return strings.Join(strings.Fields(line)[:2], " ") }
	for from := 0; from < len(b.Directives); {
		to := from + 1
		for to < len(b.Directives) && kind(b.Directives[to]) == kind(b.Directives[from]) {
			to++
		}
		slices.Sort(b.Directives[from:to])
		from = to
	}
}
