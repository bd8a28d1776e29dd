package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

var vim1 = placement.ModeKey{Subject: placement.SubjectVIMConnection, ID: "vim-1"}

func (w *world) setMode(key placement.ModeKey, mode placement.Mode) placement.EnforcementMode {
	w.t.Helper()
	m, _, err := w.SetEnforcementMode(w.t.Context(), placement.EnforcementMode{ModeKey: key, Mode: mode, Reason: "r", ActorID: "alice"}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// told is what a host was told about whether directives bind, each with its number.
func (w *world) told(host string) (told []string) {
	w.t.Helper()
	for _, d := range must(w.HostDirectives(w.t.Context(), host, 0, 100))(w.t) {
		told = append(told, fmt.Sprintf("%d %s %s", d.Seq, d.Kind, d.Enforcement))
	}
	return told
}

// TestModeIsTold expects every host behind a VIM connection to be told of its mode, once, in the sequence of its directives, hosts that
// come later and hosts that go behind another connection included, and each change in the audit trail.
func TestModeIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	w.exec(`UPDATE host SET vim_connection_id = 'vim-2' WHERE id = 'h2'`)
	w.grant(request{vnf: "a", occ: "1", hosts: []string{"h1"}})
	w.setMode(vim1, placement.ModeObserve)
	w.setMode(vim1, placement.ModeObserve) // says nothing new
	w.grant(request{vnf: "b", occ: "2", hosts: []string{"h1"}})
	if diff := cmp.Diff([]string{"1 PLACE ENFORCED", "2 ENFORCEMENT ADVISORY", "3 PLACE ADVISORY"}, w.told("h1")); diff != "" {
		t.Errorf("h1 was told (-want +got):\n%s", diff)
	}
	if told := w.told("h2"); told != nil {
		t.Errorf("h2, behind another connection, was told %v", told)
	}
	w.addHost("h3")
	w.exec(`UPDATE host SET vim_connection_id = 'vim-1' WHERE id = 'h2'`)
	if n := must(w.TellEnforcement(t.Context()))(t); n != 2 {
		t.Errorf("%d hosts that came later were told", n)
	}
	if n := must(w.TellEnforcement(t.Context()))(t); n != 0 {
		t.Errorf("%d hosts were told again", n)
	}
	w.exec(`UPDATE host SET vim_connection_id = 'vim-2' WHERE id = 'h2'`)
	must(w.TellEnforcement(t.Context()))(t)
	if diff := cmp.Diff([]string{"1 ENFORCEMENT ADVISORY", "2 ENFORCEMENT ENFORCED"}, w.told("h2")); diff != "" {
		t.Errorf("h2 was told (-want +got):\n%s", diff)
	}
	w.setMode(vim1, placement.ModeEnforce)
	if diff := cmp.Diff([]string{"1 ENFORCEMENT ADVISORY", "2 ENFORCEMENT ENFORCED"}, w.told("h3")); diff != "" {
		t.Errorf("h3 was told (-want +got):\n%s", diff)
	}
	eventually(t, func() bool { // the feed waits for older transactions, those of other tests' databases included
		list, marker, err := w.Directives(t.Context(), "vim-1", "", false, 100)
		if err != nil {
			t.Fatal(err)
		}
		return marker != "" && len(list) == 7 && list[6].Enforcement == placement.DirectiveEnforced
	})
	if n := w.count(`SELECT count(*) FROM audit_record WHERE actor_id = 'alice' AND object_id = 'VIM_CONNECTION:vim-1' AND action IN ('OBSERVE', 'ENFORCE') AND detail->>'before' <> action`); n != 2 {
		t.Errorf("%d audit records", n)
	}
}

// TestNobodyIsEvictedWhereObserved: behind an observed connection violations are only observed, and who was to go stays until it is enforced.
func TestNobodyIsEvictedWhereObserved(t *testing.T) {
	t.Parallel()
	w, ids := evictWorld(t, "h1")
	w.setMode(vim1, placement.ModeObserve)
	if hosts := must(w.PendingEvictions(t.Context(), 9))(t); len(hosts) > 0 {
		t.Errorf("waits on %v", hosts)
	}
	if got := w.evict("h1", 5, sendsAway(ids[0])); len(got.Ordered) > 0 || w.releases("h1") > 0 {
		t.Errorf("evicted %+v", got)
	}
	observed := placement.Page{Limit: 9, Where: []placement.Condition{equal("enforcement", string(placement.Observed))}}
	list := must(w.ListViolations(t.Context(), observed))(t)
	if len(list) != 1 || list[0].Enforcement != placement.Observed || list[0].Eviction != placement.EvictionNone {
		t.Errorf("violations %+v", list)
	}
	if counts := must(w.CountViolations(t.Context(), 9))(t); len(counts) != 1 || counts[0].Enforcement != placement.Observed {
		t.Errorf("counts %+v", counts)
	}
	if r := must(w.ReportEnforcement(t.Context(), vim1, time.Time{}))(t); r.Evictions != 1 || len(r.Violations) != 1 || r.Violations[0].Count != 1 {
		t.Errorf("report %+v", r)
	}
	w.setMode(vim1, placement.ModeEnforce)
	if list := must(w.ListViolations(t.Context(), observed))(t); len(list) > 0 {
		t.Errorf("enforced, violations %+v", list)
	}
	if got := w.evict("h1", 5, sendsAway(ids[0])); len(got.Ordered) != 1 {
		t.Errorf("enforced, evicted %+v", got)
	}
}

// TestRecordedDirectives: what a host only recorded is in the report while its connection is observed, overdue when that is enforced and
// the host does not carry it out, and over when it does.
func TestRecordedDirectives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.lead("me")
	w.setMode(vim1, placement.ModeObserve)                                    // 1
	w.orders("h1", "o1", cacheOf("h1", "sha256:a", placement.CacheEncrypted)) // 2, 3
	w.acks("h1", placement.AckApplied, 1)
	w.acks("h1", placement.AckRecorded, 3)
	w.expectUnsettled("recorded while observed", time.Minute)
	r := must(w.ReportEnforcement(t.Context(), vim1, time.Time{}))(t)
	if diff := cmp.Diff([]placement.CountedEntry{{Name: "CACHE", Count: 1}}, r.Directives); diff != "" {
		t.Errorf("directives (-want +got):\n%s", diff)
	}
	w.setMode(vim1, placement.ModeEnforce) // 4
	w.acks("h1", placement.AckApplied, 4)
	w.expectUnsettled("enforced a moment ago", time.Minute)
	w.exec(`UPDATE enforcement_mode SET since = now() - interval '2 minutes'`)
	w.exec(`UPDATE directive SET acked_at = now() - interval '2 minutes' WHERE ack_outcome = 'RECORDED'`)
	w.expectUnsettled("enforced, and not carried out", time.Minute, "h1 DIRECTIVE-OVERDUE seq 3 CACHE")
	w.acks("h1", placement.AckApplied, 3)
	w.expectUnsettled("carried out", time.Minute)
	if err := w.RecordAck(t.Context(), placement.Ack{HostID: "h1", Seq: 3, Outcome: placement.AckRecorded}, "agent", placement.EndRules{}); placement.KindOf(err) != placement.Conflict {
		t.Errorf("what was carried out is only recorded: %v", err)
	}
}

// TestModeWaitsForDecisions expects a change of a mode to wait for a decision that is being stored, and one after it to be in the new mode.
func TestModeWaitsForDecisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	tx := begin(t, w.Store)
	if err := lockEpoch(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := w.SetEnforcementMode(t.Context(), placement.EnforcementMode{ModeKey: vim1, Mode: placement.ModeObserve, Reason: "r"}, nil)
		done <- err
	}()
	const waitingSQL = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	for w.count(waitingSQL) == 0 {
		select {
		case err := <-done:
			t.Fatalf("the mode was set beside a decision: %v", err)
		default:
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
