package placement

import "time"

// PolicyAnalysis is what there is to say of a policy version before it is put in force.
type PolicyAnalysis struct {
	PolicyID   string
	Version    string
	At         time.Time
	Epoch      int64 // the policy epoch that was looked at
	Position   FeedPosition
	Findings   []Finding
	Impact     *PolicyImpact // nil: nothing that could be put in force
	ComparedTo string        // the version that Changes compares to; empty: there is none
	Changes    []RuleChange
}

// PolicyImpact compares what is in force with what would be, on the inventory as it is.
type PolicyImpact struct {
	HostsTotal   int
	TrustDomains []DomainImpact    // all, ascending by id
	Components   []ComponentImpact // of VNF profiles: those for whom something changes or who have no host first, else by VNFD
	LeftOut      int               // components that Components has no room for
	Residencies  ResidencyImpact
}

// BeforeAfter is a number now, and with the version in force.
type BeforeAfter struct{ Before, After int }

// DomainImpact counts the hosts on which something of a trust domain may run: one of its components, or where no VNF profile has
// any, a workload that asks for nothing.
type DomainImpact struct {
	TrustDomainID string
	Eligible      BeforeAfter
}

// ComponentImpact counts hosts for a new replica of a component, of a VNF instance that does not exist yet.
type ComponentImpact struct {
	VNFDID        string
	ComponentID   string
	TrustDomainID string
	Eligible      BeforeAfter // hosts that would take it if nothing else ran there
	Free          BeforeAfter // hosts that would take it now
	Never         []string    // rules by which no host could ever take it; empty: none
	NearestMiss   *Rejection  // where no host is eligible with the version in force: the one with the fewest reasons
}

// ResidencyImpact is what the rules have against what runs.
type ResidencyImpact struct {
	Checked   int
	Violating BeforeAfter // residencies
	Evicted   int         // residencies that rules would evict with the version in force
	New       int         // violations that the version would bring: a rule, broken by a residency
	Resolved  int         // violations that the version would end
	ByRule    []RuleViolations
	Listed    []ResidencyViolation // of the new ones, ascending by rule, host and residency, as many as fit
}

// RuleViolations counts the residencies that break a rule.
type RuleViolations struct {
	PolicyID  string
	RuleID    string
	Violating BeforeAfter
}

// ResidencyViolation is one residency that breaks a rule.
type ResidencyViolation struct {
	ResidencyID   string
	HostID        string
	VNFInstanceID string
	ComponentID   string
	TrustDomainID string
	Reason        Reason
}

// ChangeDirection says what became of a rule between two versions of a policy.
type ChangeDirection string

// The directions. STRICTER and LOOSER are certain; where neither is, the change is OTHER.
const (
	ChangeStricter ChangeDirection = "STRICTER"
	ChangeLooser   ChangeDirection = "LOOSER"
	ChangeSame     ChangeDirection = "SAME" // written differently, it decides the same
	ChangeOther    ChangeDirection = "OTHER"
)

// RuleChange is what became of one rule, matched by its id.
type RuleChange struct {
	RuleID    string
	Direction ChangeDirection
	Added     bool
	Removed   bool
	Aspects   []string // what of it differs: kind, mode, strength, subject, object, host, scope, params, waiver, exceptPairs, exceptions, onViolation, text
	Message   string
}
