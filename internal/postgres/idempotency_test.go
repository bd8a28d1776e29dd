package postgres

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"ringfence/internal/placement"
)

func keyOf(occ, body string) placement.IdempotencyKey {
	return placement.IdempotencyKey{ClientID: "vnfm", VNFLcmOpOccID: occ, BodySHA256: sha256.Sum256([]byte(body))}
}

func (w *world) find(occ, body string) placement.Answer {
	w.t.Helper()
	a, _, err := w.FindAnswer(w.t.Context(), keyOf(occ, body), "")
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// refusal is a decision that refuses, on a view at a position.
func (w *world) refusal(occ string, at placement.FeedPosition) placement.Decision {
	d := w.commitOf(request{vnf: "amf-1", occ: occ}).Decision
	d.NFVIPoPID, d.Outcome, d.Plan, d.At, d.Inputs.Position = placement.DecisionPoP, placement.OutcomeRefuse, nil, d.Inputs.Now, at
	d.Explanation = placement.Explanation{Reasons: []placement.Reason{{RuleID: placement.RuleNoPolicy}}}
	return d
}

func TestAnswerStandsAsLongAsItsReservations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	if a := w.find("occ-1", "a"); a.Found {
		t.Fatalf("an answer before the question: %+v", a)
	}
	q := request{vnf: "amf-1", occ: "occ-1", body: "a", hosts: []string{"h1", "h2"}}
	g := w.grant(q)
	ids := []string{g.Placements[0].ResidencyID, g.Placements[1].ResidencyID}
	want := placement.Answer{
		Found: true, SameBody: true, Outcome: placement.OutcomeGrant, GrantID: g.ID, DecisionID: g.DecisionID, Stands: true, Unconfirmed: slices.Sorted(slices.Values(ids)),
	}
	if diff := cmp.Diff(want, w.find("occ-1", "a")); diff != "" {
		t.Errorf("replay (-want +got):\n%s", diff)
	}
	if a := w.find("occ-1", "b"); a.SameBody || !a.Found {
		t.Errorf("another body: %+v", a)
	}
	res, err := w.Commit(t.Context(), w.commitOf(q), sayYes)
	if err != nil || res.Status != placement.CommitAnswered {
		t.Errorf("a second commit of the same request: status %d, %v", res.Status, err)
	}
	if err := w.release(ids[0]); err != nil {
		t.Fatal(err)
	}
	if a := w.find("occ-1", "a"); !a.Stands || a.GrantID != g.ID || !cmp.Equal(a.Unconfirmed, ids[1:]) {
		t.Errorf("half of the reservations were released: %+v", a)
	}
	if err := w.release(ids[1]); err != nil {
		t.Fatal(err)
	}
	if a := w.find("occ-1", "a"); a.Stands || a.Unconfirmed != nil {
		t.Errorf("nothing is left of the grant: %+v", a)
	}
	again := w.grant(q)
	if a := w.find("occ-1", "a"); !a.Stands || a.GrantID != again.ID {
		t.Errorf("after the second grant: %+v", a)
	}
	w.checkBooks()
}

// TestGrantSurvivesARefusalOfAnotherBody goes back to the body that was granted after another one was refused: it runs already.
func TestGrantSurvivesARefusalOfAnotherBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	q := request{vnf: "amf-1", occ: "occ-1", body: "a", hosts: []string{"h1"}}
	g := w.grant(q)
	w.exec(`UPDATE residency SET state = 'RUNNING'`)
	position := must(w.FeedNewest(t.Context()))(t)
	if record := must(w.RecordRefusal(t.Context(), keyOf("occ-1", "b"), w.refusal("occ-1", position), "g-1"))(t); !record.Recorded {
		t.Fatal("the refusal of the other body was not recorded")
	}
	if a := w.find("occ-1", "b"); a.Outcome != placement.OutcomeRefuse || !a.SameBody {
		t.Errorf("the other body: %+v", a)
	}
	if a := w.find("occ-1", "a"); !a.Stands || !a.SameBody || a.Outcome != placement.OutcomeGrant || a.GrantID != g.ID {
		t.Errorf("the body that was granted: %+v", a)
	}
	if res, err := w.Commit(t.Context(), w.commitOf(q), sayYes); err != nil || res.Status != placement.CommitAnswered {
		t.Errorf("its second commit: status %d, %v", res.Status, err)
	}
	if record := must(w.RecordRefusal(t.Context(), keyOf("occ-1", "a"), w.refusal("occ-1", position), "g-2"))(t); record.Recorded {
		t.Error("it was refused although it runs")
	}
	w.checkBooks()
}

// TestRetryDoublesNothing repeats a request of which one workload has ended and the other one is in each of its states.
func TestRetryDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, state := range []placement.ResidencyState{
		placement.StateReserved, placement.StateUnconfirmed, placement.StateRunning, placement.StateTerminating,
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "h1", "h2")
			q := request{vnf: "amf-1", occ: "occ-1", body: "a", hosts: []string{"h1", "h2"}}
			g := w.grant(q)
			w.exec(`UPDATE residency SET state = $1 WHERE host_id = 'h1'`, string(state))
			if err := w.release(g.Placements[1].ResidencyID); err != nil {
				t.Fatal(err)
			}
			if a := w.find("occ-1", "a"); !a.Stands || a.GrantID != g.ID {
				t.Errorf("the retry's answer: %+v", a)
			}
			if res, err := w.Commit(t.Context(), w.commitOf(q), sayYes); err != nil || res.Status != placement.CommitAnswered {
				t.Errorf("the retry's commit: status %d, %v", res.Status, err)
			}
			if n := w.count(`SELECT count(*) FROM residency`); n != 1 {
				t.Errorf("%d residencies, want the one that is left", n)
			}
			w.checkBooks()
		})
	}
}

func TestAnotherBodySupersedes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1", "h2")
	to := placement.Dedication{Identity: placement.DedicatedToNFInstance, ID: "amf-1"}
	first := w.grant(request{vnf: "amf-1", occ: "occ-1", body: "a", hosts: []string{"h1"}, claims: claimOf("TD-A"), edit: func(c *placement.Commit) {
		c.Decision.Plan.Placements[0].Dedicate = &to
	}})
	q := request{vnf: "amf-1", occ: "occ-1", body: "b", hosts: []string{"h1"}}
	if res, err := w.Commit(t.Context(), w.commitOf(q), sayYes); err != nil || res.Status != placement.CommitAnswered {
		t.Errorf("a commit that does not know the other body's reservation: status %d, %v", res.Status, err)
	}
	q.edit = func(c *placement.Commit) { c.Supersedes = []string{residencyOf(first)} }
	var facts placement.CommitFacts
	c := w.commitOf(q)
	res, err := w.Commit(t.Context(), c, func(f placement.CommitFacts) []placement.Reason { facts = f; return nil })
	if err != nil || res.Status != placement.CommitDone {
		t.Fatalf("commit: %+v, %v", res, err)
	}
	if h := facts.Hosts[0]; len(h.Residents) != 0 || h.Used[placement.DimCPUMillis] != 0 || h.Used["ext.fpga"] != 0 || h.Host.DedicatedTo != nil {
		t.Errorf("the facts still show what is superseded: %+v", h)
	}
	if n := w.count(`SELECT count(*) FROM host WHERE dedicated_id IS NOT NULL`) + w.count(`SELECT count(*) FROM claim`); n != 0 {
		t.Error("the dedication or the claim outlived its residency")
	}
	if a := w.find("occ-1", "a"); a.SameBody || a.GrantID != c.GrantID {
		t.Errorf("the first body is still answered: %+v", a)
	}
	w.checkBooks()
	checkReplica(t, w)
}

// TestSupersedingLeavesResidue supersedes a workload that may have run, on a host that it leaves and on one that it returns to.
func TestSupersedingLeavesResidue(t *testing.T) {
	t.Parallel()
	left := placement.Residue{TrustDomainID: "TD-A", NFInstance: "amf-1", BelowVM: true}
	for name, c := range map[string]struct {
		expired bool
		to      string
		residue []placement.Residue
		kinds   []placement.DirectiveKind // that h1 is told, after the first PLACE
	}{
		"reserved, elsewhere":     {to: "h2", kinds: []placement.DirectiveKind{placement.DirectivePurge}},
		"unconfirmed, elsewhere":  {expired: true, to: "h2", residue: []placement.Residue{left}, kinds: []placement.DirectiveKind{placement.DirectivePurge}},
		"unconfirmed, same again": {expired: true, to: "h1", residue: []placement.Residue{left}, kinds: []placement.DirectiveKind{placement.DirectivePlace}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "h1", "h2")
			g := w.grant(request{vnf: "amf-1", occ: "occ-1", body: "a", runtime: "runc", hosts: []string{"h1"}, edit: func(c *placement.Commit) { c.ReservationTTL = time.Microsecond }})
			if c.expired {
				must(w.ExpireReservations(t.Context(), 10))(t)
			}
			next := w.commitOf(request{vnf: "amf-1", occ: "occ-1", body: "b", runtime: "runc", hosts: []string{c.to}})
			next.Supersedes, next.End = []string{residencyOf(g)}, leavesResidue()
			var seen []placement.Residue
			res, err := w.Commit(t.Context(), next, func(f placement.CommitFacts) []placement.Reason {
				seen = f.Hosts[0].Host.Residue
				return nil
			})
			if err != nil || res.Status != placement.CommitDone {
				t.Fatalf("commit: %+v, %v", res, err)
			}
			ignored := cmpopts.IgnoreFields(placement.Residue{}, "ID", "Since")
			stored := w.hostRecord("h1").Residue
			if diff := cmp.Diff(c.residue, stored, ignored, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("residue on the host (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(stored, seen, ignored, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the verification judges another residue (-stored +judged):\n%s", diff)
			}
			var kinds []placement.DirectiveKind
			for _, d := range must(w.HostDirectives(t.Context(), "h1", 1, 10))(t) {
				kinds = append(kinds, d.Kind)
			}
			if diff := cmp.Diff(c.kinds, kinds); diff != "" {
				t.Errorf("directives (-want +got):\n%s", diff)
			}
			w.checkBooks()
			checkReplica(t, w)
		})
	}
}

func TestConfirmedReservationIsNotSuperseded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	first := w.grant(request{vnf: "amf-1", occ: "occ-1", body: "a", hosts: []string{"h1"}})
	stale := w.commitOf(request{vnf: "amf-1", occ: "occ-1", body: "b", hosts: []string{"h1"}})
	stale.Supersedes = []string{residencyOf(first)}
	if err := w.RecordAck(t.Context(), placement.Ack{HostID: "h1", Seq: 1, Outcome: placement.AckApplied}, "agent", placement.EndRules{}); err != nil {
		t.Fatal(err)
	}
	if res, err := w.Commit(t.Context(), stale, sayYes); err != nil || res.Status != placement.CommitStale {
		t.Errorf("a running workload was superseded: status %d, %v", res.Status, err)
	}
	w.grant(request{vnf: "amf-1", occ: "occ-1", body: "b", hosts: []string{"h1"}})
	if got := w.state(residencyOf(first)); got != "RUNNING" {
		t.Errorf("the running workload is %s", got)
	}
	w.checkBooks()
}

func TestSameRequestAtTheSameTimeIsGrantedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	w.exec(`UPDATE host SET cpu_millis_total = 1000000, memory_mib_total = 1000000`)
	const clients = 8
	statuses := make([]placement.CommitStatus, clients)
	var g errgroup.Group
	for i := range clients {
		c := w.commitOf(request{vnf: "amf-1", occ: "occ-1", hosts: []string{"h1"}})
		g.Go(func() error {
			res, err := w.Commit(t.Context(), c, sayYes)
			statuses[i] = res.Status
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(statuses)
	want := append([]placement.CommitStatus{placement.CommitDone}, slices.Repeat([]placement.CommitStatus{placement.CommitAnswered}, clients-1)...)
	if !slices.Equal(statuses, want) {
		t.Errorf("statuses %v", statuses)
	}
	w.checkBooks()
}

func TestRefusalIsRecordedUnderItsEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "h1")
	g := w.grant(request{vnf: "amf-0", occ: "occ-0", hosts: []string{"h1"}})
	head := w.settled()
	d := w.refusal("occ-1", head)
	if record, err := w.RecordRefusal(t.Context(), keyOf("occ-1", "a"), d, "g-1"); err != nil || !record.Recorded {
		t.Fatalf("recorded %v, %v", record.Recorded, err)
	}
	want := placement.Answer{Found: true, SameBody: true, Outcome: placement.OutcomeRefuse, DecisionID: d.ID, Stands: true, Position: head}
	w.settled()
	if diff := cmp.Diff(want, w.find("occ-1", "a")); diff != "" {
		t.Errorf("the refusal's answer (-want +got):\n%s", diff)
	}
	stored, err := w.GetDecision(t.Context(), d.ID)
	if diff := cmp.Diff(d, stored, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(1000)); err != nil || diff != "" {
		t.Errorf("the stored refusal (-want +got): %v\n%s", err, diff)
	}
	if err := w.release(residencyOf(g)); err != nil {
		t.Fatal(err)
	}
	if a := w.find("occ-1", "a"); a.Stands {
		t.Error("the refusal stands although a host was freed")
	}
	w.exec(`UPDATE policy_epoch SET epoch = epoch + 1`)
	if record, err := w.RecordRefusal(t.Context(), keyOf("occ-2", "a"), d, "g-1"); err != nil || record.Recorded {
		t.Errorf("a refusal under an old epoch: recorded %v, %v", record.Recorded, err)
	}
	w.checkBooks()
}
