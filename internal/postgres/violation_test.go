package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func violationOf(residency, host, rule, against string) placement.Violation {
	return placement.Violation{
		NFVIPoPID: "LON", HostID: host, ResidencyID: residency, VNFInstanceID: "vnf", TrustDomainID: "TD", PolicyEpoch: 7, Evict: true,
		Enforcement: placement.Enforced, Eviction: placement.EvictionNone,
		Reason: placement.Reason{PolicyID: "p-1", RuleID: rule, Check: "kind", AgainstID: against, Params: map[string]string{"host": host}},
	}
}

// TestRecordViolations: what is found again stays as it was, what is not ends, and hosts that were not looked at stay untouched.
func TestRecordViolations(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	if mine := must(s.LeaseCompliance(ctx, "me", time.Minute))(t); !mine {
		t.Fatal("nobody checks, and yet it is not mine")
	}
	record := func(hosts []string, found ...placement.Violation) (opened, ended int) {
		t.Helper()
		done := must(s.RecordViolations(ctx, "me", placement.ViolationCheck{PolicyEpoch: 7, HostIDs: hosts, Found: found}))(t)
		return done.Opened, done.Ended[placement.Enforced]
	}
	a, b, c := violationOf("r1", "h1", "R-1", ""), violationOf("r1", "h1", "R-1", "r2"), violationOf("r3", "h2", "R-1", "")
	alone := placement.Violation{Enforcement: placement.Enforced, Eviction: placement.EvictionNone, Reason: placement.Reason{PolicyID: "p-1", RuleID: placement.RuleBreakGlass, Check: "x"}}
	for i, step := range []struct {
		hosts         []string
		found         []placement.Violation
		opened, ended int
	}{
		{nil, []placement.Violation{a, b, c, alone, a}, 4, 0},
		{nil, []placement.Violation{a, b, c, alone}, 0, 0},
		{[]string{"h1"}, []placement.Violation{b}, 0, 1},
		{[]string{}, nil, 0, 0},
		{[]string{"h1"}, []placement.Violation{a, b}, 1, 0},
		{nil, []placement.Violation{c}, 0, 3},
	} {
		if opened, ended := record(step.hosts, step.found...); opened != step.opened || ended != step.ended {
			t.Errorf("step %d: opened %d, ended %d, want %d, %d", i, opened, ended, step.opened, step.ended)
		}
	}
	page := placement.Page{Limit: 10}
	open := must(s.ListViolations(ctx, placement.Page{Limit: page.Limit, Where: append(stillOpen(), equal("hostId", "h2"))}))(t)
	if len(open) != 1 || open[0].Key() != c.Key() || open[0].Reason.Params["host"] != "h2" || !open[0].Evict || open[0].PolicyEpoch != 7 || open[0].Since.IsZero() {
		t.Errorf("open %+v", open)
	}
	all := must(s.ListViolations(ctx, page))(t)
	if len(all) != 5 {
		t.Errorf("%d in all", len(all))
	}
	if got := must(s.GetViolation(ctx, open[0].ID))(t); got.Key() != c.Key() {
		t.Errorf("got %+v", got)
	}
	_, err := s.GetViolation(ctx, "none")
	wantKind(t, err, placement.NotFound)
}

// TestViolationFollowsItsRule: a violation that stands is told apart anew when the rule behind it changes, is counted, and goes when
// it ended long ago.
func TestViolationFollowsItsRule(t *testing.T) {
	t.Parallel()
	s, ownerURL := newStoreAndOwner(t)
	ctx := t.Context()
	must(s.LeaseCompliance(ctx, "me", time.Minute))(t)
	record := func(found ...placement.Violation) placement.ViolationRecord {
		return must(s.RecordViolations(ctx, "me", placement.ViolationCheck{PolicyEpoch: 7, Found: found}))(t)
	}
	v, other := violationOf("r1", "h1", "R-1", ""), violationOf("r2", "h1", "R-2", "")
	v.Enforcement, v.Evict = placement.Audit, false
	other.Enforcement = placement.Should
	record(v, other)
	audit := placement.Page{Limit: 9, Where: []placement.Condition{equal("enforcement", string(placement.Audit))}}
	if got := must(s.ListViolations(ctx, audit))(t); len(got) != 1 || got[0].Enforcement != placement.Audit || got[0].Evict {
		t.Errorf("in audit mode: %+v", got)
	}
	want := []placement.ViolationCount{{RuleID: "R-1", Enforcement: placement.Audit, Count: 1}, {RuleID: "R-2", Enforcement: placement.Should, Count: 1}}
	if diff := cmp.Diff(want, must(s.CountViolations(ctx, 9))(t)); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	v.Enforcement, v.Evict, v.Eviction = placement.Enforced, true, placement.EvictionPending
	if done := record(v, other); done.Opened != 0 || len(done.Ended) != 0 || done.Pending != 1 {
		t.Errorf("the rule is enforced now: %+v", done)
	}
	if got := must(s.ListViolations(ctx, audit))(t); len(got) != 0 {
		t.Errorf("still in audit mode: %+v", got)
	}
	if done := record(); done.Ended[placement.Enforced] != 1 || done.Ended[placement.Should] != 1 || done.Pending != 0 {
		t.Errorf("nothing is violated: %+v", done)
	}
	if n := must(s.PruneViolations(ctx, time.Hour, 9))(t); n != 0 {
		t.Errorf("%d were removed early", n)
	}
	if _, err := connect(t, ownerURL).Exec(ctx, `UPDATE violation SET until = now() - interval '2 hours' WHERE rule_id = 'R-1'`); err != nil {
		t.Fatal(err)
	}
	if n := must(s.PruneViolations(ctx, time.Hour, 9))(t); n != 1 {
		t.Errorf("%d of 1 were removed", n)
	}
}

// TestOneProcessChecks: the lease goes to another only when it has ended, and then the first one records nothing any more.
func TestOneProcessChecks(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	for _, step := range []struct {
		who   string
		lease time.Duration
		mine  bool
	}{{"a", time.Minute, true}, {"b", time.Minute, false}, {"a", 0, true}, {"b", time.Minute, true}, {"a", time.Minute, false}} {
		if mine := must(s.LeaseCompliance(ctx, step.who, step.lease))(t); mine != step.mine {
			t.Errorf("%+v: %t", step, mine)
		}
	}
	_, err := s.RecordViolations(ctx, "a", placement.ViolationCheck{})
	wantKind(t, err, placement.Conflict)
}

// TestUnconfirmedBreakGlass lists what nobody confirmed in time, and nothing before.
func TestUnconfirmedBreakGlass(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx := t.Context()
	now := must(s.Clock(ctx))(t)
	for id, until := range map[string]time.Time{"late": now.Add(-time.Minute), "early": now.Add(time.Hour)} {
		must(s.CreatePolicy(ctx, placement.PolicyRecord{ID: id}, tester))(t)
		transfer(t, s, id, "1", "x")
		must(s.UpdatePolicy(ctx, id, nil, tester, func(p placement.PolicyRecord) (placement.PolicyRecord, error) {
			p.Activated, p.BreakGlass = true, &placement.BreakGlass{By: tester, Reason: "r", At: now.Add(-time.Hour), Until: until}
			return p, nil
		}, nil))(t)
	}
	if got := must(s.UnconfirmedBreakGlass(ctx))(t); len(got) != 1 || got[0].ID != "late" {
		t.Errorf("got %+v", got)
	}
}
