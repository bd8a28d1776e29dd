package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// ReportEnforcement says what observing somebody has let pass since a time (zero: since the mode was set), and what enforcing would
// change now, all of one moment, as far as the caller may know. Kind of error: NotFound where no mode was ever set.
func (s *Store) ReportEnforcement(ctx context.Context, key placement.ModeKey, since time.Time) (r placement.EnforcementReport, err error) {
	err = s.inTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if v, ok := placement.ViewerFrom(ctx); ok {
			if _, err := tx.Exec(ctx, becomeSQL, becomeArgs(v)...); err != nil {
				return err
			}
		}
		mode, err := getEnforcementMode(ctx, tx, key)
		if err != nil {
			return err
		}
		r = placement.EnforcementReport{Mode: mode, Since: since}
		if since.IsZero() {
			r.Since = mode.Since
		}
		var b pgx.Batch
		if key.Subject == placement.SubjectClient {
			queueRefusalReport(&b, &r)
		} else {
			queueHostReport(&b, &r)
		}
		queueViolationReport(&b, &r)
		return tx.SendBatch(ctx, &b).Close()
	})
	return r, err
}

// queueRefusalReport counts the requests of a client that were let pass.
func queueRefusalReport(b *pgx.Batch, r *placement.EnforcementReport) {
	const rulesSQL = `
		SELECT rule, count(*), (array_agg(d.id ORDER BY d.at DESC, d.id))[1:3]
		FROM decision d CROSS JOIN LATERAL unnest(d.refused_by) AS rule
		WHERE d.client_id = $1 AND d.enforcement = 'OBSERVE' AND d.at >= $2
		GROUP BY rule
		ORDER BY count(*) DESC, rule COLLATE "C"`
	const requestsSQL = `
		SELECT count(DISTINCT vnf_lcm_op_occ_id) FROM decision WHERE client_id = $1 AND enforcement = 'OBSERVE' AND at >= $2`
	b.Queue(rulesSQL, r.Mode.ID, r.Since).Query(collectInto(&r.Refusals))
	b.Queue(requestsSQL, r.Mode.ID, r.Since).QueryRow(func(row pgx.Row) error { return row.Scan(&r.Requests) })
}

// queueHostReport counts what waits on the hosts behind a VIM connection.
func queueHostReport(b *pgx.Batch, r *placement.EnforcementReport) {
	const directivesSQL = `
		SELECT kind::text, count(*) FROM directive WHERE vim_connection_id = $1 AND ack_outcome = 'RECORDED' GROUP BY kind ORDER BY kind`
	const ungrantedSQL = `
		SELECT v.host_id, v.object
		FROM violation v JOIN host h ON h.nfvi_pop_id = v.nfvi_pop_id AND h.id = v.host_id
		WHERE h.vim_connection_id = $1 AND v.until IS NULL AND v.rule_id IN ('` + placement.RuleDriftUngranted + `', '` + placement.RuleDriftHost + `')
		ORDER BY v.since DESC, v.id
		LIMIT 3`
	const countSQL = `
		SELECT count(*) FILTER (WHERE v.rule_id IN ('` + placement.RuleDriftUngranted + `', '` + placement.RuleDriftHost + `')),
		       count(DISTINCT v.residency_id) FILTER (WHERE v.evict AND v.eviction = 'PENDING')
		FROM violation v JOIN host h ON h.nfvi_pop_id = v.nfvi_pop_id AND h.id = v.host_id
		WHERE h.vim_connection_id = $1 AND v.until IS NULL`
	b.Queue(directivesSQL, r.Mode.ID).Query(collectInto(&r.Directives))
	b.Queue(ungrantedSQL, r.Mode.ID).Query(collectInto(&r.Examples))
	b.Queue(countSQL, r.Mode.ID).QueryRow(func(row pgx.Row) error { return row.Scan(&r.Ungranted, &r.Evictions) })
}

// queueViolationReport counts what stands against the rules: on the hosts behind the VIM connection, or of the client's VNF instances.
func queueViolationReport(b *pgx.Batch, r *placement.EnforcementReport) {
	const hostsSQL = `
		SELECT v.rule_id, count(*), (array_agg(v.id ORDER BY v.since DESC, v.id))[1:3]
		FROM violation v JOIN host h ON h.nfvi_pop_id = v.nfvi_pop_id AND h.id = v.host_id
		WHERE h.vim_connection_id = $1 AND v.until IS NULL
		GROUP BY v.rule_id
		ORDER BY count(*) DESC, v.rule_id COLLATE "C"`
	const clientSQL = `
		SELECT v.rule_id, count(*), (array_agg(v.id ORDER BY v.since DESC, v.id))[1:3]
		FROM violation v JOIN vnf_instance_params p ON p.vnf_instance_id = v.vnf_instance_id
		WHERE p.client_id = $1 AND v.until IS NULL
		GROUP BY v.rule_id
		ORDER BY count(*) DESC, v.rule_id COLLATE "C"`
	sql := hostsSQL
	if r.Mode.Subject == placement.SubjectClient {
		sql = clientSQL
	}
	b.Queue(sql, r.Mode.ID).Query(collectInto(&r.Violations))
}

// collectInto reads rows into structs, by the order of their columns.
func collectInto[T any](into *[]T) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	}
}
