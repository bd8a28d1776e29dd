package solver_test

import (
	"fmt"
	"os"
	"testing"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
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
