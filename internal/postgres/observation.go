package postgres

import (
	"slices"
	"time"

	"ringfence/internal/placement"
)

// observation is what a host's report means for what was decided. It is pure; who acts on it does so under the lock.
type observation struct {
	matched   []*placement.Residency          // for each reported workload the residency that it is; nil: nobody decided it
	confirmed []*placement.Residency          // awaited and seen
	learned   map[*placement.Residency]string // how residencies are called in their VIM, for requests that name them so
	ended     []*placement.Residency          // absent, and the report is new enough to prove it
	missing   []string                        // should run and was not reported
}

// observe judges a report made at a time. residents are everything on the host.
func observe(residents []*placement.Residency, reported []placement.ObservedResidency, at time.Time) observation {
	o := observation{matched: match(residents, reported), learned: map[*placement.Residency]string{}}
	for i, r := range o.matched {
		if r == nil {
			continue
		}
		if awaited(r) {
			o.confirmed = append(o.confirmed, r)
		}
		if id := reported[i].VIMResourceID; id != "" && !slices.Contains(r.VIMResourceIDs, id) {
			o.learned[r] = id
		}
	}
	for _, r := range residents {
		if slices.ContainsFunc(reported, func(seen placement.ObservedResidency) bool { return mayBe(&seen, r) }) {
			continue
		}
		switch {
		case r.State == placement.StateUnconfirmed && at.After(r.ExpiresAt), r.State == placement.StateTerminating && at.After(r.StateSince):
			o.ended = append(o.ended, r)
		case r.State == placement.StateRunning && r.Kind == placement.ResidencyWorkload:
			o.missing = append(o.missing, r.ID)
		}
	}
	return o
}

// changes tells whether anything that was decided follows the report.
func (o *observation) changes() bool { return len(o.confirmed)+len(o.learned)+len(o.ended) > 0 }

func (o *observation) unmatched() int {
	n := 0
	for _, r := range o.matched {
		if r == nil {
			n++
		}
	}
	return n
}

// match finds the residency that each reported workload is: the only one that it may be.
func match(residents []*placement.Residency, reported []placement.ObservedResidency) []*placement.Residency {
	out := make([]*placement.Residency, len(reported))
	for i := range reported {
		var candidates []*placement.Residency
		for _, r := range residents {
			if mayBe(&reported[i], r) && !slices.Contains(out, r) {
				candidates = append(candidates, r)
			}
		}
		if len(candidates) == 1 {
			out[i] = candidates[0]
		}
	}
	return out
}

// mayBe tells whether a reported workload may be a residency. A host that knows residencies by their id names no other
// one; otherwise what it leaves open fits anything, so that a vague report proves nobody's absence.
func mayBe(o *placement.ObservedResidency, r *placement.Residency) bool {
	if o.ResidencyID != "" {
		return o.ResidencyID == r.ID
	}
	if o.VIMResourceID != "" && slices.Contains(r.VIMResourceIDs, o.VIMResourceID) {
		return true
	}
	return o.VNFInstanceID != "" && o.VNFInstanceID == r.Workload.NF.VNFInstanceID &&
		(o.ComponentID == "" || o.ComponentID == r.Workload.ComponentID) &&
		(o.ResourceDefinitionID == "" || o.ResourceDefinitionID == r.ResourceDefinitionID)
}
