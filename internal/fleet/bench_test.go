package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/test/bench/synthetic"
)

const benchHosts = 10_000

// BenchmarkLoad builds the index of a whole fleet.
func BenchmarkLoad(b *testing.B) {
	made := benchFleet()
	for b.Loop() {
		load(b, made)
	}
}

// BenchmarkApply applies the change of one residency, without a publication.
func BenchmarkApply(b *testing.B) {
	f := load(b, benchFleet())
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		apply(b, f, benchResidency(n))
	}
}

// BenchmarkPublish applies and publishes the changes of one grant at a time, and of a hundred.
func BenchmarkPublish(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d", batch), func(b *testing.B) {
			f := load(b, benchFleet())
			b.ReportAllocs()
			for n := 0; b.Loop(); n += batch {
				for i := range batch {
					apply(b, f, benchResidency(n+i))
				}
				f.Publish()
			}
		})
	}
}

func benchFleet() *synthetic.Fleet {
	return synthetic.New(synthetic.Options{
		Seed: 1, Hosts: benchHosts, Residents: 10, Occupied: 0.5, Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	})
}

func load(b *testing.B, made *synthetic.Fleet) *fleet.Fleet {
	b.Helper()
	f := fleet.New()
	if err := made.Changes(nil, func(c placement.Change) error { return f.Apply(c) }); err != nil {
		b.Fatal(err)
	}
	f.Publish()
	return f
}

func apply(b *testing.B, f *fleet.Fleet, r *placement.Residency) {
	b.Helper()
	if err := f.Apply(placement.Change{Kind: placement.ChangeResidency, ID: r.ID, Residency: r}); err != nil {
		b.Fatal(err)
	}
}

// benchResidency is a new one each time until there are many, then one that replaces an earlier one elsewhere.
func benchResidency(n int) *placement.Residency {
	id := fmt.Sprintf("new-%d", n%20_000)
	return &placement.Residency{
		ID: id, HostID: synthetic.HostID(n * 7919 % benchHosts), Kind: placement.ResidencyWorkload, State: placement.StateReserved,
		Workload: placement.Workload{NF: placement.NF{VNFInstanceID: id}, ComponentID: "sig", TrustDomainID: "TD-CP", Runtime: "kata"},
	}
}
