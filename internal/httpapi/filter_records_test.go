package httpapi_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// records writes what takes people, agents or time to come about straight into the tables.
func (w filterWorld) records(t *testing.T, db *pgx.Conn) {
	t.Helper()
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	for i := range 12 {
		w.violation(exec, i)
		exec(`INSERT INTO attestation_record (nfvi_pop_id, host_id, state, verifier, evidence_digest, attested_at, valid_until, attested_capabilities, actor_id)
		      VALUES ('LON', 'h1', $1, $2, $3, $4, $5, $6, 'verifier')`,
			oneOf(w, "TRUSTED", "UNTRUSTED"), oneOf(w, "v1", "v2"), oneOf(w, "", "sha256:ab"), w.someTime(), orNull(w.time()), oneOf(w, []string{}, []string{"ENC_STORAGE"}))
		exec(`INSERT INTO scrub_record (nfvi_pop_id, host_id, id, level, device_reset, at, actor, evidence, actor_id) VALUES ('LON', 'h1', $1, $2, $3, $4, $5, $6, 's')`,
			fmt.Sprint("s", i), oneOf(w, "REBOOT", "CACHE_PURGE"), w.yes(), w.someTime(), w.text(), w.text())
		exec(`INSERT INTO policy_subscription (id, client_id, callback_uri, notification_types, policy_ids, change_types, password, suspended_at)
		      VALUES ($1, 'root', $2, $3, $4, $5, 'secret', $6)`,
			fmt.Sprint("sub-", i), oneOf(w, "https://a.example.com/x", "https://b.example.com/y"), oneOf(w, nil, []string{"PolicyChangeNotification"}),
			oneOf(w, nil, []string{"p1", "p2"}), oneOf(w, nil, []string{"CREATE_POLICY", "DELETE_POLICY"}), orNull(w.time()))
		exec(`INSERT INTO access_refusal (id, kind, reason, client_id, address, certificate_sha256, operation, count, first_at, last_at, last_request_id)
		      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, fmt.Sprint("refusal-", i), oneOf(w, "AUTHENTICATION", "AUTHORIZATION"), oneOf(w, "no token", "a role"),
			w.text(), oneOf(w, "", "10.0.0.1"), oneOf(w, "", "ab"), oneOf(w, "", "listHosts"), oneOf(w, 1, 2, 1000), w.someTime(), w.someTime(), w.text())
		w.delivery(exec, i)
		w.pendingChange(exec, i)
	}
	for i := range 3 {
		exec(`INSERT INTO vnf_package (id, vnfd_id, state, archive, vnfd_version, provider, product_name, sha256, size_bytes, created_by, onboarded_at)
		      VALUES ($1, $2, 'ONBOARDED', $3, $4, $5, $6, $7, $8, 'operator', $9)`, fmt.Sprint("package-", i), []string{"vnfd-0", "vnfd-1", "vnfd-new"}[i], w.yes(), w.text(), w.text(),
			w.text(), fmt.Sprintf("%064d", i), w.IntN(3), w.someTime())
	}
	for i, subject := range []string{"CLIENT", "CLIENT", "VIM_CONNECTION"} {
		exec(`INSERT INTO enforcement_mode (subject, subject_id, mode, reason, since, actor_id, revision) VALUES ($1, $2, $3, $4, $5, 'approver', 1)`,
			subject, []string{"vnfm-x", "vnfm-y", "vim-2"}[i], oneOf(w, "ENFORCE", "OBSERVE"), oneOf(w, "a reason", "another"), w.someTime())
	}
	for i := range 4 {
		exec(`INSERT INTO vnfm (id, api_root, client_id, credentials, state, reason, subscription_id, since, checked_at, due_at, actor_id)
		      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, fmt.Sprint("vnfm-", i), fmt.Sprint("https://vnfm.example.net/", i), fmt.Sprint("client-", i),
			w.text(), oneOf(w, "PENDING", "SUBSCRIBED", "FAILED"), w.text(), w.text(), w.someTime(), orNull(w.time()), w.someTime(), oneOf(w, "a", "b"))
	}
	for i := range 12 {
		w.standingConstraint(exec, i)
	}
	exec(`UPDATE policy SET pf_id = 'pf', associations = '{i1,i2}', break_glass_by = 'x', break_glass_reason = 'y', break_glass_at = now(), break_glass_until = now() WHERE activated`)
}

func (w filterWorld) standingConstraint(exec execute, i int) {
	vnfd, instances, units := "", []string{oneOf(w, "i1", "i2"), "i3"}, []string{}
	if w.yes() {
		vnfd, instances = oneOf(w, "vnfd-0", "vnfd-1"), []string{}
	}
	kind := oneOf(w, "AFFINITY", "ANTI_AFFINITY", "FIXED")
	if kind == "FIXED" {
		units = oneOf(w, []string{"Z1"}, []string{"Z1", "Z2"})
	}
	exec(`INSERT INTO standing_constraint (id, vnfd_id, vnf_instance_ids, ns_instance_id, component_ids, kind, scope, unit_ids, reason, actor_id, created_at, revision)
	      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)`,
		fmt.Sprintf("constraint-%02d", i), vnfd, instances, w.text(), oneOf(w, []string{}, []string{"c1", "c2"}), kind, oneOf(w, "ZONE", "NFVI_POP"), units,
		oneOf(w, "a reason", "another"), oneOf(w, "root", "nfvo"), w.someTime())
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

type execute func(sql string, args ...any)

func (w filterWorld) violation(exec execute, i int) {
	exec(`INSERT INTO violation (nfvi_pop_id, id, host_id, residency_id, vnf_instance_id, trust_domain_id, policy_id, rule_id, checked, against_id, params, evict, policy_epoch,
	                             since, until, enforcement, eviction, eviction_ordered_at, eviction_done_at, source, object)
	      VALUES ('LON', $1, $2, $3, $4, $5, $6, $7, 'separate-nf', $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		fmt.Sprintf("v%02d", i), oneOf(w, "h1", "h2", "h3"), fmt.Sprintf("r%02d", i), oneOf(w, "", "i1"), oneOf(w, "TD-A", "TD-B"), oneOf(w, "p1", "p2"), oneOf(w, "R-A", "R-B"),
		oneOf(w, "", "r01"), asJSON(map[string]string{"host": oneOf(w, "h1", "h2"), "message": "hidden"}), w.yes(), w.IntN(3), w.someTime(), orNull(w.time()),
		oneOf(w, "ENFORCED", "SHOULD", "AUDIT"), oneOf(w, "NONE", "PENDING", "ORDERED"), orNull(w.time()), orNull(w.time()), oneOf(w, "RULES", "OBSERVATION"), w.text())
}

func (w filterWorld) delivery(exec execute, i int) {
	event, state := fmt.Sprintf("event-%02d", i), oneOf(w, "PENDING", "DELIVERED", "DEAD")
	var settled *time.Time
	if state != "PENDING" {
		at := w.someTime()
		settled = &at
	}
	exec(`INSERT INTO policy_event (id, at, body) VALUES ($1, $2, $3)`, event, w.someTime(), asJSON(map[string]any{
		"type": "PolicyChangeNotification", "operation": oneOf(w, "CREATE_POLICY", "DELETE_POLICY"), "policyIds": []string{oneOf(w, "p1", "p2")}, "versions": []string{"1"},
	}))
	exec(`INSERT INTO policy_delivery (subscription_id, event_id, state, due_at, attempts, last_error, settled_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		fmt.Sprint("sub-", i), event, state, w.someTime(), w.IntN(3), w.text(), settled)
}

func (w filterWorld) pendingChange(exec execute, i int) {
	state := oneOf(w, "PENDING", "APPLIED", "REJECTED", "EXPIRED")
	var by *string
	var at, until *time.Time
	var reason, confirmed *string
	decided := w.someTime()
	if state != "PENDING" {
		at = &decided
	}
	if state == "APPLIED" || state == "REJECTED" {
		by = new(string)
		*by = oneOf(w, "approver", "root")
	}
	if state == "APPLIED" && w.yes() {
		text, other := oneOf(w, "fire", "flood"), "another"
		reason, until, confirmed = &text, &decided, oneOf(w, nil, &other)
	}
	differences := asJSON([]map[string]any{{
		"kind": oneOf(w, "HOST", "HOST_POOL"), "id": oneOf(w, "h1", "h2"), "action": oneOf(w, "CHANGE", "DELETE"),
		"attributes": []map[string]string{{"name": oneOf(w, "labels", "country"), "before": w.text(), "after": w.text()}},
	}})
	exec(`INSERT INTO pending_change (id, state, proposed_by, proposed_at, expires_at, reason, changes, differences, base, content_sha256, decided_by, decided_at, decision_reason,
	                                  break_glass_reason, break_glass_until, confirmed_by)
	      VALUES ($1, $2, $3, $4, $5, $6, '[]', $7, '[]', 'x', $8, $9, $10, $11, $12, $13)`,
		fmt.Sprintf("change-%02d", i), state, oneOf(w, "operator", "author"), w.someTime(), oneOf(w, w.someTime(), time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC)), w.text(), differences, by, at, w.text(),
		reason, until, confirmed)
}
