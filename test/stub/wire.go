package stub

// GrantRequest is what a VNFM asks (SOL003 4.5.1, GrantRequest), as far as this one asks it.
type GrantRequest struct {
	VNFInstanceID         string                `json:"vnfInstanceId"`
	VNFLcmOpOccID         string                `json:"vnfLcmOpOccId"`
	VNFDID                string                `json:"vnfdId"`
	DstVNFDID             string                `json:"dstVnfdId,omitempty"`
	FlavourID             string                `json:"flavourId,omitempty"`
	InstantiationLevelID  string                `json:"instantiationLevelId,omitempty"`
	Operation             string                `json:"operation"`
	IsAutomaticInvocation bool                  `json:"isAutomaticInvocation"`
	AddResources          []ResourceDefinition  `json:"addResources,omitempty"`
	TempResources         []ResourceDefinition  `json:"tempResources,omitempty"`
	RemoveResources       []ResourceDefinition  `json:"removeResources,omitempty"`
	UpdateResources       []ResourceDefinition  `json:"updateResources,omitempty"`
	PlacementConstraints  []PlacementConstraint `json:"placementConstraints,omitempty"`
	VIMConstraints        []VIMConstraint       `json:"vimConstraints,omitempty"`
	AdditionalParams      map[string]any        `json:"additionalParams,omitempty"`
	Links                 map[string]Link       `json:"_links"`
}

// ResourceDefinition is one resource of a request.
type ResourceDefinition struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	VDUID string `json:"vduId,omitempty"`
	// ResourceTemplateID is a string up to SOL003 3.x and a list since 4.x.
	ResourceTemplateID any             `json:"resourceTemplateId,omitempty"`
	Resource           *ResourceHandle `json:"resource,omitempty"`
}

// ResourceHandle is an existing resource as its VIM knows it.
type ResourceHandle struct {
	VIMConnectionID      string `json:"vimConnectionId,omitempty"`
	ResourceID           string `json:"resourceId"`
	VIMLevelResourceType string `json:"vimLevelResourceType,omitempty"`
}

// PlacementConstraint holds resources together or apart.
type PlacementConstraint struct {
	AffinityOrAntiAffinity string                  `json:"affinityOrAntiAffinity"`
	Scope                  string                  `json:"scope"`
	Resource               []ConstraintResourceRef `json:"resource"`
	FallbackBestEffort     bool                    `json:"fallbackBestEffort,omitempty"`
}

// VIMConstraint wants resources behind one VIM.
type VIMConstraint struct {
	SameResourceGroup bool                    `json:"sameResourceGroup,omitempty"`
	Resource          []ConstraintResourceRef `json:"resource"`
}

// ConstraintResourceRef names a resource: of this request (GRANT), or one that exists (RES_MGMT).
type ConstraintResourceRef struct {
	IDType          string `json:"idType"`
	ResourceID      string `json:"resourceId"`
	VIMConnectionID string `json:"vimConnectionId,omitempty"`
}

// Link is a reference to another resource.
type Link struct {
	Href string `json:"href"`
}

// Grant is the permission (SOL003 4.5.1, Grant), as far as this VNFM reads it.
type Grant struct {
	ID               string          `json:"id"`
	VNFInstanceID    string          `json:"vnfInstanceId"`
	VNFLcmOpOccID    string          `json:"vnfLcmOpOccId"`
	Zones            []Zone          `json:"zones"`
	AddResources     []GrantInfo     `json:"addResources"`
	TempResources    []GrantInfo     `json:"tempResources"`
	RemoveResources  []GrantInfo     `json:"removeResources"`
	UpdateResources  []GrantInfo     `json:"updateResources"`
	AdditionalParams GrantParams     `json:"additionalParams"`
	Links            map[string]Link `json:"_links"`
}

// Zone is a resource zone of a grant: its name there, and the VIM's own name.
type Zone struct {
	ID              string `json:"id"`
	ZoneID          string `json:"zoneId"`
	VIMConnectionID string `json:"vimConnectionId"`
}

// GrantInfo is what was decided for one resource.
type GrantInfo struct {
	ResourceDefinitionID string         `json:"resourceDefinitionId"`
	ReservationID        string         `json:"reservationId"`
	VIMConnectionID      string         `json:"vimConnectionId"`
	ZoneID               string         `json:"zoneId"`
	ContainerNamespace   string         `json:"containerNamespace"`
	MCIOConstraints      map[string]any `json:"mcioConstraints"`
}

// GrantParams is what ringfence adds to a grant.
type GrantParams struct {
	Ringfence struct {
		DecisionID  string      `json:"decisionId"`
		PolicyEpoch int64       `json:"policyEpoch"`
		ValidUntil  string      `json:"validUntil"`
		Placements  []Placement `json:"placements"`
	} `json:"ringfence"`
}

// Placement is the host of one resource, and how it must run there.
type Placement struct {
	ResourceDefinitionID string            `json:"resourceDefinitionId"`
	HostID               string            `json:"hostId"`
	CISNode              string            `json:"cisNode"`
	RuntimeClass         string            `json:"runtimeClass"`
	Isolation            string            `json:"isolation"`
	NodeSelector         map[string]string `json:"nodeSelector"`
	Cache                []CacheChoice     `json:"cache"`
}

// CacheChoice is the form in which an artefact may lie on the host.
type CacheChoice struct {
	Digest string `json:"digest"`
	Mode   string `json:"mode"`
}

// Hosts are the hosts of the grant, by resource definition.
func (g *Grant) Hosts() map[string]string {
	hosts := map[string]string{}
	for _, p := range g.AdditionalParams.Ringfence.Placements {
		hosts[p.ResourceDefinitionID] = p.HostID
	}
	return hosts
}
