package policy

import (
	"math/rand/v2"
	"slices"
	"testing"

	"ringfence/internal/placement"
)

func analysisCatalogue() *placement.Catalogue {
	cat := placement.NewCatalogue()
	for _, d := range []placement.TrustDomain{
		{ID: "TD-A", Category: placement.CategoryUserPlane, Sensitivity: 1},
		{ID: "TD-B", Category: placement.CategoryControlPlane, Sensitivity: 3, AllowedCountries: []string{"GB"}},
		{ID: "TD-B1", Category: placement.CategoryControlPlane, Sensitivity: 4, ParentID: "TD-B"},
		{ID: "TD-O", Category: placement.CategoryOversight, Sensitivity: 4},
	} {
		cat.TrustDomains[d.ID] = d
	}
	cat.RuntimeClasses["kata"] = placement.RuntimeClass{Name: "kata", Isolation: placement.IsolationVM}
	cat.HostPools["core"] = placement.HostPool{ID: "core"}
	return cat
}

// everyWorkload lists one workload of every sort that the selectors of the test can tell apart.
func everyWorkload() (out []placement.Workload) {
	labels := []map[string]string{nil, {"env": "lab"}, {"env": "prod"}, {"env": "lab", "tier": "gold"}, {"env": "prod", "tier": "gold"}, {"tier": "gold"}}
	for _, domain := range []string{"TD-A", "TD-B", "TD-B1", "TD-O"} {
		for _, nfType := range []string{"AMF", "UPF", "another"} {
			for _, component := range []string{"a", "b", "another"} {
				for roles := range placement.Roles(8) {
					for _, l := range labels {
						out = append(out, placement.Workload{
							TrustDomainID: domain, NF: placement.NF{Type: nfType}, ComponentID: component, Roles: roles, Labels: l,
						})
					}
				}
			}
		}
	}
	return out
}

func someSelector(r *rand.Rand, deep bool) *Selector {
	some := func(list ...string) []string {
		out := []string{}
		for _, s := range list {
			if r.IntN(2) == 0 {
				out = append(out, s)
			}
		}
		return out
	}
	s := &Selector{}
	for range r.IntN(3) {
		switch r.IntN(7) {
		case 0:
			s.TrustDomains = some("TD-A", "TD-B", "TD-O", "TD-GONE")
		case 1:
			s.Categories = []placement.Category{placement.CategoryControlPlane, placement.CategoryOversight}[:r.IntN(3)]
		case 2:
			s.NFTypes = some("AMF", "UPF")
		case 3:
			s.HasRoles, s.Roles = true, placement.Roles(r.IntN(8))
		case 4:
			s.Components = some("a", "b")
		case 5:
			s.Labels = []map[string]string{{}, {"env": "lab"}, {"env": "prod"}, {"env": "lab", "tier": "gold"}}[r.IntN(4)]
		case 6:
			s.HasSensitivity, s.SensitivityFrom = true, r.IntN(5)
		}
	}
	if deep && r.IntN(3) == 0 {
		s.AnyOf = []Selector{}
		for range r.IntN(3) {
			s.AnyOf = append(s.AnyOf, *someSelector(r, false))
		}
	}
	return s
}

// TestSelectorsAreComparedExactly compares the algebra of selectors with trying every workload.
func TestSelectorsAreComparedExactly(t *testing.T) {
	t.Parallel()
	cat, workloads := analysisCatalogue(), everyWorkload()
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 3000 {
		if compareSelectors(t, cat, workloads, r) {
			found++
		}
	}
	if found < 500 || found > 2500 {
		t.Fatalf("%d of 3000 cases have a workload: too one-sided to test anything", found)
	}
}

// compareSelectors asks of some selectors whether a workload is picked by the one and spared by the other, by the algebra and by
// trying every workload. It returns the answer.
func compareSelectors(t *testing.T, cat *placement.Catalogue, workloads []placement.Workload, r *rand.Rand) bool {
	t.Helper()
	picked := []*Selector{someSelector(r, true), someSelector(r, true)}[:1+r.IntN(2)]
	spared := []*Selector{someSelector(r, true), someSelector(r, true)}[:r.IntN(3)]
	p := &Policy{}
	for _, s := range append(slices.Clip(picked), spared...) {
		p.Rules = append(p.Rules, &Rule{Subject: *s})
	}
	want := slices.ContainsFunc(workloads, func(w placement.Workload) bool {
		matches := func(s *Selector) bool { return s.matches(cat, &w, w.Roles) }
		return !slices.ContainsFunc(picked, func(s *Selector) bool { return !matches(s) }) && !slices.ContainsFunc(spared, matches)
	})
	if got := newSpace(cat, p).exists(picked, spared); got != want {
		t.Fatalf("exists %t, trying says %t\npicked %+v %+v\nspared %+v", got, want, *picked[0], picked, spared)
	}
	return want
}

// everyHost lists one host of every sort that the host selectors of the test can tell apart.
func everyHost() (out []placement.Host) {
	labels := []map[string]string{nil, {"env": "lab"}, {"env": "prod"}, {"env": "lab", "tier": "gold"}, {"env": "prod", "tier": "gold"}, {"tier": "gold"}}
	for _, pool := range []string{"core", "edge", "another"} {
		for _, zone := range []string{"z1", "z2", "another"} {
			for _, country := range []string{"GB", "IE", "FR"} {
				for capabilities := range placement.Capabilities(8) {
					for _, l := range labels {
						out = append(out, placement.Host{HostPoolID: pool, ResourceZoneID: zone, Country: country, Capabilities: capabilities, Labels: l})
					}
				}
			}
		}
	}
	return out
}

func someHostSelector(r *rand.Rand) *HostSelector {
	lists := [][]string{{}, {"core"}, {"core", "edge"}, {"z1"}, {"z2", "z1"}, {"GB"}, {"GB", "IE"}}
	s := &HostSelector{}
	for range r.IntN(4) {
		switch r.IntN(6) {
		case 0:
			s.Pools = lists[r.IntN(3)]
		case 1:
			s.Zones = lists[[]int{0, 3, 4}[r.IntN(3)]]
		case 2:
			s.Countries = lists[[]int{0, 5, 6}[r.IntN(3)]]
		case 3:
			s.HasCapabilities, s.Capabilities = true, placement.Capabilities(r.IntN(8))
		case 4:
			s.Labels = []map[string]string{{}, {"env": "lab"}, {"env": "prod"}, {"env": "lab", "tier": "gold"}}[r.IntN(4)]
		case 5:
			s.NotLabels = []map[string]string{{"env": "lab"}, {"env": "prod"}, {"env": "lab", "tier": "gold"}}[r.IntN(3)]
		}
	}
	return s
}

// compareHostSelectors asks whether one host selector is inside another, by the algebra and by trying every host.
func compareHostSelectors(t *testing.T, cat *placement.Catalogue, hosts []placement.Host, r *rand.Rand) bool {
	t.Helper()
	inner, outer := someHostSelector(r), someHostSelector(r)
	want := !slices.ContainsFunc(hosts, func(h placement.Host) bool { return inner.matches(cat, &h) && !outer.matches(cat, &h) })
	if got := hostInside(inner, outer); got != want {
		t.Fatalf("inside %t, trying says %t\ninner %+v\nouter %+v", got, want, *inner, *outer)
	}
	return want
}

// TestHostSelectorsAreComparedExactly compares the algebra of host selectors with trying every host.
func TestHostSelectorsAreComparedExactly(t *testing.T) {
	t.Parallel()
	cat, hosts := analysisCatalogue(), everyHost()
	r := rand.New(rand.NewPCG(3, 4))
	inside := 0
	for range 3000 {
		if compareHostSelectors(t, cat, hosts, r) {
			inside++
		}
	}
	if inside < 300 || inside > 2700 {
		t.Fatalf("%d of 3000 are inside: too one-sided to test anything", inside)
	}
}

// drawn is a source of randomness that a fuzzer steers byte by byte; what it leaves open is as good as random.
type drawn struct {
	data []byte
	rest *rand.PCG
}

func (d *drawn) Uint64() uint64 {
	if len(d.data) == 0 {
		return d.rest.Uint64()
	}
	b := uint64(d.data[0])
	d.data = d.data[1:]
	return b * 0x0101010101010101 // the same in the high bits and in the low ones
}

// FuzzSelectors: whatever selectors there are, the algebra by which policies are analysed says what the matcher that decides says.
func FuzzSelectors(f *testing.F) {
	for seed := range byte(16) {
		f.Add([]byte{seed, 255 - seed, 17 * seed, 31 * seed, 7, 77, 177, seed})
	}
	cat, workloads, hosts := analysisCatalogue(), everyWorkload(), everyHost()
	f.Fuzz(func(t *testing.T, data []byte) {
		r := rand.New(&drawn{data, rand.NewPCG(uint64(len(data)), 1)})
		compareSelectors(t, cat, workloads, r)
		compareHostSelectors(t, cat, hosts, r)
	})
}
