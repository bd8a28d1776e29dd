package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// fleet is two hosts: h1 permits both trust domains, h2 only TD-B.
func fleet() *placement.Inventory {
	attested := placement.Attestation{State: placement.AttestationTrusted, Verifier: "v", AttestedAt: time.Now().UTC().Truncate(time.Second)}
	host := func(id, pool string) placement.Host {
		return placement.Host{
			ID: id, HostPoolID: pool, NFVIPoPID: "LON", ResourceZoneID: "LON-A", HypervisorClass: placement.HypervisorType1,
			Runtimes: []string{"kata", "runc"}, Capacity: placement.Resources{"cpuMillis": 4000, "memoryMiB": 8192}, Lifecycle: placement.LifecycleInService,
			VIMConnectionID: "vim-1", VIMZoneID: "nova:" + id, PhysicallySecure: true, Attestation: attested, Capabilities: placement.CapEncStorage | placement.CapCacheEnc,
		}
	}
	profile := func(vnfd, domain string) placement.VNFProfile {
		use := placement.Resources{"cpuMillis": 1000, "memoryMiB": 1024}
		return placement.VNFProfile{VNFDID: vnfd, NFType: "AMF", TrustDomainID: domain, Components: []placement.Component{
			{ID: "open", Resources: use}, {ID: "plain", Runtime: "runc", Resources: use}, {ID: "big", Resources: placement.Resources{"cpuMillis": 64000}},
		}}
	}
	return &placement.Inventory{
		TrustDomains: []placement.TrustDomain{
			{ID: "TD-A", Category: placement.CategoryControlPlane, Sensitivity: 1}, {ID: "TD-B", Category: placement.CategoryControlPlane, Sensitivity: 1},
		},
		NFVIPoPs:       []placement.NFVIPoP{{ID: "LON", Country: "GB"}},
		ResourceZones:  []placement.ResourceZone{{ID: "LON-A", NFVIPoPID: "LON"}},
		HostPools:      []placement.HostPool{{ID: "P1", AllowedTrustDomainIDs: []string{"TD-A", "TD-B"}}, {ID: "P2", AllowedTrustDomainIDs: []string{"TD-B"}}},
		RuntimeClasses: []placement.RuntimeClass{{Name: "kata", Isolation: placement.IsolationVM}, {Name: "runc", Isolation: placement.IsolationOSContainer}},
		Hosts:          []placement.Host{host("h1", "P1"), host("h2", "P2")},
		Images:         []placement.Image{{Digest: "sha256:" + strings.Repeat("a", 64), Kind: placement.ArtefactContainerImage, PublicBase: true}},
		VNFProfiles:    []placement.VNFProfile{profile("vnfd-a", "TD-A"), profile("vnfd-b", "TD-B")},
	}
}

// separation is a policy document that keeps network functions apart unless virtual machines separate them.
func separation(version string) string {
	return `# keep this comment
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "` + version + `"
targetType: COMMON
rules:
  - {id: R-POOL, kind: domain-permit, rationale: pools say who may run there}
  - {id: R-RUNTIME, kind: runtime-offered, rationale: the host offers what was asked}
  - id: R-SEPNF
    kind: separate-nf
    scope: HOST
    waiver: {minSeparation: VM, requireHypervisor: TYPE1, neverForExclusive: true}
    rationale: network functions share a server only with a virtual machine between them
`
}

// newFleet starts a server with the fleet, and with the separation policy in force.
func newFleet(t testing.TB) *api {
	t.Helper()
	return newAPI(t).withFleet()
}

func (a *api) withFleet() *api {
	a.t.Helper()
	a.importFleet()
	id := a.policy("1.0.0", separation("1.0.0"))
	a.do(call{as: "approver", method: "PATCH", path: "/nfvpolicy/v1/policies/" + id, body: object{"activationStatus": "ACTIVATED"}}).want(200)
	return a
}

func (a *api) importFleet() {
	a.t.Helper()
	if _, err := a.store.Import(a.t.Context(), fleet(), true, placement.EndRules{}, "operator", nil); err != nil {
		a.t.Fatal(err)
	}
}

// policy creates a policy and transfers one version.
func (a *api) policy(version, content string) (id string) {
	a.t.Helper()
	created := a.do(call{as: "author", method: "POST", path: "/nfvpolicy/v1/policies", body: object{"designer": "d", "name": "n"}}).want(201).object()
	id = fmt.Sprint(created["id"])
	a.do(call{
		as: "author", method: "PUT", path: "/nfvpolicy/v1/policies/" + id + "/versions/" + version, body: content,
		header: map[string]string{"Content-Type": yamlPolicy},
	}).want(201)
	return id
}

// instantiate is a grant request for one component of a VNF instance.
func instantiate(instance, vnfd, component string) object {
	return object{
		"vnfInstanceId": instance, "vnfLcmOpOccId": "op-" + instance, "vnfdId": vnfd, "operation": "INSTANTIATE", "isAutomaticInvocation": false,
		"addResources": []object{{"id": instance + "-" + component, "type": "OSCONTAINER", "vduId": component}},
		"_links": object{
			"vnfLcmOpOcc": object{"href": "https://vnfm.example.com/op-" + instance}, "vnfInstance": object{"href": "https://vnfm.example.com/" + instance},
		},
	}
}

// grant asks as a VNFM.
func (a *api) grant(as string, request any) answer {
	a.t.Helper()
	return a.do(call{as: as, method: "POST", path: "/grant/v1/grants", body: request})
}
