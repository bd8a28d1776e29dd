package postgres

import (
	"testing"
	"time"

	"ringfence/internal/placement"
)

func violationOf(residency, host, rule, against string) placement.Violation {
	return placement.Violation{
		NFVIPoPID: "LON", HostID: host, ResidencyID: residency, VNFInstanceID: "vnf", TrustDomainID: "TD", PolicyEpoch: 7, Evict: true,
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
		opened, ended, err := s.RecordViolations(ctx, "me", placement.ViolationCheck{PolicyEpoch: 7, HostIDs: hosts, Found: found})
		if err != nil {
			t.Fatal(err)
		}
		return opened, ended
	}
	a, b, c := violationOf("r1", "h1", "R-1", ""), violationOf("r1", "h1", "R-1", "r2"), violationOf("r3", "h2", "R-1", "")
	alone := placement.Violation{Reason: placement.Reason{PolicyID: "p-1", RuleID: placement.RuleBreakGlass, Check: "x"}}
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
	open := must(s.ListViolations(ctx, placement.ViolationFilter{Open: true, HostID: "h2"}, page))(t)
	if len(open) != 1 || open[0].Key() != c.Key() || open[0].Reason.Params["host"] != "h2" || !open[0].Evict || open[0].PolicyEpoch != 7 || open[0].Since.IsZero() {
		t.Errorf("open %+v", open)
	}
	all := must(s.ListViolations(ctx, placement.ViolationFilter{}, page))(t)
	if len(all) != 5 {
		t.Errorf("%d in all", len(all))
	}
	if got := must(s.GetViolation(ctx, open[0].ID))(t); got.Key() != c.Key() {
		t.Errorf("got %+v", got)
	}
	_, err := s.GetViolation(ctx, "none")
	wantKind(t, err, placement.NotFound)
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
	_, _, err := s.RecordViolations(ctx, "a", placement.ViolationCheck{})
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
