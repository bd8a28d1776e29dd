package grant

import (
	"slices"
	"sync"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// maxEvasions is how often a plan is made anew because another one is underway to one of its hosts.
const maxEvasions = 4

// forgetAfter is how long a plan may be underway: longer than its commit takes and the view needs to show it. It may never be
// shown, when its residencies end at once.
const forgetAfter = 10 * time.Second

// underway knows the hosts that this process is committing plans to, or has just done so, and whose new residents the view does not
// show yet. A second plan for such a host is no fault, its commit verifies it, but where the host has room for one only, the work
// of both was in vain.
type underway struct {
	mu    sync.Mutex
	hosts map[string][]arrival
}

// arrival is a residency that a host is to get.
type arrival struct {
	residencyID string
	since       time.Time
}

func newUnderway() *underway { return &underway{hosts: map[string][]arrival{}} }

// begin notes a plan, whose residencies have their ids.
func (u *underway) begin(plan *placement.Plan, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range plan.Placements {
		p := &plan.Placements[i]
		u.hosts[p.HostID] = append(u.hosts[p.HostID], arrival{p.ResidencyID, now})
	}
}

// abandon forgets a plan that was not committed.
func (u *underway) abandon(plan *placement.Plan) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range plan.Placements {
		p := &plan.Placements[i]
		u.keep(p.HostID, func(a arrival) bool { return a.residencyID != p.ResidencyID })
	}
}

// meets tells whether something is underway to a host of the plan. What the view shows has arrived.
func (u *underway) meets(v *fleet.View, plan *placement.Plan, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	met := false
	for i := range plan.Placements {
		left := u.keep(plan.Placements[i].HostID, func(a arrival) bool {
			return v.Residency(a.residencyID) == nil && now.Sub(a.since) < forgetAfter
		})
		met = met || left > 0
	}
	return met
}

// keep drops the arrivals of a host that are not wanted any more and tells how many are left.
func (u *underway) keep(host string, wanted func(arrival) bool) int {
	left := slices.DeleteFunc(u.hosts[host], func(a arrival) bool { return !wanted(a) })
	if len(left) == 0 {
		delete(u.hosts, host)
	} else {
		u.hosts[host] = left
	}
	return len(left)
}
