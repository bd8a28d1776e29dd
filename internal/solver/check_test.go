package solver_test

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
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
  - {id: R-AUDIT, kind: max-blast-radius, params: {check: NF_INSTANCES, max: 1}, mode: audit, onViolation: EVICT, rationale: r}
  - {id: R-SHOULD, kind: max-blast-radius, params: {check: REPLICA_SHARE, share: 0.5}, strength: SHOULD, onViolation: EVICT, rationale: r}
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
		got[fmt.Sprint(v.HostID, " ", v.ResidencyID, " ", v.Reason.RuleID, " ", v.Reason.AgainstID, " ", v.Evict, " ", v.Enforcement)] = true
	}
	want := []string{
		"h1 r1 R-NF r2 true ENFORCED", "h1 r2 R-NF r1 true ENFORCED", "h2 r4 R-SCRUB  false ENFORCED", "h3 r5 R-SHARE  false ENFORCED",
		"h3 r6 R-SHARE  false ENFORCED", "h1 r1 R-AUDIT  false AUDIT", "h3 r5 R-SHOULD  false SHOULD", "h3 r6 R-SHOULD  false SHOULD",
		"h1 r2 R-AUDIT  false AUDIT",
	}
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

// TestEvictees: of those whom a rule does not let be together those go that came later, and not more of them than have to; FABRIC and
// who is going anyway neither go nor send anybody away; rules that are not in force, and rules that only report, evict nobody.
func TestEvictees(t *testing.T) {
	t.Parallel()
	type on struct {
		id, vnf, domain string
		minute          int // when it came; negative: nobody decided it
		fabric, going   bool
	}
	const apart = "{id: R-NF, kind: separate-nf, onViolation: EVICT, rationale: r}"
	tests := map[string]struct {
		rules     string
		residents []on
		want      string
	}{
		"the later of a pair":            {apart, []on{{id: "a", vnf: "x", minute: 2}, {id: "b", vnf: "y", minute: 1}}, "a"},
		"the later by its id":            {apart, []on{{id: "a", vnf: "x", minute: 1}, {id: "b", vnf: "y", minute: 1}}, "b"},
		"observed before":                {apart, []on{{id: "a", vnf: "x", minute: 5}, {id: "b", vnf: "y", minute: -1}}, "a"},
		"all but the first":              {apart, []on{{id: "a", vnf: "x", minute: 1}, {id: "b", vnf: "y", minute: 2}, {id: "c", vnf: "z", minute: 3}}, "b,c"},
		"its partner is going":           {apart, []on{{id: "a", vnf: "x", minute: 1, going: true}, {id: "b", vnf: "y", minute: 2}}, ""},
		"fabric":                         {apart, []on{{id: "a", vnf: "x", minute: 1, fabric: true}, {id: "b", vnf: "y", minute: 2}}, ""},
		"reports":                        {"{id: R-NF, kind: separate-nf, rationale: r}", []on{{id: "a", vnf: "x"}, {id: "b", vnf: "y"}}, ""},
		"in audit mode":                  {strings.Replace(apart, "rationale", "mode: audit, rationale", 1), []on{{id: "a", vnf: "x"}, {id: "b", vnf: "y"}}, ""},
		"SHOULD":                         {strings.Replace(apart, "rationale", "strength: SHOULD, rationale", 1), []on{{id: "a", vnf: "x"}, {id: "b", vnf: "y"}}, ""},
		"who is later than one who goes": {"{id: R-DOM, kind: separate-domains, onViolation: EVICT, rationale: r}", []on{{id: "a", vnf: "x", minute: 1}, {id: "b", vnf: "y", domain: "B", minute: 2}, {id: "c", vnf: "z", minute: 3}}, "b"},
		"too many": {
			"{id: R-MAX, kind: max-blast-radius, params: {check: NF_INSTANCES, max: 2}, onViolation: EVICT, rationale: r}",
			[]on{{id: "a", vnf: "x", minute: 3}, {id: "b", vnf: "y", minute: 1}, {id: "c", vnf: "z", minute: 2}},
			"a",
		},
		"each for itself": {
			"{id: R-ISO, kind: require-isolation, params: {level: VM}, onViolation: EVICT, rationale: r}",
			[]on{{id: "a", vnf: "x", minute: 1}, {id: "b", vnf: "x", minute: 2}},
			"a,b",
		},
		"who wanted to be alone": {
			"{id: R-ALONE, kind: require-isolation, params: {level: VM, orDedicatedHost: TRUST_DOMAIN}, subject: {trustDomains: [A]}, onViolation: EVICT, rationale: r}",
			[]on{{id: "a", vnf: "x", minute: 1}, {id: "b", vnf: "y", domain: "B", minute: 2}},
			"a",
		},
		"an exception": {
			apart + "\nexceptions:\n  - {ruleId: R-NF, vnfInstances: [x], expiresAt: '2999-01-01T00:00:00Z', approvedBy: p, ticket: T}",
			[]on{{id: "a", vnf: "x", minute: 1}, {id: "b", vnf: "y", minute: 2}, {id: "c", vnf: "z", minute: 3}},
			"c",
		},
	}
	for name, tt := range tests {
		f := fleet.New()
		document := "apiVersion: ringfence/v1\nkind: TrustDomainPolicy\npolicyVersion: \"1\"\nrules:\n  - " + tt.rules + "\n"
		h := &placement.Host{ID: "h1", Runtimes: []string{"runc"}}
		err := f.Apply([]placement.Change{
			{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}},
			{Kind: placement.ChangeTrustDomain, ID: "B", TrustDomain: &placement.TrustDomain{ID: "B"}},
			{Kind: placement.ChangeRuntimeClass, ID: "runc", RuntimeClass: &placement.RuntimeClass{Name: "runc", Isolation: placement.IsolationOSContainer}},
			{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p-1"}, Content: []byte(document)}}},
			{Kind: placement.ChangeHost, ID: "h1", Host: h},
		}...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var residents []*placement.Residency
		for _, o := range tt.residents {
			r := &placement.Residency{
				ID: o.id, HostID: "h1", Kind: placement.ResidencyWorkload, State: placement.StateRunning, ReservedAt: noon.Add(time.Duration(o.minute) * time.Minute),
				Workload: placement.Workload{NF: placement.NF{VNFInstanceID: o.vnf}, ComponentID: "c", TrustDomainID: cmp.Or(o.domain, "A"), Runtime: "runc"},
			}
			if o.minute < 0 {
				r.ReservedAt, r.StateSince = time.Time{}, r.ReservedAt
			}
			if o.fabric {
				r.Kind = placement.ResidencyFabric
			}
			if o.going {
				r.State = placement.StateTerminating
			}
			residents = append(residents, r)
			if err := f.Apply(placement.Change{Kind: placement.ChangeResidency, ID: o.id, Residency: r}); err != nil {
				t.Fatal(err)
			}
		}
		view := f.Publish()
		going := solver.Evict(view, 0)(placement.EvictionFacts{Now: noon.Add(time.Hour), Host: placement.HostFacts{Host: h, Residents: residents}, Siblings: residents})
		if got := strings.Join(slices.Sorted(maps.Keys(going)), ","); got != tt.want {
			t.Errorf("%s: %q goes, want %q", name, got, tt.want)
		}
		pending := map[string]bool{}
		for _, v := range solver.Check(view, everySlot(view), noon.Add(time.Hour), 0) {
			if v.Eviction == placement.EvictionPending {
				pending[v.ResidencyID] = true
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(pending)), ","); got != tt.want {
			t.Errorf("%s: %q waits to go, want %q", name, got, tt.want)
		}
		impact := solver.Impact(view, view.Policies, solver.ImpactOptions{Now: noon.Add(time.Hour), MaxComponents: 9, MaxViolations: 9})
		if impact.Residencies.Evicted != len(going) {
			t.Errorf("%s: the preview says %d, %d go", name, impact.Residencies.Evicted, len(going))
		}
	}
}

// TestLatestReplicasGo: of too many replicas in one place the latest goes, on whatever host of the place it is.
func TestLatestReplicasGo(t *testing.T) {
	t.Parallel()
	const document = `
apiVersion: ringfence/v1
kind: TrustDomainPolicy
policyVersion: "1"
rules:
  - {id: R-SHARE, kind: max-blast-radius, scope: RACK, params: {check: REPLICA_SHARE, share: 0.5}, onViolation: EVICT, rationale: r}
`
	f := fleet.New()
	changes := []placement.Change{
		{Kind: placement.ChangeTrustDomain, ID: "A", TrustDomain: &placement.TrustDomain{ID: "A"}},
		{Kind: placement.ChangePolicies, ID: "active", Policies: []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "p-1"}, Content: []byte(document)}}},
	}
	for n, rack := range []string{"west", "west", "west", "east"} {
		id := strconv.Itoa(n)
		changes = append(changes,
			placement.Change{Kind: placement.ChangeHost, ID: "h" + id, Host: &placement.Host{ID: "h" + id, RackID: rack}},
			placement.Change{Kind: placement.ChangeResidency, ID: "r" + id, Residency: &placement.Residency{
				ID: "r" + id, HostID: "h" + id, Kind: placement.ResidencyWorkload, State: placement.StateRunning, ReservedAt: noon.Add(-time.Duration(n) * time.Minute),
				Workload: placement.Workload{NF: placement.NF{VNFInstanceID: "x"}, ComponentID: "c", TrustDomainID: "A"},
			}})
	}
	if err := f.Apply(changes...); err != nil {
		t.Fatal(err)
	}
	view := f.Publish()
	var pending []string
	violations := solver.Check(view, everySlot(view), noon.Add(time.Hour), 0)
	for _, v := range violations {
		if v.Eviction == placement.EvictionPending {
			pending = append(pending, v.ResidencyID)
		}
	}
	if len(violations) != 3 || !slices.Equal(pending, []string{"r0"}) {
		t.Errorf("%v waits to go, of %d that violate", pending, len(violations))
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
