package postgres

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// BenchmarkFleet imports a fleet and loads it as a replica does at its start. RINGFENCE_BENCH_HOSTS sets its size, with
// ten residents per host.
func BenchmarkFleet(b *testing.B) {
	hosts := 2000
	if n, err := strconv.Atoi(os.Getenv("RINGFENCE_BENCH_HOSTS")); err == nil {
		hosts = n
	}
	for b.Loop() {
		s := newStore(b)
		doc := largeInventory(hosts, 10)
		start := time.Now()
		if _, err := s.Import(b.Context(), &doc, true, placement.EndRules{}, tester, func(done, total int) { b.Logf("%v %d of %d", time.Since(start).Round(time.Millisecond), done, total) }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "import-s")
		start = time.Now()
		n := 0
		if _, _, err := s.Snapshot(context.Background(), func(placement.Change) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "load-s")
		start = time.Now()
		if d, err := s.CheckUsage(b.Context()); err != nil || len(d) > 0 {
			b.Fatalf("differences %v, error %v", d, err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "check-s")
	}
}

// largeInventory is a fleet of so many hosts in ten NFVI-PoPs, with residents of a thousand VNF instances.
func largeInventory(hosts, residents int) placement.Inventory {
	doc := smallInventory()
	doc.Hosts, doc.Residencies, doc.CacheEntries = nil, nil, nil
	for p := range 10 {
		pop := fmt.Sprintf("POP-%d", p)
		doc.NFVIPoPs = append(doc.NFVIPoPs, placement.NFVIPoP{ID: pop, Country: "GB"})
		doc.ResourceZones = append(doc.ResourceZones, placement.ResourceZone{ID: pop + "-A", NFVIPoPID: pop})
	}
	for i := range hosts {
		pop := fmt.Sprintf("POP-%d", i%10)
		h := smallHost(fmt.Sprintf("host-%06d", i), pop, pop+"-A", "pool-core")
		h.CISNodes = nil
		doc.Hosts = append(doc.Hosts, h)
		for j := range residents {
			r := smallResidency(fmt.Sprintf("vnf-%d.c%d-%d", i%1000, j, i), h.ID, []string{"runc", "kata"}[j%2])
			r.Workload.NF.VNFInstanceID = fmt.Sprintf("vnf-%d", i%1000)
			delete(r.Workload.Resources, "ext.fpga")
			doc.Residencies = append(doc.Residencies, r)
		}
	}
	return doc
}
