package grant

import (
	"testing"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

func TestUnderway(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	planFor := func(residency string, hosts ...string) *placement.Plan {
		p := &placement.Plan{}
		for _, h := range hosts {
			p.Placements = append(p.Placements, placement.Placement{HostID: h, ResidencyID: residency + "@" + h})
		}
		return p
	}
	f := fleet.New()
	show := func(residency, host string) {
		t.Helper()
		r := &placement.Residency{ID: residency + "@" + host, HostID: host}
		if err := f.Apply(placement.Change{Kind: placement.ChangeResidency, ID: r.ID, Residency: r}); err != nil {
			t.Fatal(err)
		}
		f.Publish()
	}
	u := newUnderway()
	expect := func(what string, want bool, at time.Time, hosts ...string) {
		t.Helper()
		if got := u.meets(f.View(), planFor("next", hosts...), at); got != want {
			t.Errorf("%s: meets is %t", what, got)
		}
	}
	expect("nothing underway", false, now, "h1")
	u.begin(planFor("a", "h1", "h2"), now)
	u.begin(planFor("b", "h1"), now)
	expect("another host", false, now, "h3")
	expect("one of two hosts", true, now, "h3", "h2")
	show("a", "h1")
	expect("one of two has arrived", true, now, "h1")
	u.abandon(planFor("b", "h1"))
	expect("the other was not committed", false, now, "h1")
	expect("the rest of the first plan", true, now, "h2")
	expect("it never came", false, now.Add(forgetAfter), "h2")
	if len(u.hosts) != 0 {
		t.Errorf("left behind: %v", u.hosts)
	}
}
