package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// deliveries tells all deliveries of a state, newest first, in one line each.
func deliveries(t *testing.T, s *Store, state placement.DeliveryState) (lines []string) {
	t.Helper()
	after := ""
	var where []placement.Condition
	if state != "" {
		where = append(where, equal("state", string(state)))
	}
	for {
		page := must(s.ListDeliveries(t.Context(), placement.Page{After: after, Limit: 2, Where: where}))(t)
		for _, d := range page {
			line := fmt.Sprintf("%s %s to %s, tried %d", d.State, strings.Join(d.Event.PolicyIDs, ","), d.SubscriptionID, d.Attempts)
			if d.LastError != "" {
				line += ": " + d.LastError
			}
			if d.SettledAt.IsZero() != (d.State == placement.DeliveryPending) || d.DueAt.IsZero() == (d.State == placement.DeliveryPending) {
				t.Errorf("%s is due %s, settled %s", line, d.DueAt, d.SettledAt)
			}
			if !d.SuspendedAt.IsZero() {
				line += " (suspended)"
			}
			lines = append(lines, line)
			after = d.ID
		}
		if len(page) < 2 {
			return lines
		}
	}
}

func createPolicies(t *testing.T, s *Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		must(s.CreatePolicy(t.Context(), placement.PolicyRecord{ID: id}, tester))(t)
	}
}

// TestSuspendedSubscription gives up what is on its way and what comes later, until the client asks for the subscription anew.
func TestSuspendedSubscription(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	subscribe(t, s, placement.PolicySubscription{ID: "good", ClientID: "a"})
	subscribe(t, s, placement.PolicySubscription{ID: "silent", ClientID: "b"})
	createPolicies(t, s, "p-1", "p-2")
	for _, d := range lease(t, s, 10, time.Hour) {
		if d.Subscription.ID == "good" {
			if err := s.SettleDelivery(ctx, d, ""); err != nil {
				t.Fatal(err)
			}
		} else if err := s.PutOffDelivery(ctx, d, -time.Second, "no answer", true); err != nil {
			t.Fatal(err)
		}
	}
	suspend := func(id string, patience time.Duration) bool {
		return must(s.SuspendSubscription(ctx, id, patience, "no answer"))(t)
	}
	if suspend("good", 0) || suspend("silent", time.Hour) {
		t.Error("a subscription that works, or fails only now, is suspended")
	}
	if due := lease(t, s, 10, -time.Second); len(due) != 2 || due[0].FailingSince.IsZero() {
		t.Errorf("leased %+v", due)
	}
	if !suspend("silent", 0) {
		t.Error("a subscription that failed for long enough is not suspended")
	}
	createPolicies(t, s, "p-3")
	if diff := cmp.Diff([]string{
		"DEAD p-3 to silent, tried 0: the subscription is suspended (suspended)",
		"PENDING p-3 to good, tried 0",
		"DEAD p-2 to silent, tried 1: no answer (suspended)",
		"DELIVERED p-2 to good, tried 1",
		"DEAD p-1 to silent, tried 1: no answer (suspended)",
		"DELIVERED p-1 to good, tried 1",
	}, deliveries(t, s, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := deliveries(t, s, placement.DeliveryDead); len(got) != 3 {
		t.Errorf("dead: %v", got)
	}
	if got := must(s.CountDeliveries(ctx))(t); got != (placement.DeliveryCounts{Pending: 1, Dead: 3, Suspended: 1}) {
		t.Errorf("counted %+v", got)
	}
	_, created, err := s.CreatePolicySubscription(ctx, placement.PolicySubscription{ClientID: "b", CallbackURI: "https://subscriber.example.net/silent"})
	if err != nil || created {
		t.Fatalf("created %t, %v", created, err)
	}
	createPolicies(t, s, "p-4")
	if got := deliveries(t, s, placement.DeliveryPending); len(got) != 3 || got[0] != "PENDING p-4 to silent, tried 0" {
		t.Errorf("on their way: %v", got)
	}
}

// TestDeliveryShowsThatASubscriptionWorks begins the time of failing anew with each delivery that is made.
func TestDeliveryShowsThatASubscriptionWorks(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	subscribe(t, s, placement.PolicySubscription{ID: "s", ClientID: "a"})
	createPolicies(t, s, "p-1", "p-2")
	both := lease(t, s, 2, time.Hour)
	if err := s.PutOffDelivery(ctx, both[0], -time.Second, "the host is left alone", false); err != nil {
		t.Fatal(err)
	}
	if d := lease(t, s, 2, -time.Second); len(d) != 1 || !d[0].FailingSince.IsZero() || d[0].Attempts != 0 {
		t.Errorf("one that was not tried counts: %+v", d)
	}
	if err := s.PutOffDelivery(ctx, both[0], -time.Second, "no answer", true); err != nil {
		t.Fatal(err)
	}
	if err := s.SettleDelivery(ctx, both[1], ""); err != nil {
		t.Fatal(err)
	}
	if d := lease(t, s, 2, time.Hour); len(d) != 1 || !d[0].FailingSince.IsZero() || d[0].Attempts != 1 {
		t.Errorf("after a delivery: %+v", d)
	}
}

// TestForgetDeliveries keeps what is on its way, and the rest for a while; it deletes a bounded number at once.
func TestForgetDeliveries(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	createPolicies(t, s, "nobody hears of")
	subscribe(t, s, placement.PolicySubscription{ID: "s", ClientID: "a"})
	createPolicies(t, s, "delivered-1", "delivered-2", "dead", "pending")
	for i, d := range lease(t, s, 3, time.Hour) {
		if err := s.SettleDelivery(ctx, d, map[bool]string{true: "no answer"}[i == 2]); err != nil {
			t.Fatal(err)
		}
	}
	forget := func(n int, delivered, dead time.Duration) int {
		return must(s.ForgetDeliveries(ctx, n, delivered, dead))(t)
	}
	if got := forget(100, time.Hour, time.Hour); got != 0 {
		t.Errorf("%d forgotten too early", got)
	}
	if got := forget(1, -time.Second, time.Hour); got != 2 { // one delivery; and of the events the oldest, which nobody hears of
		t.Errorf("%d forgotten of at most one each", got)
	}
	if got := forget(100, -time.Second, time.Hour); got != 3 { // the other delivery, and the events of both
		t.Errorf("%d forgotten", got)
	}
	if diff := cmp.Diff([]string{"PENDING pending to s, tried 0", "DEAD dead to s, tried 1: no answer"}, deliveries(t, s, "")); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if got := forget(100, -time.Second, -time.Second); got != 2 {
		t.Errorf("%d forgotten of what was given up", got)
	}
}
