package scenario

import (
	"slices"
	"testing"

	"ringfence/test/stub"
)

// TestCapacity asks, in every dimension, for more than the host has left: two units fit, a third does not, nor do three at
// once, of which none is granted; and what is let go of can be had again. A host that declares nothing of a dimension has
// nothing of it.
func TestCapacity(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "capacity.yaml", "plain.policy.yaml")
	for _, dimension := range []string{
		"cpuMillis", "memoryMiB", "ephemeralStorageMiB", "hugePages2Mi", "hugePages1Gi", "sriovVfs", "gpus", "teeGuests", "ext.licences",
	} {
		t.Run(dimension, func(t *testing.T) {
			d := d.in(t)
			vnfm := d.vnfm(stub.SOL003Containers)
			ask := func(vnf string, n int) *stub.GrantRequest {
				return instantiate(vnfm, "one-"+dimension, vnf, "c", ids(n)...)
			}

			d.expectCapacity(d.refused(vnfm, ask("three", 3)), 2)
			if held := d.reservations("three"); len(held) != 0 {
				t.Fatalf("a refusal holds %v", held)
			}
			first := d.granted(vnfm, ask("two", 2))
			if hosts := first.Hosts(); hosts["r0"] != "two" || hosts["r1"] != "two" {
				t.Fatalf("granted on %v", hosts)
			}
			d.expectCapacity(d.refused(vnfm, ask("one", 1)), 2)
			d.release(first.AddResources[0].ReservationID)
			d.granted(vnfm, ask("one", 1))
			d.expectCapacity(d.refused(vnfm, ask("another", 1)), 2)
			d.releaseAll("one")
			d.releaseAll("two")
		})
	}
}

// expectCapacity expects a refusal for want of capacity: on that many hosts, or between the members of the request.
func (d *deployment) expectCapacity(p *stub.Problem, hosts int) {
	d.t.Helper()
	if p.Conflict != nil && slices.Contains(p.Conflict.Members, "CAPACITY") {
		return
	}
	if len(p.Violations) != 1 || p.Violations[0].RuleID != "CAPACITY" || p.Violations[0].HostCount != hosts {
		d.t.Errorf("refused for %+v, %+v", p.Violations, p.Conflict)
	}
}

// TestCapacityOverhead has a runtime that needs memory of its own: of two units, one workload takes both.
func TestCapacityOverhead(t *testing.T) {
	t.Parallel()
	d := startFleet(t, "capacity.yaml", "plain.policy.yaml")
	vnfm := d.vnfm(stub.SOL003Containers)
	d.granted(vnfm, instantiate(vnfm, "one-memoryMiB-and-overhead", "heavy", "c", "r0"))
	d.expectCapacity(d.refused(vnfm, instantiate(vnfm, "one-memoryMiB", "light", "c", "r0")), 2)
	d.releaseAll("heavy")
	d.granted(vnfm, instantiate(vnfm, "one-memoryMiB", "light", "c", "r0", "r1"))
}
