package placement

import "time"

// RuleBreakGlass is the id of what is no policy rule: one person alone put a policy in force, and nobody has confirmed it in time.
const RuleBreakGlass = "BREAK-GLASS"

// Violation is a rule in force that something that runs, or is decided to run, does not meet. It is recorded, and changes nothing
// by itself.
type Violation struct {
	ID            string
	NFVIPoPID     string
	HostID        string // empty: of no host
	ResidencyID   string // empty: of no residency
	VNFInstanceID string
	TrustDomainID string
	Reason        Reason
	Evict         bool  // the rule says onViolation EVICT
	PolicyEpoch   int64 // in which it was found first
	Since         time.Time
	Until         time.Time // when it was found no longer; zero: it stands
}

// ViolationKey tells violations apart: there is one at a time of a residency, a rule and a partner.
type ViolationKey struct{ ResidencyID, PolicyID, RuleID, AgainstID string }

// Key is what tells the violation apart from others that stand.
func (v *Violation) Key() ViolationKey {
	return ViolationKey{v.ResidencyID, v.Reason.PolicyID, v.Reason.RuleID, v.Reason.AgainstID}
}

// ViolationCheck is the result of checking what runs on some hosts, or on all.
type ViolationCheck struct {
	Position    FeedPosition // of the view that was checked
	PolicyEpoch int64
	HostIDs     []string // that were checked; nil: all, and what concerns no host
	Found       []Violation
}

// ViolationFilter selects violations; empty members select all.
type ViolationFilter struct {
	HostID string
	Open   bool // only those that stand
}
