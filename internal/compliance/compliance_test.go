package compliance

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// TestOnlyWhatChangedIsLookedAt changes one host after the other and sees that no other is judged again: under load every block of
// hosts changes all the time.
func TestOnlyWhatChangedIsLookedAt(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	apply := func(c placement.Change) *fleet.View {
		t.Helper()
		if err := f.Apply(c); err != nil {
			t.Fatal(err)
		}
		return f.Publish()
	}
	host := func(id string) placement.Change {
		return placement.Change{Kind: placement.ChangeHost, ID: id, NFVIPoPID: "P", Host: &placement.Host{ID: id, NFVIPoPID: "P"}}
	}
	resident := func(id, on string) placement.Change {
		return placement.Change{Kind: placement.ChangeResidency, ID: id, NFVIPoPID: "P", Residency: &placement.Residency{
			ID: id, NFVIPoPID: "P", HostID: on, Kind: placement.ResidencyWorkload, State: placement.StateRunning,
		}}
	}
	last := fleet.New().View()
	for _, step := range []struct {
		change placement.Change
		want   []string
	}{
		{host("h1"), []string{"h1"}},
		{host("h2"), []string{"h2"}},
		{resident("r1", "h2"), []string{"h2"}},
		{resident("r1", "h2"), []string{"h2"}},
		{resident("r2", "h1"), []string{"h1"}},
		{host("h1"), []string{"h1"}},
		{placement.Change{Kind: placement.ChangeResidency, ID: "r1", NFVIPoPID: "P"}, []string{"h2"}},
		{placement.Change{Kind: placement.ChangeHost, ID: "h2", NFVIPoPID: "P"}, []string{"h2"}},
		{placement.Change{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}}, []string{}},
	} {
		view := apply(step.change)
		slots, ids := changed(view, last)
		if diff := cmp.Diff(step.want, ids); diff != "" {
			t.Errorf("after %s %s (-want +got):\n%s", step.change.Kind, step.change.ID, diff)
		}
		if there := slices.IndexFunc(slots, func(n int) bool { return view.Host(n) == nil }); there >= 0 {
			t.Errorf("after %s %s: nobody is at %d", step.change.Kind, step.change.ID, slots[there])
		}
		last = view
	}
}
