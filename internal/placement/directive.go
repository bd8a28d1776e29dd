package placement

import "time"

// DirectiveKind says what the NFVI is told to do.
type DirectiveKind string

// The kinds of directive.
const (
	DirectivePlace        DirectiveKind = "PLACE"
	DirectiveRelease      DirectiveKind = "RELEASE"
	DirectiveCache        DirectiveKind = "CACHE"
	DirectivePurge        DirectiveKind = "PURGE"
	DirectiveScrub        DirectiveKind = "SCRUB"
	DirectiveQuarantine   DirectiveKind = "QUARANTINE"
	DirectiveUnquarantine DirectiveKind = "UNQUARANTINE"
	DirectiveMode         DirectiveKind = "ENFORCEMENT"
)

// Directive is one order to one host. Exactly the body of its kind is set.
type Directive struct {
	NFVIPoPID  string
	HostID     string
	Seq        int64 // from 1, without gaps per host; assigned at commit
	DecisionID string
	GrantID    string
	IssuedAt   time.Time // assigned at commit
	Kind       DirectiveKind
	Place      *PlaceDirective
	Release    *ReleaseDirective
	Cache      *CacheDirective
	Purge      *PurgeDirective
	Scrub      *ScrubDirective
	Quarantine *QuarantineDirective
	Change     *EnforcementDirective
	Ack        *Ack // nil until acknowledged

	Enforcement DirectiveEnforcement // assigned at commit; empty is ENFORCED
}

// WorkloadRef names a granted workload to the NFVI.
type WorkloadRef struct {
	ResidencyID          string
	VNFInstanceID        string
	ComponentID          string
	ResourceDefinitionID string
}

// PlaceDirective allows one workload on the host, and says how it must run.
type PlaceDirective struct {
	Workload     WorkloadRef
	Runtime      string
	Isolation    Isolation
	CISNodeID    string
	Namespace    string
	NodeSelector map[string]string
	Tolerations  []Toleration
	Resources    Resources

	// What the decision knew of the workload, so that the NFVI can hold it to that.
	TrustDomainID string
	Images        []string // digests; empty: the component names none
	CutThrough    CutThroughs
	Privileged    Privileges

	ExpiresAt time.Time
}

// Toleration is a Kubernetes toleration.
type Toleration struct {
	Key      string
	Operator string
	Value    string
	Effect   string
}

// ReleaseDirective ends the right of a workload to run on the host.
type ReleaseDirective struct {
	Workload WorkloadRef
	Reason   string
}

// CacheDirective says in which form an artefact may lie on the host.
type CacheDirective struct {
	Digest                  string
	Reference               string // name:tag in the registry, where a host finds it; empty: unknown
	Mode                    CacheMode
	PullPolicy              string // Always, IfNotPresent or Never, as Kubernetes names them
	PrePullAllowed          bool
	RetainAfterStop         bool
	MaxUnusedAge            time.Duration // 0: no limit of its own
	PurgeOnRelease          bool
	KeyBinding              string // what releases the key: HOST_ATTESTATION or GUEST_ATTESTATION; empty for plaintext
	VisibleToTrustDomainIDs []string
}

// PurgeDirective orders artefacts out of the host's cache: the listed digests, those of a trust domain, or all.
type PurgeDirective struct {
	Digests       []string
	TrustDomainID string
	All           bool
}

// ScrubDirective orders a host to be cleaned.
type ScrubDirective struct {
	Level       ScrubLevel
	DeviceReset bool
	Reason      string
	// FabricDigests are images of the host's own trusted base: they stay, and so does what runs nothing else.
	FabricDigests []string
}

// EmptiesHost tells whether no workload may be on the host meanwhile: only images that nobody uses can be removed beside one.
func (s *ScrubDirective) EmptiesHost() bool { return s.Level > ScrubCachePurge || s.DeviceReset }

// QuarantineDirective takes a host out of service or back.
type QuarantineDirective struct {
	Reason string
}

// EnforcementDirective says why directives bind from now on, or do not.
type EnforcementDirective struct {
	Reason string
}

// AckOutcome is what became of a directive on its host.
type AckOutcome string

// The outcomes of an acknowledgement.
const (
	AckApplied    AckOutcome = "APPLIED"
	AckFailed     AckOutcome = "FAILED"
	AckSuperseded AckOutcome = "SUPERSEDED"
	AckRecorded   AckOutcome = "RECORDED" // not carried out, because the directive was ADVISORY
)

// Ack is a host's answer to a directive.
type Ack struct {
	HostID  string
	Seq     int64
	Outcome AckOutcome
	Detail  string
	At      time.Time
}

// ObservedState is what a host reports of itself: facts, not decisions.
type ObservedState struct {
	HostID      string
	ObservedAt  time.Time
	Residencies []ObservedResidency
	Cache       []ObservedCacheEntry
	// Unavailable is what the host found out that it cannot do, whatever the inventory says.
	Unavailable []UnavailableCapability
	// Reporter is the client that reports, for the audit log.
	Reporter string
}

// UnavailableCapability is a capability that a host does not have, and why, for people.
type UnavailableCapability struct {
	Capability Capabilities
	Reason     string
}

// Missing are all capabilities that the host found out that it does not have.
func (s *ObservedState) Missing() Capabilities {
	var missing Capabilities
	for i := range s.Unavailable {
		missing |= s.Unavailable[i].Capability
	}
	return missing
}

// ObservedResidency is one running pod or VM as the host sees it.
type ObservedResidency struct {
	ResidencyID          string // when the host knows it from a PLACE directive
	VNFInstanceID        string
	ComponentID          string
	ResourceDefinitionID string
	VIMResourceID        string
	CISNodeID            string
	Runtime              string
	Images               []string // digests of what it runs; nil: not told
	BreakGlass           ObservedBreakGlass
}

// ObservedBreakGlass is by whose word the enforcement of a cluster admitted a workload without a grant; without a reason, by nobody's.
type ObservedBreakGlass struct{ By, Reason string }

// ObservedCacheEntry is one artefact in the host's cache as the host sees it.
type ObservedCacheEntry struct {
	Digest        string
	Mode          CacheMode
	TrustDomainID string
	References    []string // every name that it has there
	Layers        []Layer  // lowest first, as far as the host can tell
}

// ObservationCondition says on which condition a report is taken. The zero value takes every report that is not
// older than the one before.
type ObservationCondition struct {
	Digest string // the report before must have this digest; empty: any
	First  bool   // there must be no report before
	Next   bool   // there must be one before, whichever
}

// ObservationResult says what followed from a report.
type ObservationResult struct {
	Changed   bool     // the report differs from the one before
	Confirmed []string // residencies that became RUNNING by it
	Ended     []string // residencies that ended by it
	Missing   []string // residencies that should run there and were not reported
	Unmatched int      // entries that match nothing that was decided
}
