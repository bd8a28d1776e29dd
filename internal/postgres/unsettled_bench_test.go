package postgres

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkUnsettled measures the look for directives that are not carried out, which is taken every few seconds: of hosts that all
// answer, with ten directives each of which two are PLACE and unanswered, as those of workloads that nobody has started are. In the
// second form one host in a hundred owes an answer.
func BenchmarkUnsettled(b *testing.B) {
	const hostsSQL = `
		INSERT INTO host SELECT (jsonb_populate_record(h, jsonb_build_object('id', 'b' || n))).* FROM host h, generate_series(1, $1) AS n WHERE h.id = 'h1'`
	const directivesSQL = `
		INSERT INTO directive (nfvi_pop_id, host_id, seq, kind, decision_id, grant_id, residency_id, vim_connection_id, issued_at, body, ack_outcome, ack_detail, acked_by, acked_at)
		SELECT h.nfvi_pop_id, h.id, s, CASE WHEN s % 2 = 0 THEN 'CACHE' ELSE 'PLACE' END, 'd', 'g', CASE WHEN s % 2 = 0 THEN '' ELSE 'r' || s END, 'vim',
		       now() - interval '1 hour', json_build_object('digest', 'sha256:' || s), a.outcome, a.detail, a.actor, a.at
		FROM host h, generate_series(1, 10) AS s
		LEFT JOIN (VALUES ('APPLIED', '', 'agent', now())) AS a (outcome, detail, actor, at) ON s NOT IN (7, 9)`
	for _, hosts := range []int{1_000, 100_000} {
		w := newWorld(b, "h1")
		w.exec(hostsSQL, hosts)
		w.exec(directivesSQL)
		w.exec(`INSERT INTO directive_follower SELECT nfvi_pop_id, id, true FROM host`)
		for _, owing := range []bool{false, true} {
			if owing {
				w.exec(`UPDATE directive SET ack_outcome = NULL, ack_detail = NULL, acked_by = NULL, acked_at = NULL WHERE seq = 10 AND host_id LIKE '%00'`)
			}
			w.exec(`ANALYZE host, directive, directive_follower`)
			b.Run(fmt.Sprintf("hosts=%d/owing=%v", hosts, owing), func(b *testing.B) {
				for b.Loop() {
					found := must(unsettled(b.Context(), w.pool, time.Minute))(b)
					if owing != (len(found) > 0) {
						b.Fatalf("%d found", len(found))
					}
				}
			})
		}
	}
}
