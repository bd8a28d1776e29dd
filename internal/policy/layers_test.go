package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// shelf is a host with residents, on which an artefact of a component with roles is judged.
type shelf struct {
	world policy.World
	facts placement.HostFacts
}

// newShelf has the images app and key with a layer of their own each and one in common, os and base with the layers of a public
// base, and the rules that KEY_HOLDING lies in NO_STORE and everything else where it may lie.
func newShelf(t *testing.T) *shelf {
	t.Helper()
	cat := placement.NewCatalogue()
	cat.TrustDomains["A"], cat.TrustDomains["B"] = placement.TrustDomain{ID: "A"}, placement.TrustDomain{ID: "B"}
	cat.HostPools["p"] = placement.HostPool{ID: "p", AllowedTrustDomainIDs: []string{"A", "B"}}
	cat.RuntimeClasses["kata"] = placement.RuntimeClass{Name: "kata", Isolation: placement.IsolationVM}
	for digest, layers := range map[string][]string{"app": {"libc", "app"}, "key": {"libc", "key"}, "os": {"debian", "os"}, "base": {"debian"}, "other": {"debian", "other"}} {
		img := placement.Image{Digest: digest, PublicBase: digest == "base"}
		for _, l := range layers {
			img.Layers = append(img.Layers, placement.Layer{Digest: digest + "/" + l, DiffID: l})
		}
		cat.Images[digest] = img
	}
	set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p", Version: "1"}, Content: []byte(`{
		"apiVersion": "ringfence/v1", "kind": "TrustDomainPolicy", "policyVersion": "1", "targetType": "COMMON", "rules": [
		{"id": "R-KEYS", "kind": "cache-mode", "subject": {"roles": ["KEY_HOLDING"]}, "params": {"mode": "NO_STORE"}, "rationale": "keys"},
		{"id": "R-SHARED", "kind": "cache-mode", "subject": {"roles": ["MONITORING"]}, "params": {"mode": "SHARED"}, "rationale": "public"}]}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{policy.World{Catalogue: cat, Set: set}, placement.HostFacts{Host: &placement.Host{
		ID: "h", HostPoolID: "p", PhysicallySecure: true, Runtimes: []string{"kata"}, HypervisorClass: placement.HypervisorType1, Lifecycle: placement.LifecycleInService,
		Capabilities: placement.CapCacheEnc | placement.CapEphemeralEnc,
	}}}
}

// has somebody of another trust domain run on the host.
func (s *shelf) has(kind placement.ResidencyKind, roles placement.Roles, images ...string) {
	s.facts.Residents = append(s.facts.Residents, &placement.Residency{ID: "r", HostID: "h", Kind: kind, State: placement.StateTerminating, Workload: placement.Workload{
		NF: placement.NF{VNFInstanceID: "other"}, ComponentID: "c", TrustDomainID: "B", Roles: roles, Runtime: "kata", Images: images,
	}})
}

// modes judges a component of trust domain A with images.
func (s *shelf) modes(roles placement.Roles, images ...string) map[string]string {
	w := placement.Workload{NF: placement.NF{VNFInstanceID: "v"}, ComponentID: "c", TrustDomainID: "A", Roles: roles, Runtime: "kata", Images: images}
	out := map[string]string{}
	v := policy.Prepare(&s.world, w, placement.IsolationNone, policy.Replicas{}).JudgeSite(s.facts, "", nil)
	for _, c := range v.Cache {
		out[c.Digest] = c.Mode.String() + " by " + c.RuleID
	}
	for _, r := range v.Reasons {
		out[r.Params["artefact"]] = "refused by " + r.RuleID
	}
	return out
}

// TestLayersRaiseModes holds the layer rule: what has a private layer in common with something stricter on the host lies there no
// less strictly.
func TestLayersRaiseModes(t *testing.T) {
	t.Parallel()
	const ordinary, raised = "ENCRYPTED by CACHE-DEFAULT", "NO_STORE by CACHE-DEFAULT"
	for name, tc := range map[string]struct {
		set    func(*shelf)
		images []string
		want   map[string]string
	}{
		"nobody there":                   {func(*shelf) {}, []string{"app"}, map[string]string{"app": ordinary}},
		"a layer in common":              {func(s *shelf) { s.has(placement.ResidencyWorkload, placement.RoleKeyHolding, "key") }, []string{"app"}, map[string]string{"app": raised}},
		"the same artefact":              {func(s *shelf) { s.has(placement.ResidencyWorkload, placement.RoleKeyHolding, "os") }, []string{"os"}, map[string]string{"os": raised}},
		"an unknown artefact, the same":  {func(s *shelf) { s.has(placement.ResidencyWorkload, placement.RoleKeyHolding, "none") }, []string{"none"}, map[string]string{"none": raised}},
		"the layer of a public base":     {func(s *shelf) { s.has(placement.ResidencyWorkload, placement.RoleKeyHolding, "other") }, []string{"os"}, map[string]string{"os": ordinary}},
		"a public base itself":           {func(s *shelf) { s.has(placement.ResidencyWorkload, placement.RoleKeyHolding, "base", "os") }, []string{"base"}, map[string]string{"base": "SHARED by CACHE-DEFAULT"}},
		"a resident that is no stricter": {func(s *shelf) { s.has(placement.ResidencyWorkload, placement.RoleMonitoring, "key") }, []string{"app"}, map[string]string{"app": ordinary}},
		"of the host's own base":         {func(s *shelf) { s.has(placement.ResidencyFabric, placement.RoleKeyHolding, "key") }, []string{"app"}, map[string]string{"app": ordinary}},
		"a host that cannot": {func(s *shelf) {
			s.has(placement.ResidencyWorkload, placement.RoleKeyHolding, "key")
			s.facts.Host.Capabilities = placement.CapCacheEnc
		}, []string{"app"}, map[string]string{"app": "refused by CACHE-DEFAULT"}},
		"an artefact with secrets of one's own": {func(s *shelf) {
			img := s.world.Catalogue.Images["key"]
			img.ContainsSecrets = true
			s.world.Catalogue.Images["key"] = img
		}, []string{"app", "key", "os"}, map[string]string{"app": raised, "key": raised, "os": ordinary}},
		"a public base with secrets is none": {func(s *shelf) {
			img := s.world.Catalogue.Images["base"]
			img.ContainsSecrets = true
			s.world.Catalogue.Images["base"] = img
		}, []string{"base", "os"}, map[string]string{"base": raised, "os": raised}},
	} {
		s := newShelf(t)
		tc.set(s)
		for _, indexed := range []bool{false, true} {
			if indexed {
				s.world.Catalogue.IndexLayers()
			}
			if diff := cmp.Diff(tc.want, s.modes(placement.RoleSignalling, tc.images...)); diff != "" {
				t.Errorf("%s, indexed %v (-want +got):\n%s", name, indexed, diff)
			}
		}
	}
}

// TestRaisedBy lets stricter artefacts come to where others lie.
func TestRaisedBy(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.has(placement.ResidencyWorkload, placement.RoleSignalling, "app", "os")
	s.has(placement.ResidencyWorkload, placement.RoleKeyHolding, "key")
	s.has(placement.ResidencyFabric, placement.RoleSignalling, "app")
	come := func(digest string, mode placement.CacheMode) []policy.Raised {
		return s.world.RaisedBy(s.facts, []placement.CacheChoice{{Digest: policy.AnyArtefact, Mode: placement.CacheNoStore}, {Digest: digest, Mode: mode}})
	}
	for _, tc := range []struct {
		digest string
		mode   placement.CacheMode
		want   []policy.Raised
	}{
		{"key", placement.CacheNoStore, []policy.Raised{{TrustDomainID: "B", Digest: "app", Mode: placement.CacheNoStore}}},
		{"key", placement.CacheGuestOnly, []policy.Raised{{TrustDomainID: "B", Digest: "app", Mode: placement.CacheNoStore}}},
		{"key", placement.CacheEncrypted, nil},
		{"os", placement.CacheNoStore, []policy.Raised{{TrustDomainID: "B", Digest: "os", Mode: placement.CacheNoStore}}},
		{"other", placement.CacheNoStore, nil},
		{"base", placement.CacheNoStore, nil},
	} {
		if diff := cmp.Diff(tc.want, come(tc.digest, tc.mode)); diff != "" {
			t.Errorf("%s in %s (-want +got):\n%s", tc.digest, tc.mode, diff)
		}
	}
}
