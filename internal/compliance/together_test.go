package compliance

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// TestSiblingsAreLookedAtToo: where a rule holds network functions together, what comes or goes on one host has a meaning for those
// of its network function on others, and for nobody else. Without such a rule nobody else is looked at.
func TestSiblingsAreLookedAtToo(t *testing.T) {
	t.Parallel()
	resident := func(id, vnf, on string) placement.Change {
		return placement.Change{Kind: placement.ChangeResidency, ID: id, NFVIPoPID: "P", Residency: &placement.Residency{
			ID: id, NFVIPoPID: "P", HostID: on, Kind: placement.ResidencyWorkload, State: placement.StateRunning,
			Workload: placement.Workload{NF: placement.NF{VNFInstanceID: vnf}},
		}}
	}
	for kind, held := range map[string]bool{"co-locate-in-vm": true, "domain-permit": false} {
		f := fleet.New()
		text := "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\nrules:\n  - {id: R, kind: " + kind + ", rationale: r}\n"
		changes := []placement.Change{
			{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(text)}}},
			resident("v1", "v", "h1"), resident("w1", "w", "h1"), resident("v3", "v", "h3"), resident("w4", "w", "h4"),
		}
		for _, id := range []string{"h1", "h2", "h3", "h4"} {
			changes = append(changes, placement.Change{Kind: placement.ChangeHost, ID: id, NFVIPoPID: "P", Host: &placement.Host{ID: id, NFVIPoPID: "P"}})
		}
		if err := f.Apply(changes...); err != nil {
			t.Fatal(err)
		}
		last := f.Publish()
		for _, step := range []struct {
			change placement.Change
			want   []string
		}{
			{resident("v2", "v", "h2"), []string{"h2", "h1", "h3"}},
			{resident("v2", "v", "h2"), []string{"h2", "h1", "h3"}},
			{placement.Change{Kind: placement.ChangeResidency, ID: "v3", NFVIPoPID: "P"}, []string{"h3", "h1", "h2"}},
			{placement.Change{Kind: placement.ChangeHost, ID: "h1", NFVIPoPID: "P", Host: &placement.Host{ID: "h1", NFVIPoPID: "P"}}, []string{"h1"}},
		} {
			if err := f.Apply(step.change); err != nil {
				t.Fatal(err)
			}
			view, want := f.Publish(), step.want
			if !held {
				want = want[:1]
			}
			slots, ids := changed(view, last)
			slots, ids = withSiblings(view, last, slots, ids)
			if diff := cmp.Diff(want, ids); diff != "" || len(slots) != len(want) {
				t.Errorf("%s: after %s %s, of %v (-want +got):\n%s", kind, step.change.Kind, step.change.ID, slots, diff)
			}
			last = view
		}
	}
}
