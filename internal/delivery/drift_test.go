package delivery_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/delivery"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// TestDrift holds reports of one host against what was decided for it: one workload with runtime kata in a CIS node, and one
// artefact for trust domain A, encrypted.
func TestDrift(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	if err := f.Apply(placement.Change{Kind: placement.ChangeHostPool, ID: "p", HostPool: &placement.HostPool{ID: "p", FabricDigests: []string{"cni"}}}); err != nil {
		t.Fatal(err)
	}
	r := &placement.Residency{ID: "r", HostID: "h", CISNodeID: "n", State: placement.StateRunning, Kind: placement.ResidencyWorkload, ResourceDefinitionID: "rd", Workload: placement.Workload{
		NF: placement.NF{VNFInstanceID: "v"}, TrustDomainID: "A", Runtime: "kata", Images: []string{"app"},
	}}
	asDecided := placement.ObservedResidency{ResidencyID: "r", CISNodeID: "n", Runtime: "kata", Images: []string{"app"}}
	with := func(edit func(*placement.ObservedResidency)) placement.ObservedState {
		o := asDecided
		edit(&o)
		return placement.ObservedState{Residencies: []placement.ObservedResidency{o}}
	}
	beside := func(o placement.ObservedResidency) placement.ObservedState {
		return placement.ObservedState{Residencies: []placement.ObservedResidency{asDecided, o}}
	}
	cached := func(e placement.ObservedCacheEntry) placement.ObservedState {
		return placement.ObservedState{Residencies: []placement.ObservedResidency{asDecided}, Cache: []placement.ObservedCacheEntry{e}}
	}
	for name, tc := range map[string]struct {
		state placement.ObservedState
		want  []string
	}{
		"as decided":               {with(func(*placement.ObservedResidency) {}), nil},
		"images not told":          {with(func(o *placement.ObservedResidency) { o.Images = nil }), nil},
		"another runtime":          {with(func(o *placement.ObservedResidency) { o.Runtime = "runc" }), []string{"DRIFT-RUNTIME r "}},
		"on the host's own kernel": {with(func(o *placement.ObservedResidency) { o.CISNodeID = "" }), []string{"DRIFT-NODE r "}},
		"another image":            {with(func(o *placement.ObservedResidency) { o.Images = []string{"app", "cni", "miner"} }), []string{"DRIFT-IMAGE r miner"}},
		"gone":                     {placement.ObservedState{}, []string{"DRIFT-MISSING r "}},
		"a vague report":           {placement.ObservedState{Residencies: []placement.ObservedResidency{{VNFInstanceID: "v"}}}, []string{"DRIFT-UNGRANTED  v"}},
		"by hand":                  {beside(placement.ObservedResidency{VIMResourceID: "c-1", Runtime: "runc", Images: []string{"app"}}), []string{"DRIFT-UNGRANTED  c-1"}},
		"without any name":         {beside(placement.ObservedResidency{Runtime: "runc"}), []string{"DRIFT-UNGRANTED  number 2 of the report"}},
		"of another host":          {beside(placement.ObservedResidency{ResidencyID: "far", Runtime: "runc"}), []string{"DRIFT-HOST  far"}},
		"fabric":                   {beside(placement.ObservedResidency{VIMResourceID: "c-2", Images: []string{"cni"}}), nil},
		"fabric with something":    {beside(placement.ObservedResidency{VIMResourceID: "c-2", Images: []string{"cni", "app"}}), []string{"DRIFT-UNGRANTED  c-2"}},
		"cached as ordered":        {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheEncrypted, TrustDomainID: "A"}), nil},
		"cached more strictly":     {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheNoStore}), nil},
		"cached as plaintext":      {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheShared}), []string{"DRIFT-CACHE  app"}},
		"cached for another":       {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheEncrypted, TrustDomainID: "B"}), []string{"DRIFT-CACHE  app"}},
		"pulled by hand":           {cached(placement.ObservedCacheEntry{Digest: "miner", Mode: placement.CacheNoStore, TrustDomainID: "A"}), []string{"DRIFT-CACHE  miner"}},
		"cached fabric":            {cached(placement.ObservedCacheEntry{Digest: "cni", Mode: placement.CacheShared}), nil},
	} {
		facts := placement.ObservedFacts{
			Host: &placement.Host{ID: "h", HostPoolID: "p"}, Residents: []*placement.Residency{r}, State: &tc.state, Elsewhere: map[string]string{"far": "h9"},
			Orders: []placement.CacheOrder{{Digest: "app", TrustDomainID: "A", Mode: placement.CacheEncrypted}},
		}
		for i := range tc.state.Residencies {
			if tc.state.Residencies[i].ResidencyID == "r" {
				facts.Matched = append(facts.Matched, r)
			} else {
				facts.Matched = append(facts.Matched, nil)
			}
		}
		var got []string
		for _, v := range delivery.Drift(f.Publish())(facts) {
			got = append(got, v.Reason.RuleID+" "+v.ResidencyID+" "+v.Object)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
