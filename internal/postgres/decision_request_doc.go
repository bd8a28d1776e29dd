package postgres

import "ringfence/internal/placement"

// requestDoc is the stored form of the part of a GrantRequest that a decision reads.
type requestDoc struct {
	VNFInstanceID        string                     `json:"vnfInstanceId"`
	VNFLcmOpOccID        string                     `json:"vnfLcmOpOccId,omitempty"`
	VNFDID               string                     `json:"vnfdId,omitempty"`
	DstVNFDID            string                     `json:"dstVnfdId,omitempty"`
	FlavourID            string                     `json:"flavourId,omitempty"`
	Operation            string                     `json:"operation,omitempty"`
	AutomaticInvocation  bool                       `json:"isAutomaticInvocation,omitempty"`
	InstantiationLevelID string                     `json:"instantiationLevelId,omitempty"`
	ScaleLevels          []aspectLevelDoc           `json:"scaleLevels,omitempty"`
	SelectedModules      []string                   `json:"selectedModules,omitempty"`
	AddResources         []resourceDoc              `json:"addResources,omitempty"`
	TempResources        []resourceDoc              `json:"tempResources,omitempty"`
	RemoveResources      []resourceDoc              `json:"removeResources,omitempty"`
	UpdateResources      []resourceDoc              `json:"updateResources,omitempty"`
	PlacementConstraints []constraintDoc            `json:"placementConstraints,omitempty"`
	VIMConstraints       []vimConstraintDoc         `json:"vimConstraints,omitempty"`
	Components           map[string]componentAskDoc `json:"components,omitempty"`
	SNSSAI               string                     `json:"snssai,omitempty"`
	PLMN                 string                     `json:"plmn,omitempty"`
	VNFLcmOpOccHref      string                     `json:"vnfLcmOpOccHref,omitempty"`
	VNFInstanceHref      string                     `json:"vnfInstanceHref,omitempty"`
}

func requestToDoc(r *placement.GrantRequest) requestDoc {
	return requestDoc{
		VNFInstanceID: r.VNFInstanceID, VNFLcmOpOccID: r.VNFLcmOpOccID, VNFDID: r.VNFDID, DstVNFDID: r.DstVNFDID, FlavourID: r.FlavourID,
		Operation: string(r.Operation), AutomaticInvocation: r.AutomaticInvocation, InstantiationLevelID: r.InstantiationLevelID, ScaleLevels: convert(r.ScaleLevels, aspectLevelToDoc), SelectedModules: r.SelectedModules,
		AddResources: convert(r.AddResources, resourceToDoc), TempResources: convert(r.TempResources, resourceToDoc),
		RemoveResources: convert(r.RemoveResources, resourceToDoc), UpdateResources: convert(r.UpdateResources, resourceToDoc),
		PlacementConstraints: convert(r.PlacementConstraints, constraintToDoc), VIMConstraints: convert(r.VIMConstraints, vimConstraintToDoc),
		Components: componentAsksToDoc(r.Components), SNSSAI: r.SNSSAI, PLMN: r.PLMN, VNFLcmOpOccHref: r.VNFLcmOpOccHref, VNFInstanceHref: r.VNFInstanceHref,
	}
}

func requestFromDoc(d *requestDoc) (placement.GrantRequest, error) {
	components, err := componentAsksFromDoc(d.Components)
	return placement.GrantRequest{
		VNFInstanceID: d.VNFInstanceID, VNFLcmOpOccID: d.VNFLcmOpOccID, VNFDID: d.VNFDID, DstVNFDID: d.DstVNFDID, FlavourID: d.FlavourID,
		Operation: placement.Operation(d.Operation), AutomaticInvocation: d.AutomaticInvocation, InstantiationLevelID: d.InstantiationLevelID, ScaleLevels: convert(d.ScaleLevels, aspectLevelFromDoc), SelectedModules: d.SelectedModules,
		AddResources: convert(d.AddResources, resourceFromDoc), TempResources: convert(d.TempResources, resourceFromDoc),
		RemoveResources: convert(d.RemoveResources, resourceFromDoc), UpdateResources: convert(d.UpdateResources, resourceFromDoc),
		PlacementConstraints: convert(d.PlacementConstraints, constraintFromDoc), VIMConstraints: convert(d.VIMConstraints, vimConstraintFromDoc),
		Components: components, SNSSAI: d.SNSSAI, PLMN: d.PLMN, VNFLcmOpOccHref: d.VNFLcmOpOccHref, VNFInstanceHref: d.VNFInstanceHref,
	}, err
}

type resourceDoc struct {
	ID                  string               `json:"id"`
	Type                string               `json:"type"`
	VDUID               string               `json:"vduId,omitempty"`
	VNFDID              string               `json:"vnfdId,omitempty"`
	ResourceTemplateIDs []string             `json:"resourceTemplateIds,omitempty"`
	Resource            *handleDoc           `json:"resource,omitempty"`
	Snapshot            *snapshotResourceDoc `json:"snapshot,omitempty"`
	Expanded            bool                 `json:"expanded,omitempty"`
	ReplacedOn          string               `json:"replacedOn,omitempty"`
}

type snapshotResourceDoc struct {
	VNFSnapshotID     string `json:"vnfSnapshotId,omitempty"`
	VNFCSnapshotID    string `json:"vnfcSnapshotId,omitempty"`
	StorageSnapshotID string `json:"storageSnapshotId,omitempty"`
	VIMConnectionID   string `json:"vimConnectionId,omitempty"`
	VIMResourceID     string `json:"vimResourceId,omitempty"`
}

type handleDoc struct {
	VIMConnectionID    string `json:"vimConnectionId,omitempty"`
	ResourceProviderID string `json:"resourceProviderId,omitempty"`
	ResourceID         string `json:"resourceId,omitempty"`
	ContainerNamespace string `json:"containerNamespace,omitempty"`
}

func resourceToDoc(r placement.ResourceDefinition) resourceDoc {
	d := resourceDoc{ID: r.ID, Type: string(r.Type), VDUID: r.VDUID, VNFDID: r.VNFDID, ResourceTemplateIDs: r.ResourceTemplateIDs, Expanded: r.Expanded, ReplacedOn: r.ReplacedOn}
	if r.Snapshot != nil {
		s := snapshotResourceDoc(*r.Snapshot)
		d.Snapshot = &s
	}
	if r.Resource != nil {
		h := handleDoc(*r.Resource)
		d.Resource = &h
	}
	return d
}

func resourceFromDoc(d resourceDoc) placement.ResourceDefinition {
	r := placement.ResourceDefinition{
		ID: d.ID, Type: placement.ResourceType(d.Type), VDUID: d.VDUID, VNFDID: d.VNFDID, ResourceTemplateIDs: d.ResourceTemplateIDs,
		Expanded: d.Expanded, ReplacedOn: d.ReplacedOn,
	}
	if d.Snapshot != nil {
		s := placement.SnapshotResource(*d.Snapshot)
		r.Snapshot = &s
	}
	if d.Resource != nil {
		h := placement.ResourceHandle(*d.Resource)
		r.Resource = &h
	}
	return r
}

type constraintDoc struct {
	AntiAffinity       bool             `json:"antiAffinity,omitempty"`
	Scope              string           `json:"scope"`
	Resources          []resourceRefDoc `json:"resources"`
	FallbackBestEffort bool             `json:"fallbackBestEffort,omitempty"`
	Descriptor         string           `json:"descriptor,omitempty"`
	Standing           string           `json:"standing,omitempty"`
	ComponentIDs       []string         `json:"componentIds,omitempty"`
	VNFInstanceIDs     []string         `json:"vnfInstanceIds,omitempty"`
	FromOthers         bool             `json:"fromOthers,omitempty"`
	UnitIDs            []string         `json:"unitIds,omitempty"`
}

func constraintToDoc(c placement.PlacementConstraint) constraintDoc {
	return constraintDoc{
		AntiAffinity: c.AntiAffinity, Scope: string(c.Scope), Resources: convert(c.Resources, resourceRefToDoc),
		FallbackBestEffort: c.FallbackBestEffort, Descriptor: c.Descriptor, ComponentIDs: c.ComponentIDs,
		Standing: c.Standing, VNFInstanceIDs: c.VNFInstanceIDs, FromOthers: c.FromOthers, UnitIDs: c.UnitIDs,
	}
}

func constraintFromDoc(d constraintDoc) placement.PlacementConstraint {
	return placement.PlacementConstraint{
		AntiAffinity: d.AntiAffinity, Scope: placement.Scope(d.Scope), Resources: convert(d.Resources, resourceRefFromDoc),
		FallbackBestEffort: d.FallbackBestEffort, Descriptor: d.Descriptor, ComponentIDs: d.ComponentIDs,
		Standing: d.Standing, VNFInstanceIDs: d.VNFInstanceIDs, FromOthers: d.FromOthers, UnitIDs: d.UnitIDs,
	}
}

type vimConstraintDoc struct {
	SameResourceGroup bool             `json:"sameResourceGroup,omitempty"`
	Resources         []resourceRefDoc `json:"resources"`
}

func vimConstraintToDoc(c placement.VIMConstraint) vimConstraintDoc {
	return vimConstraintDoc{SameResourceGroup: c.SameResourceGroup, Resources: convert(c.Resources, resourceRefToDoc)}
}

func vimConstraintFromDoc(d vimConstraintDoc) placement.VIMConstraint {
	return placement.VIMConstraint{SameResourceGroup: d.SameResourceGroup, Resources: convert(d.Resources, resourceRefFromDoc)}
}

type resourceRefDoc struct {
	Existing           bool   `json:"existing,omitempty"`
	ResourceID         string `json:"resourceId"`
	VIMConnectionID    string `json:"vimConnectionId,omitempty"`
	ResourceProviderID string `json:"resourceProviderId,omitempty"`
}

func resourceRefToDoc(r placement.ConstraintResourceRef) resourceRefDoc { return resourceRefDoc(r) }

func resourceRefFromDoc(d resourceRefDoc) placement.ConstraintResourceRef {
	return placement.ConstraintResourceRef(d)
}

type componentAskDoc struct {
	Runtime   string `json:"runtime,omitempty"`
	Isolation string `json:"isolation,omitempty"`
}

func componentAsksToDoc(asks map[string]placement.ComponentAsk) map[string]componentAskDoc {
	if asks == nil {
		return nil
	}
	docs := make(map[string]componentAskDoc, len(asks))
	for id, ask := range asks {
		docs[id] = componentAskDoc{Runtime: ask.Runtime, Isolation: isolationName(ask.Isolation)}
	}
	return docs
}

func componentAsksFromDoc(docs map[string]componentAskDoc) (map[string]placement.ComponentAsk, error) {
	if docs == nil {
		return nil, nil
	}
	asks := make(map[string]placement.ComponentAsk, len(docs))
	for id, d := range docs {
		isolation, err := isolationFromName(d.Isolation)
		if err != nil {
			return nil, err
		}
		asks[id] = placement.ComponentAsk{Runtime: d.Runtime, Isolation: isolation}
	}
	return asks, nil
}
