package httpapi

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// benchFleet is a fleet with ten residents on every host; RINGFENCE_BENCH_HOSTS says how many hosts.
func benchFleet(b *testing.B) *placement.Inventory {
	b.Helper()
	hosts := 1000
	if text := os.Getenv("RINGFENCE_BENCH_HOSTS"); text != "" {
		var err error
		if hosts, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	const residents = 10
	doc := &placement.Inventory{
		TrustDomains:   []placement.TrustDomain{{ID: "TD-A", Category: placement.CategoryControlPlane, Sensitivity: 3}},
		NFVIPoPs:       []placement.NFVIPoP{{ID: "LON", Country: "GB"}},
		ResourceZones:  []placement.ResourceZone{{ID: "LON-A", NFVIPoPID: "LON"}},
		HostPools:      []placement.HostPool{{ID: "P", AllowedTrustDomainIDs: []string{"TD-A"}}},
		RuntimeClasses: []placement.RuntimeClass{{Name: "kata", Isolation: placement.IsolationVM}, {Name: "runc", Isolation: placement.IsolationOSContainer}},
	}
	for h := range hosts {
		id := fmt.Sprintf("host-%06d", h)
		doc.Hosts = append(doc.Hosts, placement.Host{
			ID: id, HostPoolID: "P", NFVIPoPID: "LON", ResourceZoneID: "LON-A", RackID: fmt.Sprintf("r%d", h/40), PhysicallySecure: true,
			HypervisorClass: placement.HypervisorType1, Runtimes: []string{"kata", "runc"}, Capabilities: placement.CapTPM2 | placement.CapEncStorage,
			Capacity: placement.Resources{"cpuMillis": 64000, "memoryMiB": 262144, "ephemeralStorageMiB": 1 << 20}, Lifecycle: placement.LifecycleInService,
			Attestation: placement.Attestation{State: placement.AttestationTrusted, AttestedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Verifier: "v"},
		})
		for r := range residents {
			doc.Residencies = append(doc.Residencies, placement.Residency{
				ID: fmt.Sprintf("res-%06d-%02d", h, r), HostID: id, Kind: placement.ResidencyWorkload, State: placement.StateRunning,
				Workload: placement.Workload{
					NF: placement.NF{VNFInstanceID: fmt.Sprintf("vnf-%d", h%5000), Type: "AMF"}, ComponentID: "sig", TrustDomainID: "TD-A", Roles: placement.RoleSignalling,
					Runtime: "kata", Resources: placement.Resources{"cpuMillis": 2000, "memoryMiB": 4096},
				},
			})
		}
	}
	return doc
}

// BenchmarkReadInventory measures reading and checking a document, without a database.
func BenchmarkReadInventory(b *testing.B) {
	doc := benchFleet(b)
	contract := testFormat(b)
	for _, mediaType := range []string{mediaJSON, mediaYAML} {
		var text bytes.Buffer
		if err := contract.write(&text, doc, mediaType); err != nil {
			b.Fatal(err)
		}
		b.Run(mediaType, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				got, err := contract.read(text.Bytes(), mediaType, testNow())
				if err != nil || len(got.faults) > 0 {
					b.Fatal(err, got.faults[:1])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*(len(doc.Hosts)+len(doc.Residencies))), "us/entry")
		})
	}
}
