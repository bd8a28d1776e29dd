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
	for n := range 3000 {
		picked := []*Selector{someSelector(r, true), someSelector(r, true)}[:1+r.IntN(2)]
		spared := []*Selector{someSelector(r, true), someSelector(r, true)}[:r.IntN(3)]
		p := &Policy{}
		for _, s := range append(slices.Clip(picked), spared...) {
			p.Rules = append(p.Rules, &Rule{Subject: *s})
		}
		got := newSpace(cat, p).exists(picked, spared)
		want := false
		for i := range workloads {
			w := &workloads[i]
			ok := true
			for _, s := range picked {
				ok = ok && s.matches(cat, w, w.Roles)
			}
			for _, s := range spared {
				ok = ok && !s.matches(cat, w, w.Roles)
			}
			want = want || ok
		}
		if want {
			found++
		}
		if got != want {
			t.Fatalf("case %d: exists %t, trying says %t\npicked %+v %+v\nspared %+v", n, got, want, *picked[0], picked, spared)
		}
	}
	if found < 500 || found > 2500 {
		t.Fatalf("%d of 3000 cases have a workload: too one-sided to test anything", found)
	}
}
