package placement

import "slices"

// Operation is the VNF lifecycle management operation that asks for a grant (SOL003 GrantedLcmOperationType).
type Operation string

// The operations of SOL003 4.5.1, and MODIFY_INFO of 2.4.1.
const (
	OpInstantiate       Operation = "INSTANTIATE"
	OpScale             Operation = "SCALE"
	OpScaleToLevel      Operation = "SCALE_TO_LEVEL"
	OpChangeFlavour     Operation = "CHANGE_FLAVOUR"
	OpTerminate         Operation = "TERMINATE"
	OpHeal              Operation = "HEAL"
	OpOperate           Operation = "OPERATE"
	OpChangeExtConn     Operation = "CHANGE_EXT_CONN"
	OpModifyInfo        Operation = "MODIFY_INFO"
	OpChangeVNFPkg      Operation = "CHANGE_VNFPKG"
	OpCreateSnapshot    Operation = "CREATE_SNAPSHOT"
	OpRevertToSnapshot  Operation = "REVERT_TO_SNAPSHOT"
	OpSelectDeplModules Operation = "SELECT_DEPL_MODS"
)

// GrantRequest is the part of a SOL003 GrantRequest that a decision reads.
type GrantRequest struct {
	VNFInstanceID        string
	VNFLcmOpOccID        string
	VNFDID               string
	DstVNFDID            string
	FlavourID            string
	Operation            Operation
	AutomaticInvocation  bool
	InstantiationLevelID string
	ScaleLevels          []AspectLevel // targetScaleLevelInfo
	SelectedModules      []string      // selectedDeployableModule
	AddResources         []ResourceDefinition
	TempResources        []ResourceDefinition
	RemoveResources      []ResourceDefinition
	UpdateResources      []ResourceDefinition
	PlacementConstraints []PlacementConstraint
	VIMConstraints       []VIMConstraint
	Components           map[string]ComponentAsk // additionalParams.ringfence.components
	SNSSAI               string                  // additionalParams.ringfence.snssai
	PLMN                 string                  // additionalParams.ringfence.plmn
	VNFLcmOpOccHref      string
	VNFInstanceHref      string
}

// ComponentAsk tightens what the profile asks for a component; it never loosens.
type ComponentAsk struct {
	Runtime   string
	Isolation Isolation
}

// ResourceType is the type of a resource definition.
type ResourceType string

// The resource types. COMPUTE and OSCONTAINER are atoms of placement; the others are echoed.
const (
	ResourceCompute     ResourceType = "COMPUTE"
	ResourceVL          ResourceType = "VL"
	ResourceStorage     ResourceType = "STORAGE"
	ResourceLinkPort    ResourceType = "LINKPORT"
	ResourceOSContainer ResourceType = "OSCONTAINER"
	ResourceVirtualCP   ResourceType = "VIRTUALCP"
	ResourcePaaSService ResourceType = "PAASSERVICE"
)

// ResourceDefinition names one resource of a request (SOL003 ResourceDefinition).
type ResourceDefinition struct {
	ID                  string
	Type                ResourceType
	VDUID               string
	VNFDID              string
	ResourceTemplateIDs []string
	Resource            *ResourceHandle   // of an existing resource
	Snapshot            *SnapshotResource // of the snapshot operations
	Expanded            bool              // stands for a level of the request; the client does not know its id
	ReplacedOn          string            // the host where a resource of updateResources becomes another one; empty: it stays as it is
}

// SnapshotResource is the part of a VNF snapshot that a resource is (SOL003 SnapshotResourceDefinition).
type SnapshotResource struct {
	VNFSnapshotID     string
	VNFCSnapshotID    string
	StorageSnapshotID string
	VIMConnectionID   string
	VIMResourceID     string // the snapshot as the VIM knows it; empty: it is to be made
}

// Placed tells whether the resource is an atom of placement: a VM or a pod.
func (r *ResourceDefinition) Placed() bool {
	return r.Type == ResourceCompute || r.Type == ResourceOSContainer
}

// ResourceHandle points to an existing virtualised resource.
type ResourceHandle struct {
	VIMConnectionID    string
	ResourceProviderID string
	ResourceID         string
	ContainerNamespace string
}

// Scope is where a placement constraint holds things together or apart.
type Scope string

// The scopes of SOL003 placement constraints and of policy rules. CIS_NODE may be a VM and is no physical
// separation; CONTAINER_NAMESPACE is no security boundary; KERNEL and RACK exist in policy rules only.
const (
	ScopeKernel             Scope = "KERNEL"
	ScopeHost               Scope = "HOST"
	ScopeNFVINode           Scope = "NFVI_NODE"
	ScopeCISNode            Scope = "CIS_NODE"
	ScopeRack               Scope = "RACK"
	ScopeZone               Scope = "ZONE"
	ScopeZoneGroup          Scope = "ZONE_GROUP"
	ScopeNFVIPoP            Scope = "NFVI_POP"
	ScopeCISCluster         Scope = "CIS_CLUSTER"
	ScopeContainerNamespace Scope = "CONTAINER_NAMESPACE"
)

// PlacementConstraint holds resources together or apart (SOL003 PlacementConstraint).
type PlacementConstraint struct {
	AntiAffinity       bool
	Scope              Scope
	Resources          []ConstraintResourceRef
	FallbackBestEffort bool
	Descriptor         string   // the affinity rule of the VNFD that it comes from; empty: no such rule
	Standing           string   // the standing constraint that it comes from; empty: none. Of neither: the request
	ComponentIDs       []string // of that rule or constraint
	VNFInstanceIDs     []string // standing: whose residencies are members beside the new ones
	FromOthers         bool     // standing: apart from the existing members, not from each other
	UnitIDs            []string // standing: fixed to these units of the scope; empty: it holds together or apart
}

// RuleID is how reasons name the constraint, the n-th of its request from 0.
func (c *PlacementConstraint) RuleID(n int) string {
	switch {
	case c.Descriptor != "":
		return RuleDescriptor(c.Descriptor)
	case c.Standing != "":
		return RuleStanding(c.Standing)
	}
	return RuleConstraint(n)
}

// VIMConstraint wants its resources under one VIM (SOL003 VimConstraint).
type VIMConstraint struct {
	SameResourceGroup bool
	Resources         []ConstraintResourceRef
}

// ResourceGroups are the infrastructure resource groups (tenants, projects) of trust domains: by VIM connection, then by trust domain. "*"
// stands for every other trust domain; where nothing is said, all of the VIM connection is one group.
type ResourceGroups map[string]map[string]string

// Of is the resource group of a trust domain under a VIM connection; empty: the one that the connection leads to.
func (g ResourceGroups) Of(vimConnectionID, trustDomainID string) string {
	of := g[vimConnectionID]
	if id, named := of[trustDomainID]; named {
		return id
	}
	return of["*"]
}

// ConstraintResourceRef names a member of a constraint: a resource definition of the same request, or an
// existing resource.
type ConstraintResourceRef struct {
	Existing           bool // idType RES_MGMT; otherwise GRANT
	ResourceID         string
	VIMConnectionID    string
	ResourceProviderID string
}

// Find returns the resource that is meant, among those that have its id; nil when there is none. A VIM's id counts under the
// VIM connection that the reference names, if it names one; the VNF instance's own come before others', then the lowest
// residency id.
func (r *ConstraintResourceRef) Find(among []ExistingResource, vnfInstanceID string) *ExistingResource {
	before := func(a, b *ExistingResource) bool {
		if own := a.VNFInstanceID == vnfInstanceID; own != (b.VNFInstanceID == vnfInstanceID) {
			return own
		}
		return a.ResidencyID < b.ResidencyID
	}
	var found *ExistingResource
	for i := range among {
		e := &among[i]
		named := slices.Contains(e.VIMResourceIDs, r.ResourceID) && SameVIM(r.VIMConnectionID, e.VIMConnectionID)
		if (named || e.ResidencyID == r.ResourceID) && (found == nil || before(e, found)) {
			found = e
		}
	}
	return found
}

// SameVIM tells whether two VIM connections may be the same: they are, or one of them is not known.
func SameVIM(a, b string) bool { return a == "" || b == "" || a == b }

// VNFInstanceParams is whose a VNF instance is, and what the policy saw of it at its instantiation, for later
// operations that do not carry it again.
type VNFInstanceParams struct {
	ClientID   string // of its first grant, to which alone it exists; empty: nobody's yet
	VNFDID     string
	Components map[string]ComponentAsk
	SNSSAI     string
	PLMN       string
}
