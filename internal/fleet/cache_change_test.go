package fleet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// TestCacheChanged finds the hosts whose caches were touched, and no others.
func TestCacheChanged(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	entry := func(host, digest string, mode placement.CacheMode) placement.Change {
		return placement.Change{Kind: placement.ChangeCacheEntry, ID: host + "/" + digest, CacheEntry: &placement.CacheEntry{HostID: host, Digest: digest, Mode: mode}}
	}
	last := f.Publish()
	for i, step := range []struct {
		changes []placement.Change
		want    []string
	}{
		{[]placement.Change{entry("h2", "a", placement.CacheShared), entry("h1", "a", placement.CacheShared)}, []string{"h1", "h2"}},
		{[]placement.Change{entry("h1", "b", placement.CacheShared)}, []string{"h1"}},
		{[]placement.Change{entry("h1", "b", placement.CacheEncrypted)}, []string{"h1"}},
		{[]placement.Change{{Kind: placement.ChangeCacheEntry, ID: "h2/a"}}, []string{"h2"}},
		{[]placement.Change{{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}}}, nil},
	} {
		if err := f.Apply(step.changes...); err != nil {
			t.Fatal(err)
		}
		view := f.Publish()
		if diff := cmp.Diff(step.want, view.CacheChanged(last)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
		last = view
	}
}
