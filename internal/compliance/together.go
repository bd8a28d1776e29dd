package compliance

import (
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// withSiblings adds to the hosts that changed those on which others of a network function stand that has come, gone or changed there:
// where a rule holds network functions together, that decides about them too. Without such a rule it adds none.
func withSiblings(view, last *fleet.View, slots []int, ids []string) ([]int, []string) {
	if !view.Policies.HoldsTogether() {
		return slots, ids
	}
	has := map[int]bool{}
	for _, slot := range slots {
		has[slot] = true
	}
	for _, vnf := range movedBetween(view, last, slots) {
		for _, r := range view.ResidenciesOf(vnf) {
			if slot, known := view.Slot(r.HostID); known && !has[slot] {
				has[slot] = true
				slots, ids = append(slots, slot), append(ids, r.HostID)
			}
		}
	}
	slices.Sort(slots)
	return slots, ids
}

// movedBetween lists the VNF instances of which something on these hosts is in one of two views only, or differs between them.
func movedBetween(view, last *fleet.View, slots []int) []string {
	var out []string
	for _, slot := range slots {
		now, before := residentsAt(view, slot), residentsAt(last, slot)
		for _, r := range now {
			if !slices.Contains(before, r) {
				out = append(out, r.Workload.NF.VNFInstanceID)
			}
		}
		for _, r := range before {
			if !slices.Contains(now, r) {
				out = append(out, r.Workload.NF.VNFInstanceID)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// residentsAt are the residents of a host by its number; none where the view has no such host.
func residentsAt(v *fleet.View, slot int) []*placement.Residency {
	if slot/fleet.BlockSize >= len(v.Blocks) {
		return nil
	}
	return v.Blocks[slot/fleet.BlockSize].Residents[slot%fleet.BlockSize]
}

// withCaches adds the hosts whose caches changed, which are apart from the blocks of hosts.
func withCaches(view, last *fleet.View, slots []int, ids []string) ([]int, []string) {
	has := map[int]bool{}
	for _, slot := range slots {
		has[slot] = true
	}
	for _, host := range view.CacheChanged(last) {
		if slot, known := view.Slot(host); known && !has[slot] {
			slots, ids = append(slots, slot), append(ids, host)
		}
	}
	slices.Sort(slots)
	return slots, ids
}
