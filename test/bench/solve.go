package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
	"ringfence/test/bench/synthetic"
)

// How much is measured for B1.
const (
	solves      = 5000
	warmSolves  = 500
	shareSample = 60 // requests by which the share of hosts that pass is estimated
)

// solveTargets are B1's: the most that a decision may take at the 99th percentile.
var solveTargets = map[int]time.Duration{1000: 50 * time.Microsecond, 10_000: 200 * time.Microsecond, 100_000: time.Millisecond}

// solve measures B1: one container at a time on a fleet of which half of the hosts have ten residents each, under the complete
// policy, with the floor beside every decision.
func solve(ctx context.Context, policy []byte, hosts int) (result, error) {
	now := time.Now().UTC()
	made := synthetic.New(synthetic.Options{Seed: seed, Hosts: hosts, Residents: 10, Occupied: 0.5, Now: now})
	view, err := build(made, policy)
	if err != nil {
		return result{}, err
	}
	ground := newFloor(hosts, shareOfHosts(view, made, now))
	took, bare := make(latencies, 0, solves), make(latencies, 0, solves)
	for n := range warmSolves + solves {
		if err := ctx.Err(); err != nil {
			return result{}, err
		}
		q := made.Request(n)
		in := q.Inputs(now, uint64(n))
		start := time.Now()
		plan, _ := solver.Solve(view, in)
		solved := time.Now()
		best := ground.scan(int64(1000 * (1 + n%3)))
		scanned := time.Now()
		switch {
		case plan == nil:
			return result{}, fmt.Errorf("request %d, for %s, was refused", n, q.VNFDID)
		case best < 0:
			return result{}, errors.New("the floor found no host")
		case n >= warmSolves:
			took, bare = append(took, solved.Sub(start)), append(bare, scanned.Sub(solved))
		}
	}
	return solveResult(hosts, took.sort(), bare.sort()), nil
}

func solveResult(hosts int, took, bare latencies) result {
	r := result{
		ID: "B1", Hosts: hosts, P50Ms: ms(took.quantile(0.5)), P99Ms: ms(took.quantile(0.99)),
		RatePerS: new(float64(len(took)) / took.sum().Seconds()), Target: "p99 <= 0.05 / 0.2 / 1 ms at 1k / 10k / 100k hosts",
		RatioToFloor: new(float64(took.quantile(0.5)) / float64(max(bare.quantile(0.5), 1))),
		Details:      []detail{{"floor p50", *ms(bare.quantile(0.5)), "ms"}, {"floor p99", *ms(bare.quantile(0.99)), "ms"}},
	}
	if target, stated := solveTargets[hosts]; stated {
		r.Met = new(took.quantile(0.99) <= target)
	}
	return r
}

func build(made *synthetic.Fleet, policy []byte) (*fleet.View, error) {
	f := fleet.New()
	active := []placement.ActivePolicy{{Ref: placement.PolicyRef{ID: "vm-equivalent", Version: "1.0.0"}, Content: policy}}
	if err := made.Changes(active, func(c placement.Change) error { return f.Apply(c) }); err != nil {
		return nil, err
	}
	return f.Publish(), nil
}

// shareOfHosts is the share of all hosts that requests find feasible, on average.
func shareOfHosts(view *fleet.View, made *synthetic.Fleet, now time.Time) float64 {
	feasible := 0
	for n := range shareSample {
		q := made.Request(n)
		in := q.Inputs(now, uint64(n))
		in.ExplainLevel = placement.ExplainFunnel
		_, why := solver.Solve(view, in)
		for i := range why.Demands {
			feasible += why.Demands[i].HostsFeasible
		}
	}
	return float64(feasible) / float64(shareSample*made.Hosts)
}
