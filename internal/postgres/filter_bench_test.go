package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// fillHosts adds hosts of ten pools, of which one in a hundred is cordoned.
func (w *world) fillHosts(n int) {
	w.t.Helper()
	w.exec(`INSERT INTO host_pool (id) SELECT 'pool-' || i FROM generate_series(0, 9) AS i`)
	w.exec(fmt.Sprintf(`
		INSERT INTO host (nfvi_pop_id, id, host_pool_id, lifecycle, labels, runtimes, cpu_millis_total)
		SELECT 'lon', 'x' || lpad(i::text, 7, '0'), 'pool-' || i %% 10, CASE WHEN i %% 100 = 0 THEN 'CORDONED' ELSE 'IN_SERVICE' END,
		       jsonb_build_object('rack', 'r' || i %% 50), ARRAY['kata', 'runc'], 64000
		FROM generate_series(1, %d) AS i`, n))
	w.exec(`INSERT INTO directory (kind, id, nfvi_pop_id) SELECT 'HOST', id, nfvi_pop_id FROM host ON CONFLICT DO NOTHING`)
	w.exec(`ANALYZE host`)
}

// BenchmarkFilteredHosts measures a page of 100,000 hosts by what operators ask for, as an operator reads it. A page from the middle is
// asked for, which offsets would pay for.
func BenchmarkFilteredHosts(b *testing.B) {
	w := newWorld(b)
	w.fillHosts(100_000)
	operator := placement.WithViewer(b.Context(), placement.Viewer{ClientID: "operator", ReadsAll: true})
	for _, filter := range []string{
		"", "(eq,hostPoolId,pool-3)", "(eq,lifecycle,CORDONED)", "(eq,hostPoolId,pool-3);(eq,lifecycle,IN_SERVICE)", "(eq,labels/rack,r7)", "(cont,id,9999)",
		"(eq,runtimes,none);(gt,capacity/cpuMillis,1)",
	} {
		where, err := sol013.ParseFilter(filter)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(filter, func(b *testing.B) {
			for b.Loop() {
				list, err := w.ListHosts(operator, placement.Page{After: "x0050000", Limit: 501, Where: where})
				if err != nil || len(list) == 0 && !strings.Contains(filter, "none") {
					b.Fatalf("%d hosts, %v", len(list), err)
				}
			}
		})
	}
}

// What operators always ask for is found by an index, in the order of the page.
func TestFiltersUseIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fillHosts(20_000)
	for filter, index := range map[string]string{
		"(eq,hostPoolId,pool-3)":                           "host_host_pool_ix",
		"(eq,lifecycle,CORDONED)":                          "host_lifecycle_ix",
		"(eq,hostPoolId,pool-3);(eq,lifecycle,IN_SERVICE)": "host_host_pool_ix",
		"(eq,id,x0000007)":                                 "host_id_ix",
	} {
		where, err := sol013.ParseFilter(filter)
		if err != nil {
			t.Fatal(err)
		}
		b := filterBuilder{args: []any{"", 501}}
		condition, err := b.all(hostAttributes(), "", where)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := w.pool.Query(t.Context(), `EXPLAIN SELECT id FROM host h WHERE h.id > $1 AND `+condition+` ORDER BY h.id LIMIT $2`, append([]any{pgx.QueryExecModeDescribeExec}, b.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := rows.Err(); err != nil || !slices.ContainsFunc(plan, func(line string) bool { return strings.Contains(line, index) }) {
			t.Errorf("%s does not use %s: %v %q", filter, index, err, plan)
		}
	}
}
