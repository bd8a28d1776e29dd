package postgres

import (
	"errors"
	"testing"
	"time"

	"ringfence/internal/placement"
)

const tester = "tester"

// smallInventory is a fleet of two NFVI-PoPs, three hosts and three residents. Each call returns a new one.
func smallInventory() placement.Inventory {
	return placement.Inventory{
		TrustDomains: []placement.TrustDomain{
			{ID: "TD-CP", Name: "Control plane", Category: placement.CategoryControlPlane, Sensitivity: 3, AllowedCountries: []string{"GB", "IE"}, MaxAttestationAge: 24 * time.Hour},
			{ID: "TD-SLICE", Category: placement.CategoryControlPlane, Sensitivity: 3, ParentID: "TD-CP", SNSSAIs: []string{"1-000001"}, MinIsolation: placement.IsolationVM},
			{ID: "TD-UP", Category: placement.CategoryUserPlane, Sensitivity: 2, AllowedCountries: []string{}},
		},
		TrustRelations: []placement.TrustRelation{{FromID: "TD-CP", ToID: "TD-UP", Handling: placement.HandlingProtected}},
		NFVIPoPs:       []placement.NFVIPoP{{ID: "DUB", Country: "IE"}, {ID: "LON", Country: "GB"}},
		ResourceZones:  []placement.ResourceZone{{ID: "DUB-A", NFVIPoPID: "DUB"}, {ID: "LON-A", NFVIPoPID: "LON", ZoneGroupIDs: []string{"south"}}},
		HostPools: []placement.HostPool{
			{ID: "pool-core", AllowedTrustDomainIDs: []string{"TD-CP"}, FabricDigests: []string{"sha256:cni"}},
			{ID: "pool-up", AllowedTrustDomainIDs: []string{"TD-UP"}},
		},
		RuntimeClasses: []placement.RuntimeClass{
			{Name: "kata", Isolation: placement.IsolationVM, Overhead: placement.Resources{placement.DimCPUMillis: 250, placement.DimMemoryMiB: 160}},
			{Name: "runc", Isolation: placement.IsolationOSContainer},
		},
		Hosts: []placement.Host{
			smallHost("h01", "LON", "LON-A", "pool-core"), smallHost("h02", "LON", "LON-A", "pool-up"), smallHost("h03", "DUB", "DUB-A", "pool-core"),
		},
		Images: []placement.Image{{
			Digest: "sha256:amf", Reference: "amf:1", Kind: placement.ArtefactContainerImage, Sensitivity: 2,
			Layers: []placement.Layer{{Digest: "sha256:l1", DiffID: "sha256:d1", SizeBytes: 4096}},
		}},
		VNFProfiles: []placement.VNFProfile{{
			VNFDID: "vnfd-amf", NFType: "AMF", TrustDomainID: "TD-CP",
			Components: []placement.Component{{
				ID: "sig", NF: placement.NF{Type: "AMF"}, Roles: placement.RoleSignalling, Images: []string{"sha256:amf"}, Runtime: "kata",
				Interfaces: []placement.Interface{{Name: "N2", Kind: placement.InterfaceControl, PeerTrustDomainID: "TD-UP"}},
				Resources:  placement.Resources{placement.DimCPUMillis: 1000},
			}},
			AffinityRules: []placement.AffinityRule{{ID: "spread", AntiAffinity: true, Scope: placement.ScopeNFVINode, ComponentIDs: []string{"sig"}}},
		}},
		Residencies: []placement.Residency{
			smallResidency("amf-1.sig-0", "h01", "kata"), smallResidency("amf-1.sig-1", "h01", "runc"), smallResidency("amf-2.sig-0", "h03", "kata"),
		},
		CacheEntries: []placement.CacheEntry{{HostID: "h01", Digest: "sha256:amf", Mode: placement.CacheEncrypted, TrustDomainID: "TD-CP"}},
	}
}

func smallHost(id, pop, zone, pool string) placement.Host {
	return placement.Host{
		ID: id, NFVIPoPID: pop, ResourceZoneID: zone, HostPoolID: pool, RackID: "r1", PhysicallySecure: true, HypervisorClass: placement.HypervisorType1,
		Runtimes: []string{"runc", "kata"}, RuntimeVersions: map[string]string{"kata": "3.2.0"}, Accelerations: placement.AccelerationPageSharing,
		Capabilities: placement.CapTPM2 | placement.CapEncStorage,
		Capacity:     placement.Resources{placement.DimCPUMillis: 64000, placement.DimMemoryMiB: 262144, "ext.fpga": 2},
		Labels:       map[string]string{"row": "4"},
		CISNodes:     []placement.CISNode{{ID: id + "-vm", Form: placement.CISNodeVM, HypervisorClass: placement.HypervisorNone, Runtimes: []string{"runc"}}},
		VIMZoneID:    "nova:" + id, Lifecycle: placement.LifecycleInService,
	}
}

func smallResidency(id, hostID, runtime string) placement.Residency {
	return placement.Residency{
		ID: id, HostID: hostID, Workload: placement.Workload{
			NF: placement.NF{VNFInstanceID: id[:5], Type: "AMF"}, VNFDID: "vnfd-amf", ComponentID: "sig", TrustDomainID: "TD-CP", Roles: placement.RoleSignalling,
			Images: []string{"sha256:amf"}, Labels: map[string]string{"tier": "gold"}, Runtime: runtime, SNSSAIs: []string{"1-000001"},
			Resources: placement.Resources{placement.DimCPUMillis: 1000, placement.DimMemoryMiB: 2048, "ext.fpga": 1},
		},
	}
}

// newFleet returns a store that holds the small inventory.
func newFleet(t testing.TB) (s *Store, ownerURL string) {
	t.Helper()
	s, ownerURL = newStoreAndOwner(t)
	doc := smallInventory()
	if _, err := s.Import(t.Context(), &doc, false, placement.EndRules{}, tester, nil); err != nil {
		t.Fatal(err)
	}
	return s, ownerURL
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantKind checks the kind of an error.
func wantKind(t testing.TB, err error, kind placement.Kind) {
	t.Helper()
	if err == nil || placement.KindOf(err) != kind {
		t.Fatalf("error %v, want one of kind %q", err, kind)
	}
}

// findingsOf returns the findings that an error carries.
func findingsOf(err error) []placement.Finding {
	if e, ok := errors.AsType[*placement.Error](err); ok {
		return e.Findings
	}
	return nil
}
