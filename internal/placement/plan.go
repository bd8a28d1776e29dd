package placement

import "time"

// Demand is a group of equal resources of a request: decided once, placed Count times.
type Demand struct {
	ResourceDefinitionIDs []string
	Workload              Workload
	Isolation             Isolation // asked as a floor
	Unknown               []Reason  // names of objects that the request or the profile mentions and nobody knows
	Temporary             bool      // tempResources: exist only while the operation runs
	HostID                string    // the only host for it: it takes the place of what stands there; empty: any
}

// Placement is where one resource of a request goes.
type Placement struct {
	ResidencyID          string
	ResourceDefinitionID string
	Demand               int // index into the decision's demands
	NFVIPoPID            string
	ResourceZoneID       string
	HostID               string
	CISNodeID            string
	Runtime              string
	Isolation            Isolation // the level that the workload has towards the rest of the host
	Cache                []CacheChoice
	Dedicate             *Dedication   // the grant dedicates the host
	AttestationLimit     time.Duration // how old the host's attestation may be at commit; 0: no rule limits it
	AttestationState     bool          // the attestation must be TRUSTED at commit
	OverriddenUntil      time.Time     // when the emergency ends in which the age of the attestation does not count; zero: none
	Claims               []Claim
}

// Plan is the answer of the solver to a feasible request.
type Plan struct {
	Placements []Placement // in the order of the request's resources
	Releases   []string    // ids of residencies that become TERMINATING
}

// Hosts returns the distinct hosts of the plan, ascending by (NFVI-PoP, host).
func (p *Plan) Hosts() []HostKey {
	keys := make([]HostKey, 0, len(p.Placements))
	for i := range p.Placements {
		keys = append(keys, HostKey{p.Placements[i].NFVIPoPID, p.Placements[i].HostID})
	}
	return SortHostKeys(keys)
}

// HostFacts is what a rule may read of one host: its record and everyone on it.
type HostFacts struct {
	Host      *Host
	Used      Resources
	Residents []*Residency // every state, ascending by id
	Dedicated *Dedication  // by members of the same request, beside Host.DedicatedTo; nil: none
	Cache     []CacheEntry // of the artefacts that a plan orders into the cache, ascending by digest; no rule reads it
}

// Sibling is a residency of the same component as one that a plan places, or that a standing constraint compares with it, anywhere in
// the fleet.
type Sibling struct {
	ResidencyID    string
	VNFInstanceID  string
	NF             string // NF.Instance
	ComponentID    string
	NFVIPoPID      string
	ResourceZoneID string
	RackID         string
	HostID         string
	CISNodeID      string
	State          ResidencyState
}

// ExistingResource is a residency that a constraint of a request names, with where it is.
type ExistingResource struct {
	ResidencyID     string
	VNFInstanceID   string
	VIMResourceIDs  []string
	NFVIPoPID       string
	ResourceZoneID  string
	RackID          string
	VIMConnectionID string
	HostID          string
	CISNodeID       string
	TrustDomainID   string
}

// CommitFacts is what the commit reads under its locks for the last verification of a plan.
type CommitFacts struct {
	Now      time.Time // the database's statement_timestamp()
	Hosts    []HostFacts
	Siblings []Sibling          // of every (NF instance, component) of the plan, when a rule or constraint spans hosts
	Existing []ExistingResource // those that constraints of the request name
	Standing []Sibling          // workloads of the VNF instances that standing constraints compare, ascending by residency
	Together []*Residency       // the workloads of every NF instance of the plan that a rule holds together, ascending by id
}

// Claim is a separation that the active policies never waive, held as a constraint of the database: within one
// scope all residencies that claim a group must claim the same member.
type Claim struct {
	Scope  string // what is shared: a host, or a kernel of a host
	Group  string // which separation
	Member string // who may share it
}

// ClaimExclusiveDomain is the group of claims that keep an exclusive trust domain alone on a host: its member is the trust domain.
// The others claim NobodyExclusive, so that none comes to them.
const (
	ClaimExclusiveDomain = "exclusive-domain"
	NobodyExclusive      = "*"
)

// ExclusiveMember is what a workload of the trust domain claims in that group.
func (d *TrustDomain) ExclusiveMember() string {
	if d.Exclusive {
		return d.ID
	}
	return NobodyExclusive
}
