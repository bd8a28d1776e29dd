package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
	"ringfence/internal/postgres"
)

// auditor reads the tables past ringfence.
type auditor struct {
	conn  *pgx.Conn
	store *postgres.Store // for the audits that ship
}

func newAuditor(t *trial, db *database) *auditor {
	t.Helper()
	conn, err := pgx.Connect(t.ctx, db.ownerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.ctx)) })
	store, err := postgres.Open(t.ctx, db.appURL, postgres.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return &auditor{conn, store}
}

// shared lists the hosts on which plain containers or cut-throughs of one network function are beside another network
// function or trust domain: nothing separates them there. $1 is domain or nf, what the policy keeps apart.
func (a *auditor) shared(ctx context.Context, apart string) ([]string, error) {
	const sharedSQL = `
		SELECT format('host %s: %s', r.host_id, string_agg(DISTINCT CASE $1 WHEN 'nf' THEN r.vnf_instance_id ELSE r.trust_domain_id END, ', '))
		FROM residency r
		JOIN runtime_class c ON c.name = r.runtime
		WHERE r.kind = 'WORKLOAD'
		GROUP BY r.nfvi_pop_id, r.host_id
		HAVING count(DISTINCT CASE $1 WHEN 'nf' THEN r.vnf_instance_id ELSE r.trust_domain_id END) > 1
		   AND bool_or(c.isolation IN ('NONE', 'OS_CONTAINER', 'SANDBOX') OR r.cut_through <> '{}')`
	return a.list(ctx, sharedSQL, apart)
}

// ownBooks lists where what is counted is not what is there.
func (a *auditor) ownBooks(ctx context.Context) ([]string, error) {
	const booksSQL = `
		SELECT format('host %s: %s millicores in use, its residencies need %s', h.id, h.cpu_millis_used, coalesce(sum(s.millis), 0))
		FROM host h
		LEFT JOIN (SELECT r.nfvi_pop_id, r.host_id, coalesce((r.resources ->> 'cpuMillis')::bigint, 0) + coalesce((c.overhead ->> 'cpuMillis')::bigint, 0) AS millis
		           FROM residency r JOIN runtime_class c ON c.name = r.runtime) s ON s.nfvi_pop_id = h.nfvi_pop_id AND s.host_id = h.id
		GROUP BY h.nfvi_pop_id, h.id
		HAVING h.cpu_millis_used <> coalesce(sum(s.millis), 0) OR h.cpu_millis_used > h.cpu_millis_total
		UNION ALL
		SELECT format('host %s: %s directives, the last is number %s', h.id, count(d.seq), h.directive_seq)
		FROM host h
		LEFT JOIN directive d ON d.nfvi_pop_id = h.nfvi_pop_id AND d.host_id = h.id
		GROUP BY h.nfvi_pop_id, h.id
		HAVING count(d.seq) <> h.directive_seq OR max(d.seq) <> h.directive_seq OR min(d.seq) <> 1
		UNION ALL
		SELECT format('decision %s has %s audit records', d.id, count(r.decision_id))
		FROM decision d LEFT JOIN audit_record r ON r.decision_id = d.id
		GROUP BY d.id HAVING count(r.decision_id) <> 1
		UNION ALL
		SELECT format('an audit record tells of decision %s, which is not there', r.decision_id)
		FROM audit_record r WHERE r.decision_id <> '' AND NOT EXISTS (SELECT FROM decision d WHERE d.id = r.decision_id)
		UNION ALL
		SELECT format('residency %s was placed by %s directives', r.id, count(d.seq))
		FROM residency r LEFT JOIN directive d ON d.residency_id = r.id AND d.kind = 'PLACE'
		WHERE r.grant_id IS NOT NULL
		GROUP BY r.id HAVING count(d.seq) <> 1
		UNION ALL
		SELECT format('occurrence %s has %s grants', i.vnf_lcm_op_occ_id, count(g.id))
		FROM idempotency i LEFT JOIN vnf_grant g ON g.client_id = i.client_id AND g.vnf_lcm_op_occ_id = i.vnf_lcm_op_occ_id
		GROUP BY i.client_id, i.vnf_lcm_op_occ_id, i.outcome HAVING count(g.id) > 1 OR i.outcome = 'GRANT' AND count(g.id) <> 1`
	return a.list(ctx, booksSQL)
}

// books asks the audits that ship as well.
func (a *auditor) books(ctx context.Context) ([]string, error) {
	own, err := a.ownBooks(ctx)
	if err != nil {
		return nil, err
	}
	for _, audit := range []func(context.Context) ([]placement.Finding, error){a.store.AuditBooks, a.store.AuditSeparation} {
		findings, err := audit(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range findings {
			own = append(own, f.Code+" "+f.Message)
		}
	}
	differences, err := a.store.CheckUsage(ctx)
	for host, d := range differences {
		own = append(own, fmt.Sprintf("use of %v differs by %v", host, d))
	}
	return own, err
}

func (a *auditor) list(ctx context.Context, sql string, args ...any) ([]string, error) {
	rows, err := a.conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// granted reads what was granted, and what of it is left.
func (a *auditor) granted(ctx context.Context) (grants []grantRow, residencies []residencyRow, err error) {
	const grantsSQL = `SELECT id, vnf_lcm_op_occ_id, granted_at, residency_ids FROM vnf_grant`
	const residenciesSQL = `SELECT id, grant_id, resource_definition_id, host_id, state FROM residency WHERE grant_id IS NOT NULL`
	rows, err := a.conn.Query(ctx, grantsSQL)
	if err != nil {
		return nil, nil, err
	}
	grants, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g grantRow, err error) {
		err = row.Scan(&g.id, &g.occurrence, &g.at, &g.residencies)
		return g, err
	})
	if err != nil {
		return nil, nil, err
	}
	if rows, err = a.conn.Query(ctx, residenciesSQL); err != nil {
		return nil, nil, err
	}
	residencies, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r residencyRow, err error) {
		err = row.Scan(&r.id, &r.grantID, &r.resource, &r.host, &r.state)
		return r, err
	})
	return grants, residencies, err
}

// counts are how many rows there are of what a request may write.
func (a *auditor) counts(ctx context.Context) (c [5]int, err error) {
	const sql = `
		SELECT (SELECT count(*) FROM vnf_grant), (SELECT count(*) FROM residency), (SELECT count(*) FROM directive),
		       (SELECT count(*) FROM decision), (SELECT count(*) FROM audit_record)`
	err = a.conn.QueryRow(ctx, sql).Scan(&c[0], &c[1], &c[2], &c[3], &c[4])
	return c, err
}

// event is one change of a residency, as the change feed tells it.
type event struct {
	transaction      uint64
	id               string // of the residency
	gone             bool
	host, domain, nf string
	weak             bool // nothing isolates it from its host
}

// events reads all changes of residencies in the order in which they were made on each host.
func (a *auditor) events(ctx context.Context) ([]event, error) {
	const sql = `SELECT txid::text::bigint, object_id, after FROM change_feed WHERE kind = 'RESIDENCY' ORDER BY txid, id`
	rows, err := a.conn.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e event, err error) {
		var after []byte
		if err := row.Scan(&e.transaction, &e.id, &after); err != nil || after == nil {
			e.gone = after == nil
			return e, err
		}
		var doc struct {
			HostID, TrustDomainID, VNFInstanceID, Runtime string
			CutThrough                                    []string
		}
		err = json.Unmarshal(after, &doc)
		e.host, e.domain, e.nf = doc.HostID, doc.TrustDomainID, doc.VNFInstanceID
		e.weak = doc.Runtime == "runc" || len(doc.CutThrough) > 0
		return e, err
	})
}

// everShared lists the moments between two transactions at which a host was shared by what is to be apart.
func everShared(events []event, apart func(event) string) (moments []string) {
	on, where := map[string]map[string]event{}, map[string]string{} // residencies per host; host per residency
	touched := map[string]bool{}
	for i, e := range events {
		if e.gone {
			e.host = where[e.id]
			delete(on[e.host], e.id)
		} else {
			if on[e.host] == nil {
				on[e.host] = map[string]event{}
			}
			on[e.host][e.id], where[e.id] = e, e.host
		}
		touched[e.host] = true
		if i+1 < len(events) && events[i+1].transaction == e.transaction {
			continue
		}
		for host := range touched {
			if names := sharing(on[host], apart); len(names) > 1 {
				moments = append(moments, fmt.Sprintf("after transaction %d host %s had %v", e.transaction, host, names))
			}
		}
		clear(touched)
	}
	return moments
}

// sharing names those who share a host with somebody whom nothing isolates from it.
func sharing(residents map[string]event, apart func(event) string) (names []string) {
	weak := false
	for _, r := range residents {
		names = append(names, apart(r))
		weak = weak || r.weak
	}
	if !weak {
		return nil
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkSeparation looks at the tables and at everything that the feed tells. It returns what there is to say about it.
func (a *auditor) checkSeparation(t *trial, apart string) string {
	t.Helper()
	now, err := a.shared(t.ctx, apart)
	if err != nil {
		t.Fatal(err)
	}
	report(t, "shared", now)
	events, err := a.events(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	ever := everShared(events, nameOf(apart))
	report(t, "was shared", ever)
	return fmt.Sprintf("%d violations now, %d at any moment of %d changes of the feed", len(now), len(ever), len(events))
}

// checkBooks fails the test for everything that does not add up.
func (a *auditor) checkBooks(t *trial) {
	t.Helper()
	books, err := a.books(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	report(t, "books", books)
}

func nameOf(apart string) func(event) string {
	if apart == "nf" {
		return func(e event) string { return e.nf }
	}
	return func(e event) string { return e.domain }
}

// checkAuditCanFail puts a copy of a residency under another name beside it, and fails the test unless every audit of
// separation reports exactly that host. Nothing may run on the database any more.
func (a *auditor) checkAuditCanFail(t *trial, apart string) {
	t.Helper()
	const violateSQL = `
		INSERT INTO residency (nfvi_pop_id, id, host_id, kind, state, vnf_instance_id, component_id, trust_domain_id, runtime,
		                       grant_id, reserved_at, expires_at)
		SELECT r.nfvi_pop_id, 'by hand', r.host_id, r.kind, r.state, 'by hand', r.component_id,
		       (SELECT id FROM trust_domain WHERE id <> r.trust_domain_id ORDER BY exclusive DESC LIMIT 1), r.runtime,
		       r.grant_id, r.reserved_at, r.expires_at
		FROM residency r WHERE r.grant_id IS NOT NULL AND r.runtime = 'runc' ORDER BY r.id LIMIT 1
		RETURNING host_id, trust_domain_id`
	var host, domain string
	if err := a.conn.QueryRow(t.ctx, violateSQL).Scan(&host, &domain); err != nil {
		t.Fatalf("violate by hand: %v", err)
	}
	now, err := a.shared(t.ctx, apart)
	events, feedErr := a.events(t.ctx)
	shipped, storeErr := a.store.AuditSeparation(t.ctx)
	books, booksErr := a.books(t.ctx)
	if err := errors.Join(err, feedErr, storeErr, booksErr); err != nil {
		t.Fatal(err)
	}
	events = append(events, event{transaction: 1 << 62, id: "by hand", host: host, domain: domain, nf: "by hand", weak: true})
	ever := everShared(events, nameOf(apart))
	if len(now) != 1 || len(ever) != 1 || len(shipped) != 1 || len(books) == 0 {
		t.Errorf("host %s is shared by hand; the audits report %q, over time %q, the one that ships %+v, the books %q", host, now, ever, shipped, books)
	}
	if _, err := a.conn.Exec(t.ctx, `DELETE FROM residency WHERE id = 'by hand'`); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`UPDATE host SET cpu_millis_used = cpu_millis_used + 1`,
		`DELETE FROM directive WHERE seq = 1`,
		`DELETE FROM audit_record WHERE decision_id <> ''`,
		`INSERT INTO audit_record (nfvi_pop_id, actor_id, action, decision_id, object_id, detail)
		 SELECT nfvi_pop_id, actor_id, action, decision_id, object_id, detail FROM audit_record WHERE decision_id <> ''`,
		`INSERT INTO vnf_grant (nfvi_pop_id, id, decision_id, client_id, vnf_instance_id, vnf_lcm_op_occ_id, policy_epoch, granted_at, valid_until, placements, residency_ids)
		 SELECT nfvi_pop_id, 'by hand', decision_id, client_id, vnf_instance_id, vnf_lcm_op_occ_id, policy_epoch, granted_at, valid_until, placements, residency_ids
		 FROM vnf_grant LIMIT 1`,
		`UPDATE directive SET residency_id = 'another' WHERE kind = 'PLACE'`,
	} {
		a.checkBooksCanFail(t, sql)
	}
}

// checkBooksCanFail falsifies the books, looks at them, and takes it back.
func (a *auditor) checkBooksCanFail(t *trial, sql string) {
	t.Helper()
	tx, err := a.conn.Begin(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := tx.Exec(t.ctx, sql)
	books, booksErr := a.ownBooks(t.ctx) // on the same connection, and so in the transaction
	if err := errors.Join(err, booksErr, tx.Rollback(t.ctx)); err != nil {
		t.Fatal(err)
	}
	if tag.RowsAffected() == 0 || len(books) == 0 {
		t.Errorf("%d rows after %s: the books show nothing", tag.RowsAffected(), sql)
	}
}
