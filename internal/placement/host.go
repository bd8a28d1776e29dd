package placement

import "time"

// NFVIPoP is a point of presence of the NFV infrastructure.
type NFVIPoP struct {
	ID       string
	Country  string // ISO 3166-1 alpha-2
	Revision int64  // grows with every change of the record; the ETag
}

// ResourceZone is a part of an NFVI-PoP that fails on its own (SOL003, ZoneInfo).
type ResourceZone struct {
	ID           string
	NFVIPoPID    string
	ZoneGroupIDs []string
	Revision     int64 // grows with every change of the record; the ETag
}

// HostPool is a set of hosts that run the same trust domains.
type HostPool struct {
	ID                    string
	AllowedTrustDomainIDs []string
	FabricDigests         []string // artefacts that may be FABRIC residents there
	Revision              int64    // grows with every change of the record; the ETag
}

// RuntimeClass is one way to run a pod or VM: one meaning of the name over the whole fleet.
type RuntimeClass struct {
	Name      string
	Isolation Isolation
	Overhead  Resources // what one pod of the class uses beside its containers
	Revision  int64     // grows with every change of the record; the ETag
}

// HypervisorClass says what the VMs of a host or of a CIS node run on.
type HypervisorClass string

// The hypervisor classes. Without TYPE1 a VM boundary counts as an OS container.
const (
	HypervisorNone  HypervisorClass = "NONE"
	HypervisorType1 HypervisorClass = "TYPE1"
	HypervisorType2 HypervisorClass = "TYPE2"
)

// Lifecycle is the state of a host in operation.
type Lifecycle string

// The life cycle of a host. Only IN_SERVICE hosts are candidates.
const (
	LifecycleRegistered  Lifecycle = "REGISTERED"
	LifecycleInService   Lifecycle = "IN_SERVICE"
	LifecycleCordoned    Lifecycle = "CORDONED"
	LifecycleScrubbing   Lifecycle = "SCRUBBING"
	LifecycleQuarantined Lifecycle = "QUARANTINED"
	LifecycleRetired     Lifecycle = "RETIRED"
)

// Host is one physical server (SOL003 scope NFVI_NODE) with everything recorded about it but its residents.
// A Host that a view or a caller was given is never changed: writers make a new one.
type Host struct {
	ID                   string
	HostPoolID           string
	NFVIPoPID            string
	ResourceZoneID       string
	RackID               string
	Country              string // empty: the NFVI-PoP's
	PhysicallySecure     bool
	ExposedEdge          bool
	ThirdPartyHosted     bool
	HypervisorClass      HypervisorClass
	Runtimes             []string          // names of runtime classes that the host's own kernel offers, sorted
	RuntimeVersions      map[string]string // of runtime classes, on the host and in its CIS nodes; of several the oldest
	Accelerations        Accelerations     // that the host uses, as declared
	Capabilities         Capabilities
	AttestedCapabilities Capabilities // the part of Capabilities that the attestation proves
	Capacity             Resources
	Labels               map[string]string
	CISNodes             []CISNode // ascending by id
	VIMConnectionID      string
	VIMZoneID            string // what ZoneInfo.zoneId of a grant says for this host
	Lifecycle            Lifecycle
	LifecycleReason      string // why it is not in service; "attestation" when a lost attestation quarantined it
	DedicatedTo          *Dedication
	Attestation          Attestation
	Location             LocationClaim
	Residue              []Residue     // what earlier residents left, ascending by Since
	Scrubs               []ScrubRecord // ascending by At; of each level and device reset the newest at least
	Revision             int64         // grows with every change of the record; the ETag
}

// Node returns the CIS node with the id, or nil.
func (h *Host) Node(id string) *CISNode {
	for i := range h.CISNodes {
		if h.CISNodes[i].ID == id {
			return &h.CISNodes[i]
		}
	}
	return nil
}

// DedicationIdentity says by what a dedicated host tells its own from others.
type DedicationIdentity string

// The identities by which a host can be dedicated.
const (
	DedicatedToNFInstance  DedicationIdentity = "NF_INSTANCE"
	DedicatedToTrustDomain DedicationIdentity = "TRUST_DOMAIN"
	DedicatedToTenant      DedicationIdentity = "TENANT"
)

// Dedication reserves a host for one NF instance, trust domain or tenant (administrative domain).
type Dedication struct {
	Identity DedicationIdentity
	ID       string
}

// Narrower returns the one of two dedications that admits fewer: one NF instance, rather than one trust domain, rather than
// one tenant. Either may be nil, for none; d wins where both are alike.
func (d *Dedication) Narrower(o *Dedication) *Dedication {
	switch {
	case d == nil:
		return o
	case o == nil || d.Identity.width() <= o.Identity.width():
		return d
	default:
		return o
	}
}

func (id DedicationIdentity) width() int {
	switch id {
	case DedicatedToTenant:
		return 2
	case DedicatedToTrustDomain:
		return 1
	default:
		return 0
	}
}

// CISNodeForm tells a container node on bare metal from one in a VM.
type CISNodeForm string

// The forms of a CIS node.
const (
	CISNodeBareMetal CISNodeForm = "BARE_METAL"
	CISNodeVM        CISNodeForm = "VM"
)

// CISNode is a Kubernetes node (container infrastructure service node) on a host, possibly a VM in a VM.
type CISNode struct {
	ID              string
	ParentID        string // the CIS node in whose VM this one runs; empty: the host
	Form            CISNodeForm
	ClusterID       string
	NodeName        string
	HypervisorClass HypervisorClass // of VMs that run inside this node
	Runtimes        []string
	HostObservedAt  time.Time // when the mapping of a VM to this host was last seen; zero: given by inventory
}

// AttestationState is the verdict of a verifier on a host.
type AttestationState string

// The attestation states.
const (
	AttestationTrusted   AttestationState = "TRUSTED"
	AttestationUntrusted AttestationState = "UNTRUSTED"
	AttestationUnknown   AttestationState = "UNKNOWN"
)

// Attestation is the newest verdict on a host; only a verifier writes it.
type Attestation struct {
	State          AttestationState // empty counts as UNKNOWN
	Verifier       string
	EvidenceDigest string
	AttestedAt     time.Time
	ValidUntil     time.Time // zero: not stated
}

// LocationClaim says who claims where a host stands, and when.
type LocationClaim struct {
	Source     string
	AssertedAt time.Time
}

// Residue is what a former resident may have left on a host (rules of residue and scrub).
type Residue struct {
	ID            string
	TrustDomainID string
	NFInstance    string // NF.Instance of the former resident; empty when unknown
	Since         time.Time
	BelowVM       bool // the resident was separated by less than a VM; imported residue counts as such
	Device        bool // a cut-through device was handed back
}

// ScrubRecord is the signed evidence that a host was cleaned.
type ScrubRecord struct {
	ID          string
	Level       ScrubLevel
	DeviceReset bool
	At          time.Time
	Actor       string
	Evidence    string
	RecordedAt  time.Time // in lists of records only; zero in a Host
}

// AttestationRecord is one verdict in the history of a host.
type AttestationRecord struct {
	Attestation

	ID           string
	Capabilities Capabilities // that the evidence proves
	RecordedAt   time.Time
	ActorID      string // the client that recorded it
}
