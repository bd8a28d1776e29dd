package scenario

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"ringfence/test/stub"
)

const descriptorProfile = `
kind: Inventory
vnfProfiles:
  - vnfdId: spread
    nfType: SMF
    trustDomainId: TD-A
    components:
      - {id: c, runtime: kata, resources: {cpuMillis: 1000}}
    affinityRules:
      - {id: zones, affinityOrAntiAffinity: ANTI_AFFINITY, scope: ZONE, componentIds: [c]}
`

// TestDescriptorRules heals and scales without placement constraints, as VNFMs do: the affinity rules of the VNFD hold. A
// constraint of the request takes their place, and what one who leaves holds does not count.
func TestDescriptorRules(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "grid.yaml", "plain.policy.yaml")
	d.importInventory([]byte(descriptorProfile))
	vnfm := d.vnfm(stub.TackerV2)
	ask := func(operation string, ids ...string) *stub.GrantRequest {
		r := instantiate(vnfm, "spread", "vnf", "c", ids...)
		r.Operation = operation
		return r
	}
	zones := map[string]bool{}
	grant := func(r *stub.GrantRequest) {
		t.Helper()
		for _, h := range d.granted(vnfm, r).Hosts() {
			zones[zoneOf(h)] = true
		}
	}
	grant(ask("INSTANTIATE", "r0", "r1"))
	grant(ask("SCALE", "r2"))
	heal := ask("HEAL", "r0-healed")
	heal.RemoveResources = []stub.ResourceDefinition{vnfm.Resource("r0", "c")}
	heal.RemoveResources[0].Resource = &stub.ResourceHandle{ResourceID: "r0"}
	grant(heal)
	if len(zones) < 3 {
		t.Errorf("three instances that the VNFD wants in different zones were put into %v", slices.Sorted(maps.Keys(zones)))
	}
	grant(ask("CHANGE_EXT_CONN", "r3"))
	if len(zones) != 4 {
		t.Errorf("four instances are in %v", slices.Sorted(maps.Keys(zones)))
	}
	p := d.refused(vnfm, ask("HEAL", "r4"))
	if len(p.Violations) == 0 || !slices.ContainsFunc(p.Violations, func(v stub.Violation) bool {
		return v.RuleID == "VNFD[zones]" && strings.Contains(v.Message, "VNFD")
	}) {
		t.Errorf("a fifth in four zones is refused for %+v", p)
	}
	soft := ask("SCALE", "r5", "r6")
	soft.PlacementConstraints = []stub.PlacementConstraint{wish(apart("ZONE", "r5", "r6"))}
	d.granted(vnfm, soft)
	d.replayAll()
}
