package postgres

import (
	"context"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"ringfence/internal/placement"
)

// evictionOf is a violation of a residency for which it is to go.
func evictionOf(residency, host string) placement.Violation {
	v := violationOf(residency, host, "R-1", "")
	v.NFVIPoPID, v.Eviction = testPoP, placement.EvictionPending
	return v
}

// sendsAway is a judge that sends residencies away, where they are.
func sendsAway(ids ...string) placement.JudgeEviction {
	return func(f placement.EvictionFacts) map[string][]placement.Reason {
		going := map[string][]placement.Reason{}
		for _, r := range f.Host.Residents {
			if slices.Contains(ids, r.ID) && r.State != placement.StateTerminating {
				going[r.ID] = []placement.Reason{{PolicyID: "p-1", RuleID: "R-1"}}
			}
		}
		return going
	}
}

// evictWorld is a world with a residency per host, for all of which there is a violation for which they are to go.
func evictWorld(t *testing.T, hosts ...string) (w *world, ids []string) {
	t.Helper()
	w = newWorld(t, hosts...)
	must(w.LeaseCompliance(t.Context(), "me", time.Hour))(t)
	var found []placement.Violation
	for _, h := range hosts {
		id := residencyOf(w.grant(request{vnf: "vnf-" + h, occ: h, hosts: []string{h}}))
		ids, found = append(ids, id), append(found, evictionOf(id, h))
	}
	w.recordAll(found...)
	return w, ids
}

func (w *world) recordAll(found ...placement.Violation) placement.ViolationRecord {
	w.t.Helper()
	return must(w.RecordViolations(w.t.Context(), "me", placement.ViolationCheck{Found: found}))(w.t)
}

func (w *world) evict(host string, perMinute int, judge placement.JudgeEviction) placement.EvictionResult {
	w.t.Helper()
	return must(w.Evict(w.t.Context(), "me", w.evictionOrder(host, perMinute), judge))(w.t)
}

func (w *world) evictionOrder(host string, perMinute int) placement.EvictionOrder {
	w.t.Helper()
	return placement.EvictionOrder{
		Host: placement.HostKey{NFVIPoPID: testPoP, HostID: host}, PolicyEpoch: must(w.Epoch(w.t.Context()))(w.t), PerMinute: perMinute, Siblings: true,
	}
}

// evictionOf is what became of the eviction of a residency.
func (w *world) evictionOf(residency string) string {
	w.t.Helper()
	var eviction string
	if err := w.owner.QueryRow(w.t.Context(), `SELECT eviction FROM violation WHERE residency_id = $1`, residency).Scan(&eviction); err != nil {
		w.t.Fatal(err)
	}
	return eviction
}

func (w *world) releases(host string) int {
	return w.count(`SELECT count(*) FROM directive WHERE host_id = $1 AND kind = 'RELEASE'`, host)
}

// TestEviction follows an eviction from the violation to its end: residency, directive, feed and audit record change together, a look
// at what was before does not order it again, and it ends when the residency is gone.
func TestEviction(t *testing.T) {
	t.Parallel()
	w, ids := evictWorld(t, "h1")
	id := ids[0]
	if hosts := must(w.PendingEvictions(t.Context(), 9))(t); len(hosts) != 1 || hosts[0].HostID != "h1" {
		t.Fatalf("waits on %v", hosts)
	}
	if got := w.evict("h1", 5, sendsAway(id)); !slices.Equal(got.Ordered, ids) || got.Waiting != 0 || got.Stale {
		t.Fatalf("evicted %+v", got)
	}
	violation := must(w.ListViolations(t.Context(), placement.Page{Limit: 9, Where: stillOpen()}))(t)[0]
	if violation.Eviction != placement.EvictionOrdered || violation.OrderedAt.IsZero() || !violation.DoneAt.IsZero() {
		t.Errorf("violation %+v", violation)
	}
	directives := must(w.HostDirectives(t.Context(), "h1", 0, 9))(t)
	last := directives[len(directives)-1]
	want := "evicted by rule R-1 of policy p-1: violation " + violation.ID
	if last.Kind != placement.DirectiveRelease || last.Release.Workload.ResidencyID != id || last.Release.Reason != want || last.Seq != 2 {
		t.Errorf("directive %+v, %+v", last, last.Release)
	}
	const auditSQL = `
		SELECT count(*) FROM audit_record
		WHERE action = 'EVICT' AND object_id = $1 AND detail->>'violationId' = $2 AND detail->>'ruleId' = 'R-1' AND detail->>'state' = 'RESERVED'`
	if n := w.count(auditSQL, id, violation.ID); n != 1 {
		t.Errorf("%d audit records", n)
	}
	feed := w.feed()
	if end := feed[len(feed)-1]; end.Residency == nil || end.Residency.ID != id || end.Residency.State != placement.StateTerminating {
		t.Errorf("the feed ends with %+v", end)
	}
	w.recordAll(evictionOf(id, "h1")) // a view that has not seen it
	if got := w.evict("h1", 5, sendsAway()); len(got.Ordered) != 0 || w.evictionOf(id) != "ORDERED" || w.releases("h1") != 1 {
		t.Errorf("seen from before: %+v, %s, %d directives", got, w.evictionOf(id), w.releases("h1"))
	}
	if err := w.ack("h1", 2, placement.AckApplied); err != nil {
		t.Fatal(err)
	}
	w.recordAll()
	if done := must(w.GetViolation(t.Context(), violation.ID))(t); done.Eviction != placement.EvictionDone || done.DoneAt.IsZero() || done.Until.IsZero() ||
		!done.OrderedAt.Equal(violation.OrderedAt) {
		t.Errorf("in the end: %+v", done)
	}
	w.checkBooks()
}

// TestEvictionIsJudgedUnderLock: what went away meanwhile evicts nobody, nor do other policies than those that were judged by, nor a
// process that no longer checks.
func TestEvictionIsJudgedUnderLock(t *testing.T) {
	t.Parallel()
	w, ids := evictWorld(t, "h1", "h2", "h3")
	w.evict("h1", 5, sendsAway())
	if got := w.evictionOf(ids[0]); got != "NONE" {
		t.Errorf("no longer to go: %s", got)
	}
	order := w.evictionOrder("h2", 5)
	order.PolicyEpoch++
	if got := must(w.Evict(t.Context(), "me", order, sendsAway(ids...)))(t); !got.Stale {
		t.Errorf("in another epoch: %+v", got)
	}
	_, err := w.Evict(t.Context(), "another", w.evictionOrder("h2", 5), sendsAway(ids...))
	wantKind(t, err, placement.Conflict)
	_, err = w.Evict(t.Context(), "me", w.evictionOrder("h9", 5), sendsAway(ids...))
	wantKind(t, err, placement.NotFound)
	w.terminate("vnf-h3", "end", "h3", ids[2])
	w.evict("h3", 5, sendsAway(ids...))
	if got := w.evictionOf(ids[2]); got != "NONE" || w.releases("h3") != 1 {
		t.Errorf("its VNFM removed it: %s, %d directives", got, w.releases("h3"))
	}
	if w.state(ids[0]) != "RESERVED" || w.state(ids[1]) != "RESERVED" || w.releases("h1")+w.releases("h2") != 0 {
		t.Error("somebody was evicted")
	}
}

// TestEvictionOfWhatWasOnlyObserved: nobody granted it, and it goes as well. An import that says it runs again has it told again.
func TestEvictionOfWhatWasOnlyObserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	must(w.LeaseCompliance(t.Context(), "me", time.Hour))(t)
	seen := placement.Residency{ID: "seen-1", NFVIPoPID: testPoP, HostID: "h1", Workload: placement.Workload{
		NF: placement.NF{VNFInstanceID: "vnf"}, ComponentID: "c", TrustDomainID: "TD-A", Runtime: "runc",
	}}
	for round := 1; round <= 2; round++ {
		if _, _, err := w.PutResidency(t.Context(), seen, nil, placement.EndRules{}, tester); err != nil {
			t.Fatal(err)
		}
		w.recordAll(evictionOf("seen-1", "h1"))
		got := w.evict("h1", 5, sendsAway("seen-1"))
		if len(got.Ordered) != 1 || w.state("seen-1") != "TERMINATING" || w.releases("h1") != round {
			t.Errorf("round %d: %+v, %s, %d directives", round, got, w.state("seen-1"), w.releases("h1"))
		}
	}
	if err := w.ack("h1", 2, placement.AckApplied); err != nil || w.state("seen-1") != "none" {
		t.Errorf("released: %s, %v", w.state("seen-1"), err)
	}
}

// TestEvictionLimit: no more go in a minute than the limit says, and those who waited go in the next.
func TestEvictionLimit(t *testing.T) {
	t.Parallel()
	w, ids := evictWorld(t, "h1", "h2")
	w.evict("h1", 1, sendsAway(ids...))
	for _, limit := range []int{0, 1} {
		if got := w.evict("h2", limit, sendsAway(ids...)); got.Waiting != 1 || len(got.Ordered) != 0 || w.evictionOf(ids[1]) != "PENDING" {
			t.Errorf("with %d in a minute: %+v", limit, got)
		}
	}
	w.exec(`UPDATE violation SET eviction_ordered_at = eviction_ordered_at - interval '61 seconds'`)
	if got := w.evict("h2", 1, sendsAway(ids...)); len(got.Ordered) != 1 {
		t.Errorf("a minute later: %+v", got)
	}
}

// TestEvictionsRace has several workers, who all believe that it is their turn, evict from the same hosts: each residency is told to
// go once, and no more than the limit says.
func TestEvictionsRace(t *testing.T) {
	t.Parallel()
	const hosts, limit = 12, 7
	w, ids := evictWorld(t, hostNames(hosts)...)
	stores := []*Store{w.Store, w.secondStore(), w.secondStore()}
	var g errgroup.Group
	start := make(chan struct{})
	for _, s := range stores {
		for _, h := range hostNames(hosts) {
			order := w.evictionOrder(h, limit)
			g.Go(func() error {
				<-start
				_, err := s.Evict(t.Context(), "me", order, sendsAway(ids...))
				if placement.KindOf(err) == placement.Unavailable { // too many at the same time: what waits is tried again
					return nil
				}
				return err
			})
		}
	}
	close(start)
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, h := range hostNames(hosts) { // who was in the way of others
		w.evict(h, limit, sendsAway(ids...))
	}
	const toldSQL = `SELECT count(*) FROM directive WHERE kind = 'RELEASE'`
	const goingSQL = `SELECT count(*) FROM residency WHERE state = 'TERMINATING'`
	const orderedSQL = `SELECT count(*) FROM violation WHERE eviction = 'ORDERED'`
	told, going, ordered := w.count(toldSQL), w.count(goingSQL), w.count(orderedSQL)
	if told != limit || going != limit || ordered != limit {
		t.Errorf("%d directives, %d residencies, %d violations, want %d of each", told, going, ordered, limit)
	}
	w.checkBooks()
}

// TestEvictionIsWholeOrNotAtAll ends a worker in the middle: nothing of it remains but that it waits.
func TestEvictionIsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w, ids := evictWorld(t, "h1")
	ctx, end := context.WithCancel(t.Context())
	_, err := w.Evict(ctx, "me", w.evictionOrder("h1", 5), func(f placement.EvictionFacts) map[string][]placement.Reason {
		end()
		return sendsAway(ids...)(f)
	})
	if err == nil || w.state(ids[0]) != "RESERVED" || w.evictionOf(ids[0]) != "PENDING" || w.releases("h1") != 0 {
		t.Fatalf("ended in the middle: %v, %s, %s, %d directives", err, w.state(ids[0]), w.evictionOf(ids[0]), w.releases("h1"))
	}
	if got := w.evict("h1", 5, sendsAway(ids...)); len(got.Ordered) != 1 || w.releases("h1") != 1 {
		t.Errorf("taken up: %+v, %d directives", got, w.releases("h1"))
	}
	if n := w.count(`SELECT count(*) FROM audit_record WHERE action = 'EVICT'`); n != 1 {
		t.Errorf("%d audit records", n)
	}
}
