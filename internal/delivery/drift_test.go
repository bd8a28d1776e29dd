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
	for digest, img := range map[string]placement.Image{
		"app":  {Layers: []placement.Layer{{Digest: "b", DiffID: "base"}, {Digest: "a", DiffID: "own"}}},
		"base": {PublicBase: true, Layers: []placement.Layer{{Digest: "b", DiffID: "base"}}},
	} {
		img.Digest = digest
		if err := f.Apply(placement.Change{Kind: placement.ChangeImage, ID: digest, Image: &img}); err != nil {
			t.Fatal(err)
		}
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
	alike := func(mode placement.CacheMode, diffIDs ...string) placement.ObservedState {
		e := placement.ObservedCacheEntry{Digest: "renamed", Mode: mode}
		for _, id := range diffIDs {
			e.Layers = append(e.Layers, placement.Layer{Digest: "z-" + id, DiffID: id})
		}
		return cached(e)
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
		"the glass broken": {
			beside(placement.ObservedResidency{VIMResourceID: "c-3", Images: []string{"app"}, BreakGlass: placement.ObservedBreakGlass{By: "ann", Reason: "x"}}),
			[]string{"DRIFT-BREAK-GLASS  c-3 by ann: x"},
		},
		"broken for what was granted": {with(func(o *placement.ObservedResidency) { o.BreakGlass.Reason, o.Runtime = "x", "runc" }), []string{"DRIFT-BREAK-GLASS r r by : x", "DRIFT-RUNTIME r "}},
		"cached as ordered":           {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheEncrypted, TrustDomainID: "A"}), nil},
		"cached more strictly":        {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheNoStore}), nil},
		"cached as plaintext":         {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheShared}), []string{"DRIFT-CACHE  app"}},
		"cached for another":          {cached(placement.ObservedCacheEntry{Digest: "app", Mode: placement.CacheEncrypted, TrustDomainID: "B"}), []string{"DRIFT-CACHE  app"}},
		"pulled by hand":              {cached(placement.ObservedCacheEntry{Digest: "miner", Mode: placement.CacheNoStore, TrustDomainID: "A"}), []string{"DRIFT-CACHE  miner"}},
		"layers of it, renamed":       {alike(placement.CacheShared, "base", "own"), []string{"DRIFT-CACHE  renamed has app, ordered ENCRYPTED"}},
		"as strict, renamed":          {alike(placement.CacheNoStore, "base", "own"), []string{"DRIFT-CACHE  renamed has app"}},
		"only the public base":        {alike(placement.CacheShared, "base"), []string{"DRIFT-CACHE  renamed"}},
		"cached fabric":               {cached(placement.ObservedCacheEntry{Digest: "cni", Mode: placement.CacheShared}), nil},
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
			line := v.Reason.RuleID + " " + v.ResidencyID + " " + v.Object
			if contains := v.Reason.Params["contains"]; contains != "" {
				line += " has " + contains
				if ordered := v.Reason.Params["ordered"]; ordered != "" {
					line += ", ordered " + ordered
				}
			}
			if why := v.Reason.Params["why"]; why != "" {
				line += " by " + v.Reason.Params["by"] + ": " + why
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestLayersUnderACloak has an image that the inventory does not know lie in the open where whatever a workload brings may: not with
// the layers of an artefact that must lie more strictly.
func TestLayersUnderACloak(t *testing.T) {
	t.Parallel()
	f := fleet.New()
	image := placement.Image{Digest: "app", Layers: []placement.Layer{{Digest: "a", DiffID: "own"}}}
	if err := f.Apply(placement.Change{Kind: placement.ChangeImage, ID: "app", Image: &image}); err != nil {
		t.Fatal(err)
	}
	for diffID, want := range map[string]int{"own": 1, "other": 0} {
		state := placement.ObservedState{Cache: []placement.ObservedCacheEntry{{
			Digest: "renamed", Mode: placement.CacheShared, Layers: []placement.Layer{{Digest: "z", DiffID: diffID}},
		}}}
		found := delivery.Drift(f.Publish())(placement.ObservedFacts{
			Host: &placement.Host{ID: "h"}, State: &state,
			Orders: []placement.CacheOrder{{Digest: "*", Mode: placement.CacheShared}, {Digest: "app", TrustDomainID: "A", Mode: placement.CacheNoStore}},
		})
		if len(found) != want {
			t.Errorf("an image with layer %s: %+v", diffID, found)
		}
	}
}
