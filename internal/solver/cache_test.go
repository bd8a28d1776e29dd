package solver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// A question about a cache is answered no weaker than a grant for any component of the trust domain that runs the artefact.
func TestCacheQuestionsAreNoWeakerThanGrants(t *testing.T) {
	t.Parallel()
	const digest = "sha256:udm"
	strict := func(subject string) string {
		return "  - {id: R-C, kind: cache-mode, subject: {" + subject + "}, params: {mode: NO_STORE}, rationale: r}\n"
	}
	component := func(id string, change func(*placement.Component)) placement.Component {
		c := placement.Component{ID: id, NF: placement.NF{Type: "UDM"}, Images: []string{digest}, Runtime: "kata"}
		if change != nil {
			change(&c)
		}
		return c
	}
	plain := component("plain", nil)
	for _, c := range []struct {
		name       string
		rules      string
		components []placement.Component
		prePull    bool
		mode       placement.CacheMode
		reasons    []string
	}{
		{name: "nobody runs it", rules: strict("nfTypes: [UDM]"), mode: placement.CacheEncrypted},
		{name: "by the NF's type", rules: strict("nfTypes: [UDM]"), components: []placement.Component{plain}, mode: placement.CacheNoStore},
		{
			name: "by the profile's type of NF", rules: strict("nfTypes: [UDR]"), mode: placement.CacheNoStore,
			components: []placement.Component{component("c", func(c *placement.Component) { c.NF = placement.NF{} })},
		},
		{name: "by the component, of several", rules: strict("components: [keys]"), components: []placement.Component{component("keys", nil), plain}, mode: placement.CacheNoStore},
		{name: "by the component, which does not run it", rules: strict("components: [keys]"), components: []placement.Component{plain}, mode: placement.CacheEncrypted},
		{
			name: "by a label", rules: strict("labels: {tier: keys}"), mode: placement.CacheNoStore,
			components: []placement.Component{plain, component("c", func(c *placement.Component) { c.Labels = map[string]string{"tier": "keys"} })},
		},
		{
			name: "by a role", rules: strict("roles: [KEY_HOLDING]"), mode: placement.CacheNoStore,
			components: []placement.Component{plain, component("c", func(c *placement.Component) { c.Roles = placement.RoleKeyHolding })},
		},
		{
			name: "of another trust domain", rules: strict("nfTypes: [UDM]"), mode: placement.CacheEncrypted,
			components: []placement.Component{component("c", func(c *placement.Component) { c.TrustDomainID = "TD-B" })},
		},
		{
			name: "one that may not be pulled before it starts denies it to all", rules: strict("components: [keys]"), prePull: true,
			components: []placement.Component{plain, component("keys", nil)}, reasons: []string{"R-C"},
		},
		{
			name: "reasons of several, in the order of rules", prePull: true,
			rules:      strict("components: [keys]") + "  - {id: R-D, kind: location, subject: {components: [plain]}, params: {deny: [GB]}, rationale: r}\n",
			components: []placement.Component{plain, component("keys", nil), component("keys", nil)}, reasons: []string{"R-C", "R-D"},
		},
		{
			name: "whether it is isolated well enough is not asked", rules: strict("nfTypes: [AMF]"), mode: placement.CacheEncrypted,
			components: []placement.Component{component("c", func(c *placement.Component) { c.Runtime, c.Isolation = "runc", placement.IsolationVM })},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			profile := placement.VNFProfile{VNFDID: "udm", NFType: "UDR", TrustDomainID: "TD-A", Components: c.components}
			v := (&scene{rules: c.rules, hosts: []*placement.Host{sceneHost("h1", "Z1")}, changes: []placement.Change{
				{Kind: placement.ChangeImage, ID: digest, Image: &placement.Image{Digest: digest}},
				{Kind: placement.ChangeVNFProfile, ID: profile.VNFDID, VNFProfile: &profile},
			}}).view(t)
			mode, reasons := solver.SolveCache(v, &placement.Inputs{
				Now: noon, PrePull: c.prePull, RestrictHosts: []string{"h1"}, Demands: solver.CacheDemands(v.Catalogue, "TD-A", digest),
			})
			if diff := cmp.Diff(c.reasons, ruleIDs(reasons)); diff != "" || mode != c.mode {
				t.Errorf("mode %s, want %s; reasons (-want +got):\n%s", mode, c.mode, diff)
			}
		})
	}
}

// Sidecars that many VNFDs have in common make one demand.
func TestCacheDemandsOfEqualComponents(t *testing.T) {
	t.Parallel()
	cat := placement.NewCatalogue()
	for _, id := range []string{"amf", "smf", "udm"} {
		sidecar := placement.Component{ID: "proxy", NF: placement.NF{InstanceKey: id}, Images: []string{"sha256:proxy"}, Labels: map[string]string{"tier": "mesh"}}
		cat.VNFProfiles[id] = placement.VNFProfile{VNFDID: id, NFType: "NF", TrustDomainID: "TD-A", Components: []placement.Component{sidecar}}
	}
	if got := solver.CacheDemands(cat, "TD-A", "sha256:proxy"); len(got) != 1 {
		t.Errorf("%d demands for one sort of component: %+v", len(got), got)
	}
}
