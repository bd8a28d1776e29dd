package solver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// TestWeakEntriesAreViolations: what lies weaker than somebody there needs it is one, by who runs it or runs what shares content with
// it; nothing is that is public, strict enough, FABRIC's or nobody's.
func TestWeakEntriesAreViolations(t *testing.T) {
	t.Parallel()
	const text = `
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
rules:
  - {id: R-B, kind: cache-mode, subject: {trustDomains: [B]}, params: {mode: NO_STORE}, rationale: r}
  - {id: R-LATER, kind: cache-mode, mode: audit, params: {mode: NO_STORE}, rationale: r}
`
	image := func(digest string, public bool, layers ...string) placement.Change {
		img := placement.Image{Digest: digest, PublicBase: public}
		for _, l := range layers {
			img.Layers = append(img.Layers, placement.Layer{Digest: l, DiffID: l})
		}
		return placement.Change{Kind: placement.ChangeImage, ID: digest, Image: &img}
	}
	resident := func(id, host, domain string, kind placement.ResidencyKind, images ...string) placement.Change {
		return placement.Change{Kind: placement.ChangeResidency, ID: id, Residency: &placement.Residency{
			ID: id, HostID: host, Kind: kind, State: placement.StateRunning, ReservedAt: noon,
			Workload: placement.Workload{NF: placement.NF{VNFInstanceID: id}, ComponentID: "c", TrustDomainID: domain, Runtime: "runc", Images: images},
		}}
	}
	lies := func(host, digest string, mode placement.CacheMode) placement.Change {
		return placement.Change{Kind: placement.ChangeCacheEntry, ID: host + "/" + digest, CacheEntry: &placement.CacheEntry{HostID: host, Digest: digest, Mode: mode}}
	}
	changes := []placement.Change{
		{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}},
		{Kind: placement.ChangeTrustDomain, ID: "B", TrustDomain: &placement.TrustDomain{ID: "B"}},
		{Kind: placement.ChangeHostPool, ID: "p", HostPool: &placement.HostPool{ID: "p", AllowedTrustDomainIDs: []string{"A", "B"}}},
		{Kind: placement.ChangeRuntimeClass, ID: "runc", RuntimeClass: &placement.RuntimeClass{Name: "runc", Isolation: placement.IsolationOSContainer}},
		{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p-1"}, Content: []byte(text)}}},
		image("a", false, "l1", "base"), image("a2", false, "l1", "base"), image("b", false, "l1", "base"), image("apart", false, "l2", "base"), image("public", true, "base"),
		// On h1 domain A alone, on h2 domain B beside it, on h3 nobody but FABRIC.
		resident("r1", "h1", "A", placement.ResidencyWorkload, "a"), resident("r2", "h1", "A", placement.ResidencyWorkload, "public"),
		resident("r3", "h2", "A", placement.ResidencyWorkload, "a", "apart"), resident("r4", "h2", "B", placement.ResidencyWorkload, "b"),
		resident("r5", "h3", "B", placement.ResidencyFabric, "b"),
		lies("h1", "a", placement.CacheShared), lies("h1", "a2", placement.CacheEncrypted), lies("h1", "apart", placement.CacheShared), lies("h1", "public", placement.CacheShared),
		lies("h2", "a", placement.CacheEncrypted), lies("h2", "apart", placement.CacheEncrypted), lies("h2", "b", placement.CacheNoStore), lies("h2", "public", placement.CacheShared),
		lies("h3", "b", placement.CacheShared),
	}
	for _, id := range []string{"h1", "h2", "h3"} {
		changes = append(changes, placement.Change{Kind: placement.ChangeHost, ID: id, Host: &placement.Host{
			ID: id, HostPoolID: "p", Runtimes: []string{"runc"}, PhysicallySecure: true, Capabilities: placement.CapCacheEnc | placement.CapEphemeralEnc,
		}})
	}
	f := fleet.New()
	if err := f.Apply(changes...); err != nil {
		t.Fatal(err)
	}
	view := f.Publish()
	var got []string
	for _, v := range solver.Check(view, everySlot(view), noon.Add(time.Hour), 0) {
		if v.Reason.Check != placement.CheckCacheEntry || v.Object != v.Reason.Params["artefact"] {
			t.Errorf("found %+v", v)
		}
		got = append(got, fmt.Sprint(v.HostID, " ", v.Object, " ", v.Reason.RuleID, " ", v.Reason.PolicyID, " ", v.Reason.Params["mode"], " ", v.Reason.Params["needed"]))
	}
	want := []string{"h1 a CACHE-DEFAULT  SHARED ENCRYPTED", "h2 a R-B p-1 ENCRYPTED NO_STORE"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	slot, _ := view.Slot("h2")
	facts := view.Facts(slot)
	facts.Cache = view.CacheOf("h2")
	needs := solver.CacheNeeds(view, 0)(noon, facts)
	if len(needs) != 1 || strings.Join(needs[0].TrustDomainIDs, " ") != "A" || needs[0].Choice.Mode != placement.CacheNoStore {
		t.Errorf("needed %+v", needs)
	}
}
