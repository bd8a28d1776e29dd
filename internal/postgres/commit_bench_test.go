package postgres

import (
	"fmt"
	"sync/atomic"
	"testing"

	"ringfence/internal/placement"
)

// BenchmarkCommit measures grants of one container by 32 callers on 1,000 hosts.
func BenchmarkCommit(b *testing.B) {
	hosts := hostNames(1000)
	w := newWorld(b, hosts...)
	w.exec(`UPDATE host SET cpu_millis_total = 1000000000, memory_mib_total = 1000000000`)
	w.exec(`UPDATE host_ext_capacity SET total = 1000000000`)
	var next atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			c := commitOf(1, request{vnf: fmt.Sprintf("vnf-%d", n), occ: fmt.Sprint(n), hosts: []string{hosts[n*7%1000]}})
			res, err := w.Commit(b.Context(), c, sayYes)
			if err != nil || res.Status != placement.CommitDone {
				b.Errorf("status %d, %v", res.Status, err)
				return
			}
		}
	})
}
