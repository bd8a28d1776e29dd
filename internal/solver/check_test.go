package solver_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// BenchmarkCheck judges everything that runs on a fleet, with all processors.
func BenchmarkCheck(b *testing.B) {
	for _, hosts := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("%d", hosts), func(b *testing.B) {
			_, view := benchView(b, hosts)
			const chunk = 4096
			slots := everySlot(view)
			var found atomic.Int64
			b.ReportAllocs()
			for b.Loop() {
				var next atomic.Int64
				var group sync.WaitGroup
				for range runtime.GOMAXPROCS(0) {
					group.Go(func() {
						for block := int(next.Add(1)) - 1; block*chunk < len(slots); block = int(next.Add(1)) - 1 {
							found.Add(int64(len(solver.Check(view, slots[block*chunk:min(len(slots), (block+1)*chunk)], noon, 0))))
						}
					})
				}
				group.Wait()
			}
			b.ReportMetric(float64(view.Residencies()), "residencies")
			b.ReportMetric(float64(found.Load())/float64(b.N), "violations")
		})
	}
}

// TestCheck: each of a pair is told, fabric is nobody's partner, what others left behind later does not count, and who was there
// first neither.
func TestCheck(t *testing.T) {
	t.Parallel()
	const text = `
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
rules:
  - {id: R-POOL, kind: domain-permit, rationale: r}
  - {id: R-NF, kind: separate-nf, onViolation: EVICT, rationale: r}
  - {id: R-SCRUB, kind: scrub-before-reuse, rationale: r}
  - {id: R-AUDIT, kind: separate-domains, mode: audit, rationale: r}
  - {id: R-SHARE, kind: max-blast-radius, scope: HOST, params: {check: REPLICA_SHARE, share: 0.5}, rationale: r}
`
	workload := func(vnf, domain string) placement.Workload {
		return placement.Workload{NF: placement.NF{VNFInstanceID: vnf}, ComponentID: "c", TrustDomainID: domain, Runtime: "runc"}
	}
	resident := func(id, host, vnf, domain string, kind placement.ResidencyKind) placement.Change {
		return placement.Change{Kind: placement.ChangeResidency, ID: id, Residency: &placement.Residency{
			ID: id, HostID: host, Workload: workload(vnf, domain), Kind: kind, State: placement.StateRunning, ReservedAt: noon,
		}}
	}
	host := func(id string, residue ...placement.Residue) placement.Change {
		return placement.Change{Kind: placement.ChangeHost, ID: id, Host: &placement.Host{
			ID: id, HostPoolID: "p", Runtimes: []string{"runc"}, Lifecycle: placement.LifecycleQuarantined, Residue: residue,
		}}
	}
	left := func(at time.Time) placement.Residue {
		return placement.Residue{TrustDomainID: "B", Since: at}
	}
	f := fleet.New()
	for _, c := range []placement.Change{
		{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}},
		{Kind: placement.ChangeTrustDomain, ID: "B", TrustDomain: &placement.TrustDomain{ID: "B"}},
		{Kind: placement.ChangeHostPool, ID: "p", HostPool: &placement.HostPool{ID: "p", AllowedTrustDomainIDs: []string{"A"}}},
		{Kind: placement.ChangeRuntimeClass, ID: "runc", RuntimeClass: &placement.RuntimeClass{Name: "runc", Isolation: placement.IsolationOSContainer}},
		{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p-1"}, Content: []byte(text)}}},
		host("h1"), host("h2", left(noon.Add(-time.Hour))), host("h3", left(noon.Add(time.Hour))),
		resident("r1", "h1", "x", "A", placement.ResidencyWorkload), resident("r2", "h1", "y", "A", placement.ResidencyWorkload),
		resident("r3", "h1", "z", "B", placement.ResidencyFabric),
		resident("r4", "h2", "v", "A", placement.ResidencyWorkload), resident("r5", "h3", "w", "A", placement.ResidencyWorkload),
		resident("r6", "h3", "w", "A", placement.ResidencyWorkload),
	} {
		if err := f.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]bool{}
	view := f.Publish()
	for _, v := range solver.Check(view, everySlot(view), noon.Add(2*time.Hour), 0) {
		got[fmt.Sprint(v.HostID, " ", v.ResidencyID, " ", v.Reason.RuleID, " ", v.Reason.AgainstID, " ", v.Evict)] = true
	}
	want := []string{"h1 r1 R-NF r2 true", "h1 r2 R-NF r1 true", "h2 r4 R-SCRUB  false", "h3 r5 R-SHARE  false", "h3 r6 R-SHARE  false"}
	for _, w := range want {
		if !got[w] {
			t.Errorf("not found: %s", w)
		}
		delete(got, w)
	}
	for g := range got {
		t.Errorf("found: %s", g)
	}
}

// everySlot lists the numbers of all hosts of a view.
func everySlot(v *fleet.View) []int {
	out := make([]int, len(v.Blocks)*fleet.BlockSize)
	for i := range out {
		out[i] = i
	}
	return out
}
