package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// newGuarded returns a store that holds the small inventory, with a policy in force.
func newGuarded(t testing.TB) *Store {
	t.Helper()
	s, _ := newFleet(t)
	must(s.CreatePolicy(t.Context(), placement.PolicyRecord{ID: "p-1"}, tester))(t)
	transfer(t, s, "p-1", "1", "x")
	must(s.UpdatePolicy(t.Context(), "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
		p.SelectedVersion, p.Activated = "1", true
		return p, nil
	}, nil))(t)
	return s
}

// proposed takes what a write says when it waits.
func proposed(t testing.TB, err error) placement.PendingChange {
	t.Helper()
	a, ok := err.(*placement.AwaitsApproval) //nolint:errorlint // it is what the store returns
	if !ok {
		t.Fatalf("the write does not wait: %v", err)
	}
	return a.Change
}

// sensitive asks for another sensitivity of a trust domain.
func sensitive(t testing.TB, s *Store, id string, sensitivity int, actor string) placement.PendingChange {
	t.Helper()
	d := must(s.GetTrustDomain(t.Context(), id))(t)
	d.Sensitivity = sensitivity
	_, _, err := s.PutTrustDomain(t.Context(), d, nil, actor)
	return proposed(t, err)
}

func approve(ctx context.Context, s *Store, id, actor string, d placement.PendingDecision) (placement.PendingChange, error) {
	return s.ApprovePendingChange(ctx, id, placement.PendingApproval{
		Actor: actor, Approve: func(*placement.PendingChange) (placement.PendingDecision, error) { return d, nil },
	})
}

// TestPendingChangesAreAudited: who asked, who approved, rejected, found stale, applied alone, confirmed, and what expired.
func TestPendingChangesAreAudited(t *testing.T) {
	t.Parallel()
	s := newGuarded(t)
	ctx := t.Context()
	trail := func(p placement.PendingChange) string {
		rows, err := s.pool.Query(ctx, `SELECT action || ' ' || actor_id FROM audit_record WHERE object_id = $1 ORDER BY txid, id`, p.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var list []string
		for rows.Next() {
			var act string
			if err := rows.Scan(&act); err != nil {
				t.Fatal(err)
			}
			list = append(list, act)
		}
		return strings.Join(list, ", ")
	}
	glass := &placement.BreakGlass{By: "ann", Reason: "urgent", Until: time.Now().Add(-time.Minute)}
	applied, stale := sensitive(t, s, "TD-CP", 1, "ann"), sensitive(t, s, "TD-CP", 2, "ann")
	must(approve(ctx, s, applied.ID, "bob", placement.PendingDecision{}))(t)
	_, err := approve(ctx, s, stale.ID, "bob", placement.PendingDecision{})
	wantKind(t, err, placement.Conflict)
	rejected := sensitive(t, s, "TD-CP", 4, "ann")
	must(s.RejectPendingChange(ctx, rejected.ID, "bob", "no"))(t)
	alone := sensitive(t, s, "TD-UP", 0, "ann")
	must(approve(ctx, s, alone.ID, "ann", placement.PendingDecision{BreakGlass: glass}))(t)
	if got := must(s.UnconfirmedChanges(ctx))(t); len(got) != 1 || got[0].ID != alone.ID {
		t.Errorf("unconfirmed: %+v", got)
	}
	must(approve(ctx, s, alone.ID, "bob", placement.PendingDecision{ConfirmedBy: "bob"}))(t)
	if got := must(s.UnconfirmedChanges(ctx))(t); len(got) != 0 {
		t.Errorf("confirmed, and yet %+v", got)
	}
	s.approvalFor = time.Microsecond
	expired := sensitive(t, s, "TD-UP", 3, "ann")
	if n := must(s.ExpirePendingChanges(ctx, 10))(t) + must(s.ExpirePendingChanges(ctx, 10))(t); n != 1 {
		t.Errorf("%d expired", n)
	}
	for want, p := range map[string]placement.PendingChange{
		"PROPOSE_CHANGE ann, APPROVE_CHANGE bob": applied, "PROPOSE_CHANGE ann, STALE_CHANGE bob": stale, "PROPOSE_CHANGE ann, REJECT_CHANGE bob": rejected,
		"PROPOSE_CHANGE ann, BREAK_GLASS ann, APPROVE_CHANGE ann, CONFIRM_BREAK_GLASS bob": alone, "PROPOSE_CHANGE ann, EXPIRE_CHANGE ringfence": expired,
	} {
		if got := trail(p); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if n := must(s.ListPendingChanges(ctx, placement.Page{Limit: 10, Where: []placement.Condition{equal("state", "PENDING")}}, false))(t); len(n) != 0 {
		t.Errorf("still waiting: %+v", n)
	}
}

// TestSchemaHoldsTwoPersons: the application's role cannot apply a change in the name of who asked for it, nor alter what was asked
// for, whatever the program does.
func TestSchemaHoldsTwoPersons(t *testing.T) {
	t.Parallel()
	s := newGuarded(t)
	p := sensitive(t, s, "TD-CP", 1, "ann")
	for sql, want := range map[string]string{
		`UPDATE pending_change SET state = 'APPLIED', decided_by = proposed_by, decided_at = now()`: "pending_change_two_persons_ck",
		`UPDATE pending_change SET state = 'APPLIED', decided_at = now()`:                           "pending_change_decided_by_ck",
		`UPDATE pending_change SET state = 'APPLIED', decided_by = 'bob'`:                           "pending_change_decided_at_ck",
		`UPDATE pending_change SET state = 'DONE'`:                                                  "pending_change_",
		`UPDATE pending_change SET break_glass_reason = 'x'`:                                        "pending_change_break_glass_ck",
		`UPDATE pending_change SET changes = '[]'`:                                                  "permission denied",
		`UPDATE pending_change SET proposed_by = 'bob'`:                                             "permission denied",
		`UPDATE pending_change SET expires_at = 'infinity'`:                                         "permission denied",
		`DELETE FROM pending_change`:                                                                "permission denied",
	} {
		if _, err := s.pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
	if got := must(s.GetPendingChange(t.Context(), p.ID))(t); !cmp.Equal(got, p) {
		t.Errorf("%s", cmp.Diff(p, got))
	}
}

// TestApprovalWaitsForDecisions holds the epoch as a decision does: what is approved is in force for none that commits later, and
// for all that begin after the answer.
func TestApprovalWaitsForDecisions(t *testing.T) {
	t.Parallel()
	s := newGuarded(t)
	ctx := t.Context()
	p := sensitive(t, s, "TD-CP", 1, "ann")
	before := must(s.Epoch(ctx))(t)
	deciding := begin(t, s)
	if err := lockEpoch(ctx, deciding); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := approve(ctx, s, p.ID, "bob", placement.PendingDecision{})
		done <- err
	}()
	eventually(t, func() bool {
		const waitingSQL = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
		var waiting int
		if err := deciding.QueryRow(ctx, waitingSQL).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		return waiting == 1
	})
	if now := must(readEpoch(ctx, deciding))(t); now != before {
		t.Errorf("the epoch became %d under a decision", now)
	}
	if err := deciding.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if now, d := must(s.Epoch(ctx))(t), must(s.GetTrustDomain(ctx, "TD-CP"))(t); now != before+1 || d.Sensitivity != 1 {
		t.Errorf("epoch %d, was %d; %+v", now, before, d)
	}
}

// TestApprovalsAtOnce: of many approvals of one change one applies it, and of two changes of one object one is applied.
func TestApprovalsAtOnce(t *testing.T) {
	t.Parallel()
	s := newGuarded(t)
	changes := []placement.PendingChange{sensitive(t, s, "TD-CP", 1, "ann"), sensitive(t, s, "TD-CP", 2, "ann")}
	const each = 4
	results := make(chan error, each*len(changes))
	for i := range each * len(changes) {
		go func() {
			_, err := approve(t.Context(), s, changes[i%len(changes)].ID, fmt.Sprintf("bob-%d", i), placement.PendingDecision{})
			results <- err
		}()
	}
	applied := 0
	for range each * len(changes) {
		err := <-results
		if err == nil {
			applied++
			continue
		}
		wantKind(t, err, placement.Conflict)
	}
	states := map[placement.PendingState]int{}
	for _, c := range changes {
		states[must(s.GetPendingChange(t.Context(), c.ID))(t).State]++
	}
	if d := must(s.GetTrustDomain(t.Context(), "TD-CP"))(t); applied != 1 || d.Revision != 2 || states[placement.PendingApplied] != 1 || states[placement.PendingStale] != 1 {
		t.Errorf("applied %d times: %v, %+v", applied, states, d)
	}
}

// TestLargeDocuments: one without a relevant change is applied as ever, in batches; one with is too large to be approved as one.
func TestLargeDocuments(t *testing.T) {
	t.Parallel()
	s := newGuarded(t)
	large := func() *placement.Inventory {
		doc := &placement.Inventory{Hosts: make([]placement.Host, importHosts+1)}
		for i := range doc.Hosts {
			doc.Hosts[i] = placement.Host{ID: fmt.Sprintf("x%05d", i), NFVIPoPID: "LON", ResourceZoneID: "LON-A", HostPoolID: "pool-up"}
		}
		return doc
	}
	got := must(s.Import(t.Context(), large(), false, placement.EndRules{}, tester, nil))(t)
	if n := got.Counts["hosts"].Created; n != importHosts+1 {
		t.Errorf("%d hosts created", n)
	}
	doc := large()
	doc.Hosts[importHosts].HypervisorClass = placement.HypervisorType1
	_, err := s.Import(t.Context(), doc, false, placement.EndRules{}, tester, nil)
	wantKind(t, err, placement.Conflict)
	if err == nil || !strings.Contains(err.Error(), "CHANGE HOST x05000") {
		t.Errorf("%v", err)
	}
	one := &placement.Inventory{Hosts: large().Hosts[importHosts:]}
	one.Hosts[0].HypervisorClass = placement.HypervisorType1
	_, err = s.Import(t.Context(), one, false, placement.EndRules{}, "ann", nil)
	p := proposed(t, err)
	must(approve(t.Context(), s, p.ID, "bob", placement.PendingDecision{}))(t)
	if h := must(s.GetHost(t.Context(), "x05000"))(t); h.HypervisorClass != placement.HypervisorType1 {
		t.Errorf("%+v", h)
	}
}

// TestWhatCannotBeDoneIsNotProposed: a write that the inventory would refuse is refused when it is asked for.
func TestWhatCannotBeDoneIsNotProposed(t *testing.T) {
	t.Parallel()
	s := newGuarded(t)
	ctx := t.Context()
	wantKind(t, s.DeleteTrustDomain(ctx, "TD-CP", nil, tester), placement.Conflict) // in use
	old := int64(99)
	d := must(s.GetTrustDomain(ctx, "TD-CP"))(t)
	d.Sensitivity = 0
	_, _, err := s.PutTrustDomain(ctx, d, &old, tester)
	wantKind(t, err, placement.PreconditionFailed)
	_, _, err = s.PutTrustRelation(ctx, placement.TrustRelation{FromID: "TD-CP", ToID: "TD-NOBODY", Handling: placement.HandlingNone}, nil, tester)
	wantKind(t, err, placement.Invalid)
	if got := must(s.ListPendingChanges(ctx, placement.Page{Limit: 10}, false))(t); len(got) != 0 {
		t.Errorf("proposed: %+v", got)
	}
	// What can be done is proposed, deletions as well.
	gone := proposed(t, s.DeleteTrustRelation(ctx, "TD-CP", "TD-UP", nil, "ann"))
	must(approve(ctx, s, gone.ID, "bob", placement.PendingDecision{}))(t)
	_, err = s.GetTrustRelation(ctx, "TD-CP", "TD-UP")
	wantKind(t, err, placement.NotFound)
}
