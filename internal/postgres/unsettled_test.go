package postgres

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// orders commits directives to a host beside a grant there, and returns the residency. The PLACE of the grant comes first.
func (w *world) orders(host, occ string, directives ...placement.Directive) string {
	w.t.Helper()
	c := w.commitOf(request{vnf: "vnf-" + occ, occ: occ, hosts: []string{host}})
	c.Decision.Inputs.Demands[0].Workload.Resources = nil // there is room for all of them
	c.Answer[0].Resources = nil
	for i := range directives {
		directives[i].NFVIPoPID, directives[i].HostID = testPoP, host
	}
	c.Directives = append(c.Directives, directives...)
	res, err := w.Commit(w.t.Context(), c, sayYes)
	if err != nil || res.Status != placement.CommitDone {
		w.t.Fatalf("commit: %+v, %v", res, err)
	}
	return residencyOf(res.Grant)
}

// unsettled records what is not carried out, and returns what of that stands then.
func (w *world) unsettled(overdueAfter time.Duration) (standing []string) {
	w.t.Helper()
	must(w.RecordUnsettled(w.t.Context(), "me", overdueAfter, 7))(w.t)
	for _, v := range must(w.ListViolations(w.t.Context(), placement.Page{Limit: 100, Where: stillOpen()}))(w.t) {
		if v.Source == placement.SourceDirectives {
			standing = append(standing, fmt.Sprintf("%s %s %s %s", v.HostID, v.Reason.RuleID, v.Object, v.Reason.Params["kind"]))
		}
	}
	slices.Sort(standing)
	return standing
}

func (w *world) expectUnsettled(after string, overdueAfter time.Duration, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.unsettled(overdueAfter)); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", after, diff)
	}
}

// acks acknowledges, and makes everything that was issued until now older than a minute.
func (w *world) acks(host string, outcome placement.AckOutcome, seqs ...int64) {
	w.t.Helper()
	for _, seq := range seqs {
		ack := placement.Ack{HostID: host, Seq: seq, Outcome: outcome, Detail: "no space left"}
		if err := w.RecordAck(w.t.Context(), ack, "agent", placement.EndRules{}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.age()
}

func (w *world) age() {
	w.t.Helper()
	w.exec(`UPDATE directive SET issued_at = now() - interval '2 minutes' WHERE issued_at > now() - interval '1 minute'`)
}

// TestFailedDirectivesAreViolations: a directive that failed is a violation until another answer, or the end of what it was about, or
// a later directive that orders the same.
func TestFailedDirectivesAreViolations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	w.lead("me")
	first := w.orders("h1", "o1", cacheOf("h1", "sha256:a", placement.CacheEncrypted), cacheOf("h1", "sha256:b", placement.CacheEncrypted)) // 1 to 3
	w.acks("h1", placement.AckFailed, 1, 2, 3)
	all := []string{"h1 DIRECTIVE-FAILED seq 1 PLACE", "h1 DIRECTIVE-FAILED seq 2 CACHE", "h1 DIRECTIVE-FAILED seq 3 CACHE"}
	w.expectUnsettled("all failed", time.Minute, all...)
	found := must(w.ListViolations(t.Context(), placement.Page{Limit: 1, Where: stillOpen()}))(t)[0]
	if p := found.Reason.Params; p["detail"] != "no space left" || p["host"] != "h1" || p["issuedAt"] == "" || found.PolicyEpoch != 7 {
		t.Errorf("recorded %+v", found)
	}
	must(w.RecordViolations(t.Context(), "me", placement.ViolationCheck{}))(t)
	w.expectUnsettled("a check of the rules found nothing", time.Minute, all...)
	if n := w.count(`SELECT count(*) FROM violation`); n != 3 {
		t.Errorf("%d were recorded, want each once", n)
	}
	w.acks("h1", placement.AckApplied, 2)
	w.expectUnsettled("one was carried out after all", time.Minute, all[0], all[2])
	w.orders("h1", "o2", cacheOf("h1", "sha256:b", placement.CacheNoStore)) // 4, 5
	w.expectUnsettled("a later one orders the same", time.Minute, all[0])
	if err := w.release(first); err != nil {
		t.Fatal(err)
	}
	w.expectUnsettled("what it was about has ended", time.Minute)
}

// TestOverdueDirectives: who answers is expected to, and nobody else.
func TestOverdueDirectives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "agent", "cism", "new", "none")
	w.lead("me")
	released := map[string]string{}
	for _, h := range []string{"agent", "cism", "new", "none"} { // 1 to 3
		released[h] = w.orders(h, "o-"+h, cacheOf(h, "sha256:a", placement.CacheEncrypted), cacheOf(h, "sha256:b", placement.CacheEncrypted))
	}
	w.acks("agent", placement.AckApplied, 2)
	w.acks("cism", placement.AckApplied, 1)
	report := placement.ObservedState{HostID: "new", Residencies: []placement.ObservedResidency{{ResidencyID: released["new"], Runtime: "kata"}}}
	if _, err := w.PutObservedState(t.Context(), report, "d", placement.ObservationCondition{}, placement.EndRules{}, noDrift); err != nil {
		t.Fatal(err)
	}
	w.expectUnsettled("one is not answered in time", time.Minute, "agent DIRECTIVE-OVERDUE seq 3 CACHE")
	w.expectUnsettled("there is time", time.Hour)
	w.expectUnsettled("there is all the time", 0)
	for h, id := range released {
		w.terminate("vnf-o-"+h, "end-"+h, h, id) // 4
	}
	w.expectUnsettled("the releases are fresh", time.Minute, "agent DIRECTIVE-OVERDUE seq 3 CACHE")
	w.age()
	late := []string{"agent DIRECTIVE-OVERDUE seq 4 RELEASE", "cism DIRECTIVE-OVERDUE seq 4 RELEASE", "new DIRECTIVE-OVERDUE seq 4 RELEASE"}
	w.acks("agent", placement.AckSuperseded, 3)
	w.expectUnsettled("nobody lets go", time.Minute, late...)
	w.acks("cism", placement.AckApplied, 4)
	w.exec(`UPDATE host SET lifecycle = 'RETIRED' WHERE id = 'new'`)
	w.expectUnsettled("one has, and one host is gone", time.Minute, late[0])
}

// TestUnsettledAreBounded: of a host that is silent the oldest directives are recorded, and a process that was replaced records none.
func TestUnsettledAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.lead("me")
	var directives []placement.Directive
	for n := range unsettledPerHost + 5 {
		directives = append(directives, cacheOf("h1", fmt.Sprint("sha256:", n), placement.CacheEncrypted))
	}
	w.orders("h1", "o1", directives...)
	w.acks("h1", placement.AckApplied, 2)
	got := w.unsettled(time.Minute)
	if len(got) != unsettledPerHost || !slices.Contains(got, "h1 DIRECTIVE-OVERDUE seq 3 CACHE") {
		t.Errorf("recorded %v", got)
	}
	_, err := w.RecordUnsettled(t.Context(), "another", time.Minute, 7)
	wantKind(t, err, placement.Conflict)
}
