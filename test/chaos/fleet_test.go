package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The reference deployment.
const (
	referenceDeployment = "../../deployments/reference/deployment.yaml"
	referencePolicy     = "../../deployments/reference/policy.yaml"
)

// domains are the mutually separated trust domains of the synthetic fleet; each has a VNFD of its name in lower case with
// one component, work. The exclusive ones hold claims in the database as well.
var domains = []string{"TD-A", "TD-B", "TD-C", "TD-D"}

// vnfdOf is the VNFD of a trust domain.
func vnfdOf(domain string) string { return strings.ToLower(strings.TrimPrefix(domain, "TD-")) }

// servers are a synthetic fleet: hosts over two NFVI-PoPs, with room for a number of placements each. Placements are plain
// containers, so that nothing but different hosts separates trust domains.
type servers struct {
	hosts int
	room  int64 // placements per host
}

const placementMillis = 100 // that one placement needs

const fleetHead = `apiVersion: ringfence/v1
kind: Inventory
trustDomains:
  - {id: TD-A, category: CONTROL_PLANE, sensitivity: 2, exclusive: true, requiresPhysicalSecurity: false}
  - {id: TD-B, category: EXPOSURE, sensitivity: 2, exclusive: true, requiresPhysicalSecurity: false}
  - {id: TD-C, category: USER_PLANE, sensitivity: 2, exclusive: false, requiresPhysicalSecurity: false}
  - {id: TD-D, category: INTERCONNECT, sensitivity: 2, exclusive: false, requiresPhysicalSecurity: false}
nfviPops: [{id: LON, country: GB}, {id: DUB, country: IE}]
resourceZones: [{id: LON-A, nfviPopId: LON}, {id: DUB-A, nfviPopId: DUB}]
hostPools: [{id: pool, allowedTrustDomainIds: [TD-A, TD-B, TD-C, TD-D]}]
runtimeClasses: [{name: runc, isolation: OS_CONTAINER, overhead: {cpuMillis: 10}}]
hosts:
`

const fleetHost = `  - id: %s
    hostPoolId: pool
    nfviPopId: %s
    resourceZoneId: %[2]s-A
    physicallySecure: true
    runtimes: [runc]
    capabilities: [CACHE_ENC, ENC_STORAGE, EPHEMERAL_ENC]
    capacity: {cpuMillis: %d, memoryMiB: 1048576, ext.slot: %d}
    vimConnectionId: vim-%[2]s
    lifecycle: IN_SERVICE
    attestation: {state: TRUSTED, age: 1m, verifier: chaos}
`

const fleetProfile = `  - {vnfdId: %s, nfType: NF, trustDomainId: %s, components: [{id: work, roles: [SIGNALLING], runtime: runc, resources: {cpuMillis: 90, memoryMiB: 1, ext.slot: 1}}]}
`

const fleetPolicy = `apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1.0.0"
targetType: COMMON
rules:
  - {id: R-POOL, kind: domain-permit, rationale: Pools say what their hosts may run.}
  - {id: R-RUNTIME, kind: runtime-offered, rationale: The host must offer the runtime.}
  - {id: R-ATT, kind: attestation-freshness, params: {check: STATE}, rationale: Only trusted hosts run anything.}
  - id: R-SEPDOM
    kind: separate-domains
    scope: HOST
    waiver: {minSeparation: VM, requireHypervisor: TYPE1, neverForExclusive: true}
    rationale: Different trust domains run on different servers unless VMs separate them.
`

func hostName(i int) string { return fmt.Sprintf("h%02d", i+1) }

// load writes the fleet's documents and has a replica import them.
func (f servers) load(t *trial, r *replica) {
	t.Helper()
	var b strings.Builder
	b.WriteString(fleetHead)
	for i := range f.hosts {
		fmt.Fprintf(&b, fleetHost, hostName(i), []string{"LON", "DUB"}[i%2], f.room*placementMillis, f.room)
	}
	b.WriteString("vnfProfiles:\n")
	for _, domain := range domains {
		fmt.Fprintf(&b, fleetProfile, vnfdOf(domain), domain)
	}
	dir := t.TempDir()
	deployment, policy := filepath.Join(dir, "deployment.yaml"), filepath.Join(dir, "policy.yaml")
	for name, content := range map[string]string{deployment: b.String(), policy: fleetPolicy} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.load(t, deployment, policy)
}
