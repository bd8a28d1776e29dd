package placement

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The ids of reasons that are no policy rule. The first four stand before the rules, the others after.
const (
	RuleNoPolicy     = "NO-POLICY"
	RuleUnknown      = "UNKNOWN"
	RuleTimeout      = "TIMEOUT"
	RuleLifecycle    = "LIFECYCLE"
	RuleIsolation    = "ISOLATION"
	RuleDedicated    = "DEDICATED"
	RuleCapacity     = "CAPACITY"
	RuleCacheDefault = "CACHE-DEFAULT"
)

// RuleConstraint returns the id of the n-th placement constraint of a request, from 0.
func RuleConstraint(n int) string { return "CONSTRAINT[" + strconv.Itoa(n) + "]" }

// descriptorPrefix begins the ids of affinity rules of VNFDs.
const descriptorPrefix = "VNFD["

// RuleDescriptor returns the id of an affinity rule of a VNFD.
func RuleDescriptor(id string) string { return descriptorPrefix + id + "]" }

// IsDescriptor tells whether a rule id is that of an affinity rule of a VNFD.
func IsDescriptor(ruleID string) bool { return strings.HasPrefix(ruleID, descriptorPrefix) }

// RuleVIM returns the id of the n-th VIM constraint of a request, from 0.
func RuleVIM(n int) string { return "VIM[" + strconv.Itoa(n) + "]" }

// Reason says why a host, or a whole request, was refused. Its sentence is rendered at the edge, for the
// rights of the caller; see Sentence.
type Reason struct {
	PolicyID  string // empty for the fixed ids
	RuleID    string
	Check     string // which part of the rule: a kind, or a kind's check
	AgainstID string // the resident, for pairwise rules
	Params    map[string]string
}

// Equal tells whether two reasons are the same, parameters included.
func (r Reason) Equal(o Reason) bool {
	return r.PolicyID == o.PolicyID && r.RuleID == o.RuleID && r.Check == o.Check && r.AgainstID == o.AgainstID && maps.Equal(r.Params, o.Params)
}

// Key renders a reason as ruleId or ruleId(againstId), as tests and the command line show it.
func (r Reason) Key() string {
	if r.AgainstID == "" {
		return r.RuleID
	}
	return r.RuleID + "(" + r.AgainstID + ")"
}

// Rejection is a host with all the reasons against it.
type Rejection struct {
	HostID  string
	Reasons []Reason
}

// Feasible is a host that may take a demand, and how.
type Feasible struct {
	HostID    string
	CISNodeID string
	Runtime   string
	Isolation Isolation
	Cache     []CacheChoice // ascending by digest; digest "*" for a component without artefacts
}

// CacheChoice is the mode in which one artefact may lie on one host.
type CacheChoice struct {
	Digest   string
	Mode     CacheMode
	Required CacheMode // what the rules asked for at least; Mode may be stricter
	RuleID   string    // the demanding rule
	PolicyID string
}

// FunnelStep counts hosts before and after one rule.
type FunnelStep struct {
	RuleID string
	In     int
	Out    int
}

// RuleCount counts the hosts that carry a reason of a rule.
type RuleCount struct {
	PolicyID  string
	RuleID    string
	HostCount int
	Example   Reason // the first one, by host id, for a sentence
}

// DemandExplanation explains one demand: equal resources of a request.
type DemandExplanation struct {
	ResourceDefinitionIDs []string
	Reasons               []Reason // of the request itself, such as UNKNOWN; then there are no hosts
	HostsTotal            int
	HostsFeasible         int
	Funnel                []FunnelStep
	Counts                []RuleCount
	NeededIsolation       Isolation // the least level that would satisfy the isolation rules; NONE when they are no obstacle
	Feasible              []Feasible
	Rejected              []Rejection
	NearestMiss           *Rejection // the rejected host with the fewest reasons
}

// ConflictSet is a minimal set of rules and constraints that cannot hold together for the members of a request.
type ConflictSet struct {
	Members []string // rule and constraint ids, in the order of reasons
	Message string
}

// Explanation says why a decision came out as it did.
type Explanation struct {
	Reasons  []Reason // of the whole request: NO-POLICY, UNKNOWN, TIMEOUT
	Demands  []DemandExplanation
	Conflict *ConflictSet
	Warnings []Reason // SHOULD rules and audit mode: would have been refused
}

// CompareReasons orders reasons of equal rules by the resident they are against.
func CompareReasons(a, b Reason) int { return cmp.Compare(a.AgainstID, b.AgainstID) }

// SortAgainst orders reasons of one rule by AgainstID.
func SortAgainst(rs []Reason) { slices.SortStableFunc(rs, CompareReasons) }

// ExplainLevel says how much of an explanation a caller wants.
type ExplainLevel string

// The levels of explanation.
const (
	ExplainNone   ExplainLevel = "NONE"
	ExplainFunnel ExplainLevel = "FUNNEL"
	ExplainFull   ExplainLevel = "FULL"
)
