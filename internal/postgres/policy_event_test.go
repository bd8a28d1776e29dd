package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func subscribe(t *testing.T, s *Store, p placement.PolicySubscription) {
	t.Helper()
	p.CallbackURI = "https://subscriber.example.net/" + p.ID
	if _, created, err := s.CreatePolicySubscription(t.Context(), p); err != nil || !created {
		t.Fatalf("%s: created %t, %v", p.ID, created, err)
	}
}

// sentence tells a delivery in one line.
func sentence(d *placement.Delivery) string {
	e := &d.Event
	line := fmt.Sprintf("%s: %s %s %s", d.Subscription.ID, e.Operation, strings.Join(e.PolicyIDs, ","), strings.Join(e.Versions, ","))
	if e.PreviousSelectedVersion != "" {
		line += " before " + e.PreviousSelectedVersion
	}
	if m := e.Modification; m != nil {
		line += fmt.Sprintf(" selects %q +%v -%v", m.SelectedVersion, m.AddAssociations, m.RemoveAssociations)
		if m.Activated != nil {
			line += fmt.Sprintf(" activated %t", *m.Activated)
		}
	}
	return line
}

func lease(t *testing.T, s *Store, n int, d time.Duration) []placement.Delivery {
	t.Helper()
	return must(s.LeaseDeliveries(t.Context(), n, d))(t)
}

// TestPolicyEvents tells every subscriber what it asked for, once for each change, with one id for all of them.
func TestPolicyEvents(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	subscribe(t, s, placement.PolicySubscription{ID: "all", ClientID: "a"})
	subscribe(t, s, placement.PolicySubscription{ID: "p-2 only", ClientID: "a", PolicyIDs: []string{"p-2"}})
	subscribe(t, s, placement.PolicySubscription{ID: "modified", ClientID: "b", ChangeTypes: []placement.PolicyOperation{placement.PolicyModified}})
	subscribe(t, s, placement.PolicySubscription{ID: "conflicts", ClientID: "b", NotificationTypes: []placement.NotificationType{placement.NotifyPolicyConflict}})
	must(s.CreatePolicy(ctx, placement.PolicyRecord{ID: "p-1"}, tester))(t)
	transfer(t, s, "p-1", "1", "x")
	transfer(t, s, "p-1", "2", "y")
	must(s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
		p.SelectedVersion, p.Associations = "2", []string{"vnf-1"}
		return p, nil
	}, nil))(t)
	must(s.UpdatePolicy(ctx, "p-1", nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) { return p, nil }, nil))(t) // nothing
	if err := s.DeletePolicyVersion(ctx, "p-1", "1", tester); err != nil {
		t.Fatal(err)
	}
	if err := s.DeletePolicy(ctx, "p-1", nil, tester); err != nil {
		t.Fatal(err)
	}
	var got []string
	ids := map[string]string{}
	for _, d := range lease(t, s, 100, time.Minute) {
		line := sentence(&d)
		got = append(got, line)
		_, what, _ := strings.Cut(line, ": ")
		if id, ok := ids[what]; ok && id != d.Event.ID {
			t.Errorf("%s has the ids %s and %s", what, id, d.Event.ID)
		}
		ids[what] = d.Event.ID
	}
	want := []string{
		"all: CREATE_POLICY p-1 ",
		"all: TRANSFER_POLICY p-1 1",
		"all: TRANSFER_POLICY p-1 2",
		`all: MODIFY_POLICY p-1 2 before 1 selects "2" +[vnf-1] -[]`,
		`modified: MODIFY_POLICY p-1 2 before 1 selects "2" +[vnf-1] -[]`,
		"all: DELETE_POLICY p-1 1",
		"all: DELETE_POLICY p-1 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

// TestDeliveriesAreLeased gives a delivery to one at a time, again after the lease, later when it is put off, and never when it is
// settled.
func TestDeliveriesAreLeased(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	subscribe(t, s, placement.PolicySubscription{ID: "s", ClientID: "a"})
	for _, id := range []string{"p-1", "p-2", "p-3"} {
		must(s.CreatePolicy(ctx, placement.PolicyRecord{ID: id}, tester))(t)
	}
	first := lease(t, s, 2, time.Hour)
	if len(first) != 2 || len(lease(t, s, 5, time.Hour)) != 1 || len(lease(t, s, 5, time.Hour)) != 0 {
		t.Fatalf("leased %d first", len(first))
	}
	if err := s.SettleDelivery(ctx, first[0], ""); err != nil {
		t.Fatal(err)
	}
	if err := s.PutOffDelivery(ctx, first[1], -time.Second, "no answer", true); err != nil {
		t.Fatal(err)
	}
	again := lease(t, s, 5, -time.Second) // a lease that has ended already
	if len(again) != 1 || again[0].Event.ID != first[1].Event.ID || again[0].Attempts != 1 {
		t.Fatalf("due again: %+v", again)
	}
	if err := s.SettleDelivery(ctx, again[0], "no answer"); err != nil {
		t.Fatal(err)
	}
	if due := lease(t, s, 5, time.Hour); len(due) != 0 {
		t.Errorf("settled ones are due again: %+v", due)
	}
}

func TestPolicySubscriptions(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	p := placement.PolicySubscription{ID: "s-1", ClientID: "a", CallbackURI: "https://x/", PolicyIDs: []string{"p"}, UserName: "me", Password: "secret"}
	got, created, err := s.CreatePolicySubscription(ctx, p)
	if diff := cmp.Diff(p, got); err != nil || !created || diff != "" {
		t.Errorf("created %t, %v:\n%s", created, err, diff)
	}
	same := p
	same.ID = "s-2"
	if got, created, err = s.CreatePolicySubscription(ctx, same); err != nil || created || got.ID != "s-1" {
		t.Errorf("the same again: created %t, %s, %v", created, got.ID, err)
	}
	same.UserName, same.Password = "another", "changed"
	now := func() placement.PolicySubscription { return must(s.GetPolicySubscription(ctx, "a", "s-1"))(t) }
	stored := func() (password string) {
		r := policySubscriptionRow{ID: "s-1"}
		if err := s.pool.QueryRow(ctx, `SELECT secrets FROM policy_subscription WHERE id = 's-1'`).Scan(&r.Secrets); err != nil {
			t.Fatal(err)
		}
		var opened placement.PolicySubscription
		s.openSubscription(&opened, &r)
		return opened.Password
	}
	if got := now().Password; got != "" {
		t.Errorf("a client reads its password %q back", got)
	}
	if got, created, err = s.CreatePolicySubscription(ctx, same); err != nil || created || got.Password != "changed" || now().UserName != "another" || stored() != "changed" {
		t.Errorf("the same with other credentials: created %t, %+v, %v", created, got, err)
	}
	same.ClientID = "b"
	if _, created, err = s.CreatePolicySubscription(ctx, same); err != nil || !created {
		t.Errorf("the same of another client: created %t, %v", created, err)
	}
	if _, err := s.GetPolicySubscription(ctx, "b", "s-1"); err == nil {
		t.Error("a client reads another's subscription")
	}
	wantKind(t, s.DeletePolicySubscription(ctx, "b", "s-1"), placement.NotFound)
	if list := must(s.ListPolicySubscriptions(ctx, "a", placement.Page{Limit: 10}))(t); len(list) != 1 || list[0].ID != "s-1" {
		t.Errorf("list %+v", list)
	}
	if err := s.DeletePolicySubscription(ctx, "a", "s-1"); err != nil {
		t.Fatal(err)
	}
	_, err = s.GetPolicySubscription(ctx, "a", "s-1")
	wantKind(t, err, placement.NotFound)
}
