package policy

import (
	"maps"
	"time"

	"ringfence/internal/placement"
)

// Kind is what a rule asks. Each kind is judged by one function of this package.
type Kind string

// The kinds of rule.
const (
	DomainPermit         Kind = "domain-permit"
	RuntimeOffered       Kind = "runtime-offered"
	OneDomainPerKernel   Kind = "one-domain-per-kernel"
	SeparateDomains      Kind = "separate-domains"
	SeparateNF           Kind = "separate-nf"
	SeparateRole         Kind = "separate-role"
	SeparateExposure     Kind = "separate-exposure"
	RequireIsolation     Kind = "require-isolation"
	ForbidCutThrough     Kind = "forbid-cut-through"
	ForbidPrivileged     Kind = "forbid-privileged"
	DedicateHost         Kind = "dedicate-host"
	RequireCapability    Kind = "require-host-capability"
	Location             Kind = "location"
	PhysicalSecurity     Kind = "physical-security"
	AttestationFreshness Kind = "attestation-freshness"
	Oversight            Kind = "oversight"
	MaxBlastRadius       Kind = "max-blast-radius"
	ScrubBeforeReuse     Kind = "scrub-before-reuse"
	CacheMode            Kind = "cache-mode"
	ProdTest             Kind = "prod-test"
	SeparateAdminDomain  Kind = "separate-admin-domain"
	SeparateSlice        Kind = "separate-slice"
	SameSensitivity      Kind = "same-sensitivity-per-kernel"
	BorderHandling       Kind = "border-handling"
	MaxAgeSinceReimage   Kind = "max-age-since-reimage"
	SignedArtefact       Kind = "signed-tagged-artefact"
	ForbidAcceleration   Kind = "forbid-acceleration"
	DemoteIsolation      Kind = "demote-isolation"
	CoLocateInVM         Kind = "co-locate-in-vm"
)

// The checks of kinds that have several.
const (
	CheckState        = "STATE"         // attestation-freshness
	CheckAge          = "AGE"           // attestation-freshness
	CheckSelf         = "SELF"          // oversight
	CheckPool         = "POOL"          // oversight
	CheckSeparate     = "SEPARATE"      // oversight
	CheckNFInstances  = "NF_INSTANCES"  // max-blast-radius
	CheckDomains      = "DOMAINS"       // max-blast-radius
	CheckReplicaShare = "REPLICA_SHARE" // max-blast-radius
)

// Identity says by what two workloads are the same.
type Identity string

// The identities of a network function, and those of other kinds.
const (
	IdentityNFInstance  Identity = "NF_INSTANCE"
	IdentityNFType      Identity = "NF_TYPE"
	IdentityNFSet       Identity = "NF_SET"
	IdentityTrustDomain Identity = "TRUST_DOMAIN"
	IdentityTenant      Identity = "TENANT" // the administrative domain of the trust domain
)

// Rule is one compiled rule.
type Rule struct {
	PolicyID    string
	ID          string
	Position    int      // in its policy, from 0
	At          Position // in its document; where a rule stands changes nothing of what it says
	Kind        Kind
	Audit       bool // records what it would refuse, refuses nothing
	Should      bool // scores and warns, refuses nothing
	Subject     Selector
	Object      Selector // pairwise kinds: the other side; same as Subject when the document has none
	Host        HostSelector
	ExceptPairs []Selector // pairs whose both sides match one of them are not the rule's business
	Scope       placement.Scope
	Params      Params
	Waiver      *Waiver
	Evict       bool // onViolation EVICT
	Message     string
	Rationale   string
	Exceptions  []Exception // of this rule
}

// Enforced tells whether the rule refuses.
func (r *Rule) Enforced() bool { return !r.Audit && !r.Should }

// Enforcement says what the rule does with what does not meet it.
func (r *Rule) Enforcement() placement.Enforcement {
	switch {
	case r.Audit:
		return placement.Audit
	case r.Should:
		return placement.Should
	default:
		return placement.Enforced
	}
}

// Evicts tells whether the rule sends away what runs and does not meet it: only what refuses does.
func (r *Rule) Evicts() bool { return r.Evict && r.Enforced() }

// Params are the parameters of all kinds; the compiler sets those of the rule's kind and leaves the others zero.
type Params struct {
	Check           string                       // kinds with several checks
	Countries       []string                     // location
	OfDomain        bool                         // countries, when or maxAge is `domain`: the candidate domain's own attribute
	Sites           []string                     // location: NFVI-PoPs
	Deny            []string                     // location: countries
	Source          string                       // location: who must claim it
	MaxAge          time.Duration                // attestation-freshness, location, max-age-since-reimage; 0: not stated
	AllOf           placement.Capabilities       // require-host-capability
	AnyOf           placement.Capabilities       // require-host-capability
	Attested        bool                         // require-host-capability
	Level           placement.Isolation          // require-isolation; demote-isolation: what it counts as
	OrDedicatedHost placement.DedicationIdentity // require-isolation; empty: no
	Identity        Identity                     // separate-nf, oversight, dedicate-host
	A               placement.Roles              // separate-role
	B               placement.Roles              // separate-role
	WithinAny       bool                         // separate-role: any NF, not only the same
	SensitivityFrom int                          // separate-exposure
	Delta           int                          // same-sensitivity-per-kernel
	Max             int                          // max-blast-radius
	ShareNum        int64                        // max-blast-radius: the share as an exact fraction
	ShareDen        int64
	Scrubs          []ScrubNeed             // scrub-before-reuse: more than the default asks
	PerNF           bool                    // scrub-before-reuse: residue of other NFs counts too
	Mode            placement.CacheMode     // cache-mode
	AllowCutThrough placement.CutThroughs   // forbid-cut-through
	AllowPrivileged placement.Privileges    // forbid-privileged
	Trust           []Signer                // signed-tagged-artefact
	Accelerations   placement.Accelerations // forbid-acceleration
	Runtime         string                  // demote-isolation: the runtime class
	BelowVersion    string                  // demote-isolation
}

// ScrubNeed is how thoroughly a host must be cleaned between the residue of some trust domains and some candidates, at least.
type ScrubNeed struct {
	Of       Selector // the former resident, of which only the trust domain is known
	Before   Selector
	Level    placement.ScrubLevel
	Attested bool // the host must have been attested at or after the scrub
}

// Waiver lets a pair share the scope when something separates it well enough.
type Waiver struct {
	MinSeparation     placement.Isolation
	RequireHypervisor placement.HypervisorClass // empty: no
	NeverForExclusive bool                      // void if the trust domains differ and either is exclusive
}

// Exception removes the reasons of one rule for the subjects and hosts it names until it expires.
type Exception struct {
	Hosts        []string // empty: all
	VNFInstances []string // empty: all
	ExpiresAt    time.Time
	ApprovedBy   string
	Ticket       string
	BreakGlass   string // why the age of an attestation does not count, in an emergency; empty: another exception
}

// Selector picks workloads. Every key that is given must match, a list by one of its values. A nil list or
// map is absent and matches all; an empty one matches none.
type Selector struct {
	TrustDomains    []string // "*" matches all; a domain matches by its own id or an ancestor's
	Categories      []placement.Category
	NFTypes         []string
	HasRoles        bool // Roles was given
	Roles           placement.Roles
	Components      []string
	Labels          map[string]string // all of them
	HasSensitivity  bool              // SensitivityFrom was given
	SensitivityFrom int
	AnyOf           []Selector
}

// HostSelector picks hosts, with the rules of Selector.
type HostSelector struct {
	Pools           []string
	Zones           []string
	Countries       []string
	HasCapabilities bool
	Capabilities    placement.Capabilities // all of them
	Labels          map[string]string      // all of them
	NotLabels       map[string]string      // none of them: a host without a label does not have it
}

// Policy is one compiled policy version.
type Policy struct {
	Ref          placement.PolicyRef
	Associations []string // VNF instance ids; empty: applies to all
	Rules        []*Rule
}

// HostLabels are the keys of the labels of hosts that the rules read, ascending, each once.
func (p *Policy) HostLabels() []string {
	read := map[string]string{}
	for _, r := range p.Rules {
		maps.Copy(read, r.Host.Labels)
		maps.Copy(read, r.Host.NotLabels)
	}
	return sortedKeys(read)
}

// Set is the policies in force, ascending by id.
type Set struct {
	Policies []*Policy

	signatures *signatures
	demotions  []demotion
}
