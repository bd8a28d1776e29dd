package placement

import (
	"strings"
	"time"
)

// NF is the network function that a workload belongs to.
type NF struct {
	VNFInstanceID string
	InstanceKey   string // tells several NFs of one VNF instance apart
	Type          string // 3GPP NF type; an open vocabulary
	SetID         string
}

// Instance identifies the NF instance: the VNF instance, and after a slash the instance key where one VNF bundles
// several NFs. No other NF has the same: a slash in the id of the VNF instance is written %2F, and a percent sign %25.
func (n NF) Instance() string {
	vnf := strings.ReplaceAll(strings.ReplaceAll(n.VNFInstanceID, "%", "%25"), "/", "%2F")
	if n.InstanceKey == "" {
		return vnf
	}
	return vnf + "/" + n.InstanceKey
}

// Workload is what the policy sees of one pod or VM, whether candidate or resident.
type Workload struct {
	NF                    NF
	VNFDID                string
	ComponentID           string
	TrustDomainID         string
	Roles                 Roles
	Exposed               bool
	ProtectedPeer         bool // has a PROTECTED relation; matches cache-mode rules as BORDER does, and nothing else
	CutThrough            CutThroughs
	Privileged            Privileges
	AdministersHostPools  []string
	Images                []string // digests
	Labels                map[string]string
	SNSSAIs               []string
	Runtime               string // name of the runtime class; empty on a candidate whose runtime is open
	Resources             Resources
	UndeclaredPeers       bool // an interface names a peer without a declared relation
	ConflictingComponents bool // a pod that mixes components of different trust domains
}

// ResidencyKind tells workloads from the host's own trusted base.
type ResidencyKind string

// The kinds of residency.
const (
	ResidencyWorkload ResidencyKind = "WORKLOAD"
	ResidencyFabric   ResidencyKind = "FABRIC" // CNI, CSI, node agents: no partner in any separation rule
)

// ResidencyState is the state of what was decided. All four states separate and use capacity.
type ResidencyState string

// The life cycle of a residency.
const (
	StateReserved    ResidencyState = "RESERVED"    // granted, not yet seen
	StateUnconfirmed ResidencyState = "UNCONFIRMED" // the reservation expired, absence was not proved
	StateRunning     ResidencyState = "RUNNING"     // observed
	StateTerminating ResidencyState = "TERMINATING" // to be removed, not yet seen gone
)

// Residency is one pod or VM on a host, as decided. What the NFVI reports is kept apart, as ObservedState.
type Residency struct {
	ID                   string
	NFVIPoPID            string
	HostID               string
	CISNodeID            string // empty: the host's own kernel
	PodID                string // pods that share it share everything
	Workload             Workload
	Kind                 ResidencyKind
	State                ResidencyState
	GrantID              string // empty for what was imported
	ResourceDefinitionID string
	VIMResourceIDs       []string
	ReservedAt           time.Time
	ExpiresAt            time.Time // of the reservation; zero: never
	StateSince           time.Time
	Revision             int64
}
