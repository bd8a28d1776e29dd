package postgres

import (
	"fmt"
	"testing"

	"ringfence/internal/placement"
)

func claimOf(member string) func(string) []placement.Claim {
	return func(host string) []placement.Claim {
		return []placement.Claim{{Scope: "host/" + host, Group: "exclusive", Member: member}, {Scope: "host/" + host, Group: "kernel", Member: "all"}}
	}
}

// A verification that always says yes still cannot put two members onto one scope.
func TestClaimsHoldWhateverTheVerificationSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	first := w.grant(request{vnf: "ausf-1", occ: "occ-1", domain: "TD-X", hosts: []string{"h1"}, claims: claimOf("TD-X")})
	second := w.grant(request{vnf: "ausf-2", occ: "occ-2", domain: "TD-X", hosts: []string{"h1"}, claims: claimOf("TD-X")})
	foreign := request{vnf: "amf-1", occ: "occ-3", domain: "TD-A", hosts: []string{"h1"}, claims: claimOf("TD-A")}
	tryForeign := func(want placement.CommitStatus) {
		t.Helper()
		res, err := w.Commit(t.Context(), w.commitOf(foreign), sayYes)
		if err != nil || res.Status != want {
			t.Fatalf("commit of another member: status %d, reasons %v, error %v, want status %d", res.Status, res.Reasons, err, want)
		}
	}
	tryForeign(placement.CommitStale)
	for _, g := range []placement.Grant{first, second} {
		tryForeign(placement.CommitStale)
		if err := w.release(residencyOf(g)); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.count(`SELECT count(*) FROM claim`); n != 0 {
		t.Errorf("%d claims that nobody holds", n)
	}
	tryForeign(placement.CommitDone)
	both := w.commitOf(request{vnf: "amf-2", occ: "occ-4", hosts: []string{"h2", "h2"}, claims: claimOf("TD-A")})
	both.Decision.Plan.Placements[1].Claims[0].Member = "TD-X"
	if res, err := w.Commit(t.Context(), both, sayYes); err != nil || res.Status != placement.CommitStale {
		t.Errorf("a plan that contradicts itself: status %d, %v", res.Status, err)
	}
	w.checkBooks()
}

// TestExclusivenessChanges changes whether a trust domain is exclusive while it has residents, alone and beside others.
func TestExclusivenessChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "alone", "shared")
	exclusive := map[string]bool{"TD-A": false, "TD-X": false, "TD-B": false}
	w.exec(`INSERT INTO trust_domain (id, category, sensitivity) VALUES ('TD-B', 'CONTROL_PLANE', 3)`)
	n := 0
	try := func(domain, host string, want placement.CommitStatus) {
		t.Helper()
		n++
		d := placement.TrustDomain{ID: domain, Exclusive: exclusive[domain]}
		c := w.commitOf(request{vnf: "nf-1", occ: fmt.Sprint("occ-", n), domain: domain, hosts: []string{host}, claims: func(host string) []placement.Claim {
			return []placement.Claim{{Scope: host, Group: placement.ClaimExclusiveDomain, Member: d.ExclusiveMember()}}
		}})
		c.Decision.Inputs.Demands[0].Workload.Resources = nil
		if res, err := w.Commit(t.Context(), c, sayYes); err != nil || res.Status != want {
			t.Errorf("%s (exclusive: %v) on %s: status %d, reasons %v, error %v, want status %d", domain, d.Exclusive, host, res.Status, res.Reasons, err, want)
		}
	}
	set := func(domain string, value bool) {
		t.Helper()
		d := must(w.GetTrustDomain(t.Context(), domain))(t)
		d.Exclusive, exclusive[domain] = value, value
		must2(w.PutTrustDomain(t.Context(), d, nil, tester))(t)
	}
	set("TD-X", false)
	for _, host := range []string{"alone", "alone", "shared"} {
		try("TD-A", host, placement.CommitDone)
	}
	try("TD-B", "shared", placement.CommitDone)

	set("TD-A", true)
	try("TD-A", "alone", placement.CommitDone)  // its own residents do not stand in its way
	try("TD-B", "alone", placement.CommitStale) // and keep others out
	try("TD-A", "shared", placement.CommitStale)
	if held := w.count(`SELECT count(*) FROM residency_claim`); held != 4 {
		t.Errorf("%d claims, want those of three residencies of TD-A on its own host, and that of TD-B", held)
	}
	set("TD-A", false)
	try("TD-A", "alone", placement.CommitDone)
	try("TD-B", "alone", placement.CommitDone)
	try("TD-A", "shared", placement.CommitDone)
	if unheld := w.count(`SELECT count(*) FROM claim c WHERE NOT EXISTS (SELECT FROM residency_claim r WHERE r.scope_id = c.scope_id)`); unheld != 0 {
		t.Errorf("%d claims that nobody holds", unheld)
	}
	w.checkBooks()
}

// The audits prove that they can fail: each fault is brought in past the store, and found.
func TestAuditsFindWhatIsWrong(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		code string
		sql  []string
	}{
		"claims": {findingClaim, []string{
			`ALTER TABLE residency_claim DROP CONSTRAINT residency_claim_claim_fk, DROP CONSTRAINT residency_claim_pk`,
			`INSERT INTO residency_claim SELECT nfvi_pop_id, id, 'host/h1', 'exclusive', 'TD-X' FROM residency`,
		}},
		"exclusive": {findingExclusive, []string{
			`INSERT INTO residency (nfvi_pop_id, id, host_id, kind, state, vnf_instance_id, component_id, trust_domain_id, grant_id, reserved_at)
			 SELECT nfvi_pop_id, 'intruder', host_id, kind, 'RUNNING', 'x', 'x', 'TD-X', grant_id, reserved_at FROM residency`,
		}},
		"capacity":  {findingCapacity, []string{`UPDATE host SET cpu_millis_total = 1`}},
		"use":       {findingUse, []string{`UPDATE host SET cpu_millis_used = cpu_millis_used + 1`}},
		"ext use":   {findingUse, []string{`UPDATE host_ext_capacity SET used = 0`}},
		"directive": {findingDirective, []string{`UPDATE directive SET seq = 2`}},
		"missing":   {findingDirective, []string{`DELETE FROM directive`}},
		"audit":     {findingAudit, []string{`DELETE FROM audit_record`}},
		"doubled":   {findingAudit, []string{`INSERT INTO audit_record (nfvi_pop_id, actor_id, action, decision_id, object_id, detail) SELECT nfvi_pop_id, actor_id, action, decision_id, object_id, detail FROM audit_record`}},
		"answer":    {findingGrant, []string{`DELETE FROM idempotency`}},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "h1")
			w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}, claims: claimOf("TD-A")})
			w.checkBooks()
			for _, sql := range fault.sql {
				w.exec(sql)
			}
			separation, err1 := w.AuditSeparation(t.Context())
			books, err2 := w.AuditBooks(t.Context())
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			for _, f := range append(separation, books...) {
				if f.Code == fault.code {
					return
				}
			}
			t.Errorf("found %v and %v, want %s", separation, books, fault.code)
		})
	}
}

// The app role can add to what was decided, not change it.
func TestAppRoleCannotChangeHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.grant(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
	for _, sql := range []string{
		`UPDATE audit_record SET actor_id = 'x'`, `DELETE FROM audit_record`, `TRUNCATE audit_record`, `DELETE FROM access_refusal`, `UPDATE access_refusal SET count = 1`, `UPDATE decision SET outcome = 'REFUSE'`,
		`DELETE FROM decision`, `UPDATE vnf_grant SET client_id = 'x'`, `DELETE FROM vnf_grant`, `UPDATE directive SET body = '{}'`,
		`DELETE FROM directive`, `UPDATE claim SET member = 'x'`, `DELETE FROM idempotency`, `UPDATE change_feed SET after = NULL`,
	} {
		if _, err := w.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("the app role may %s", sql)
		}
	}
}
