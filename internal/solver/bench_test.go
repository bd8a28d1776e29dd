package solver_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
	"ringfence/test/bench/synthetic"
)

// BenchmarkSolve decides requests for one container each, of all sorts in turn, under the complete policy.
func BenchmarkSolve(b *testing.B) {
	for _, hosts := range []int{1000, 10_000} {
		made, view := benchView(b, hosts)
		inputs := make([]*placement.Inputs, 512)
		for n := range inputs {
			q := made.Request(n)
			inputs[n] = q.Inputs(noon, uint64(n))
			solver.Solve(view, inputs[n]) // fill the bitmaps
		}
		b.Run(fmt.Sprintf("%d", hosts), func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if plan, _ := solver.Solve(view, inputs[n%len(inputs)]); plan == nil {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkVerify judges a plan again, as a commit does on what it read under lock.
func BenchmarkVerify(b *testing.B) {
	made, view := benchView(b, synthetic.MinHosts)
	q := made.Request(0)
	in := q.Inputs(noon, 0)
	plan, _ := solver.Solve(view, in)
	facts := factsOf(view, in, plan)
	b.ReportAllocs()
	for b.Loop() {
		if reasons := solver.Verify(view, in, plan)(facts); len(reasons) > 0 {
			b.Fatal(reasons)
		}
	}
}

func benchView(b *testing.B, hosts int) (*synthetic.Fleet, *fleet.View) {
	b.Helper()
	text, err := os.ReadFile("../../deployments/policies/vm-equivalent.yaml")
	if err != nil {
		b.Fatal(err)
	}
	made := synthetic.New(synthetic.Options{Seed: 1, Hosts: hosts, Residents: 10, Occupied: 0.5, Now: noon})
	f := fleet.New()
	active := []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "vm-equivalent", Version: "1.0.0"}, Content: text}}
	if err := made.Changes(active, func(c placement.Change) error { return f.Apply(c) }); err != nil {
		b.Fatal(err)
	}
	return made, f.Publish()
}

// BenchmarkImpact previews a stricter policy on a fleet of half-occupied hosts.
func BenchmarkImpact(b *testing.B) {
	for _, hosts := range []int{10_000, 100_000} {
		_, view := benchView(b, hosts)
		text, err := os.ReadFile("../../deployments/policies/vm-equivalent.yaml")
		if err != nil {
			b.Fatal(err)
		}
		strict := strings.ReplaceAll(string(text), "minSeparation: VM", "minSeparation: CONFIDENTIAL_VM")
		set, err := policy.CompileSet([]placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "vm-equivalent", Version: "1.0.0"}, Content: []byte(strict)}})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%d hosts, %d residencies", hosts, view.Residencies()), func(b *testing.B) {
			for b.Loop() {
				got := solver.Impact(view, set, solver.ImpactOptions{Now: noon, MaxComponents: 100, MaxViolations: 100})
				if got.Residencies.Checked == 0 || got.Residencies.New == 0 {
					b.Fatalf("%+v", got.Residencies)
				}
			}
		})
	}
}
