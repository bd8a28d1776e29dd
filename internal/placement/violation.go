package placement

import "time"

// RuleBreakGlass is the id of what is no policy rule: one person alone put a policy in force, or changed security-relevant inventory,
// and nobody has confirmed it in time.
const RuleBreakGlass = "BREAK-GLASS"

// Enforcement says what a rule does with what does not meet it.
type Enforcement string

// The enforcements. A SHOULD rule in audit mode is AUDIT.
const (
	Enforced Enforcement = "ENFORCED" // it refuses
	Should   Enforcement = "SHOULD"   // it scores and warns
	Audit    Enforcement = "AUDIT"    // it records what it would refuse
	Observed Enforcement = "OBSERVE"  // it would refuse, but the VIM connection of the host is observed
)

// ViolationSource says what found a violation. Who records those of one source leaves those of the others alone.
type ViolationSource string

// The sources of violations.
const (
	SourceRules       ViolationSource = "RULES"       // what is decided, held against the policies in force
	SourceObservation ViolationSource = "OBSERVATION" // what a host reports, held against what is decided
	SourceDirectives  ViolationSource = "DIRECTIVES"  // what a host was told, held against what it answered
)

// The rule ids of what is no policy rule: a host does not do what it was told.
const (
	RuleDirectiveFailed  = "DIRECTIVE-FAILED"  // it answered that it cannot
	RuleDirectiveOverdue = "DIRECTIVE-OVERDUE" // it does not answer
)

// Eviction says what becomes of what violates a rule that evicts.
type Eviction string

// The states of an eviction.
const (
	EvictionNone    Eviction = "NONE"    // nothing: the rule does not evict, or the other one of a pair goes, or it was going already
	EvictionPending Eviction = "PENDING" // it is to go, and waits for its turn
	EvictionOrdered Eviction = "ORDERED" // its host was told to release it
	EvictionDone    Eviction = "DONE"    // it was observed gone after that
)

// Violation is a rule in force that something that runs, or is decided to run, does not meet. It is recorded, and unless the rule
// evicts it changes nothing by itself.
type Violation struct {
	ID            string
	NFVIPoPID     string
	HostID        string // empty: of no host
	ResidencyID   string // empty: of no residency
	VNFInstanceID string
	TrustDomainID string
	Reason        Reason
	Source        ViolationSource
	Object        string // what else it is about: an artefact, what the NFVI calls a workload, or a directive; empty: nothing
	Enforcement   Enforcement
	Evict         bool // the rule says onViolation EVICT
	Eviction      Eviction
	PolicyEpoch   int64 // in which it was found first
	Since         time.Time
	Until         time.Time // when it was found no longer; zero: it stands
	OrderedAt     time.Time // when the host was told to release the residency; zero: it was not
	DoneAt        time.Time // when it was observed gone after that; zero: it was not
}

// ViolationKey tells violations apart: there is one at a time of a residency on a host, a rule and a partner.
type ViolationKey struct{ HostID, ResidencyID, PolicyID, RuleID, AgainstID, Object string }

// Key is what tells the violation apart from others that stand.
func (v *Violation) Key() ViolationKey {
	return ViolationKey{v.HostID, v.ResidencyID, v.Reason.PolicyID, v.Reason.RuleID, v.Reason.AgainstID, v.Object}
}

// ViolationCheck is the result of checking what runs on some hosts, or on all.
type ViolationCheck struct {
	Position    FeedPosition // of the view that was checked
	PolicyEpoch int64
	HostIDs     []string // that were checked; nil: all, and what concerns no host
	Found       []Violation
}

// ViolationRecord is what recording a check has changed.
type ViolationRecord struct {
	Opened  int
	Ended   map[Enforcement]int
	Pending int // violations whose residencies wait for their eviction now
}

// UnsettledRecord is what recording the directives that are not carried out has changed.
type UnsettledRecord struct {
	Opened []Violation
	Ended  int
}

// ViolationCount is how many violations of a rule stand.
type ViolationCount struct {
	RuleID      string
	Enforcement Enforcement
	Count       int
}

// EvictionOrder is what evicting from one host is told.
type EvictionOrder struct {
	Host        HostKey
	PolicyEpoch int64 // of the judge; in another one nobody is evicted
	PerMinute   int   // at most so many residencies in the fleet
	Siblings    bool  // the judge looks at what is on other hosts too
}

// EvictionFacts are what is on a host, read under its lock.
type EvictionFacts struct {
	Now      time.Time // the database's
	Host     HostFacts
	Siblings []*Residency // of the VNF instances on the host, wherever they are; ascending by id
}

// JudgeEviction tells who has to go from a host, by residency, with the reasons. It is pure.
type JudgeEviction func(EvictionFacts) map[string][]Reason

// EvictionResult is what became of an EvictionOrder.
type EvictionResult struct {
	Ordered []string // residencies that the host was told to release
	Waiting int      // residencies that are to go, and for whom PerMinute has no room now
	Stale   bool     // the policy epoch has moved: nothing was judged
}
