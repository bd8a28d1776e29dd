package postgres

import "ringfence/internal/placement"

type vnfProfileDoc struct {
	VNFDID             string         `json:"vnfdId"`
	NFType             string         `json:"nfType,omitempty"`
	TrustDomainID      string         `json:"trustDomainId"`
	Components         []componentDoc `json:"components,omitempty"`
	AffinityRules      []affinityDoc  `json:"affinityRules,omitempty"`
	DeploymentFlavours []flavourDoc   `json:"deploymentFlavours,omitempty"`
	DeployableModules  []moduleDoc    `json:"deployableModules,omitempty"`
	VIMAssets          vimAssetsDoc   `json:"vimAssets,omitzero"`
	Revision           int64          `json:"revision"`
}

type affinityDoc struct {
	ID           string          `json:"id"`
	AntiAffinity bool            `json:"antiAffinity,omitempty"`
	Scope        placement.Scope `json:"scope"`
	ComponentIDs []string        `json:"componentIds"`
}

func affinityToDoc(r placement.AffinityRule) affinityDoc   { return affinityDoc(r) }
func affinityFromDoc(d affinityDoc) placement.AffinityRule { return placement.AffinityRule(d) }

type componentDoc struct {
	ID                   string              `json:"id"`
	NF                   nfDoc               `json:"nf,omitzero"`
	TrustDomainID        string              `json:"trustDomainId,omitempty"`
	Roles                []string            `json:"roles,omitempty"`
	Exposed              bool                `json:"exposed,omitempty"`
	Interfaces           []interfaceDoc      `json:"interfaces,omitempty"`
	Images               []string            `json:"images,omitempty"`
	Runtime              string              `json:"runtime,omitempty"`
	Isolation            string              `json:"isolation,omitempty"`
	CutThrough           []string            `json:"cutThrough,omitempty"`
	Privileged           []string            `json:"privileged,omitempty"`
	AdministersHostPools []string            `json:"administersHostPoolIds,omitempty"`
	Labels               map[string]string   `json:"labels,omitempty"`
	Resources            placement.Resources `json:"resources,omitempty"`
}

type interfaceDoc struct {
	Name              string                  `json:"name,omitempty"`
	Kind              placement.InterfaceKind `json:"kind,omitempty"`
	PeerTrustDomainID string                  `json:"peerTrustDomainId,omitempty"`
	Peer              placement.Peer          `json:"peer,omitempty"`
	PeerComponentID   string                  `json:"peerComponentId,omitempty"`
	Via               string                  `json:"via,omitempty"`
	TerminatesTLS     bool                    `json:"terminatesTls,omitempty"`
}

func interfaceToDoc(i placement.Interface) interfaceDoc   { return interfaceDoc(i) }
func interfaceFromDoc(d interfaceDoc) placement.Interface { return placement.Interface(d) }

func vnfProfileToDoc(p *placement.VNFProfile) vnfProfileDoc {
	return vnfProfileDoc{
		VNFDID: p.VNFDID, NFType: p.NFType, TrustDomainID: p.TrustDomainID, Components: convert(p.Components, componentToDoc), Revision: p.Revision,
		DeploymentFlavours: convert(p.DeploymentFlavours, flavourToDoc), DeployableModules: convert(p.DeployableModules, moduleToDoc),
		VIMAssets:     vimAssetsToDoc(p.VIMAssets),
		AffinityRules: convert(p.AffinityRules, affinityToDoc),
	}
}

func vnfProfileFromDoc(d *vnfProfileDoc) (placement.VNFProfile, error) {
	components, err := tryConvert(d.Components, componentFromDoc)
	return placement.VNFProfile{
		VNFDID: d.VNFDID, NFType: d.NFType, TrustDomainID: d.TrustDomainID, Components: components, Revision: d.Revision,
		DeploymentFlavours: convert(d.DeploymentFlavours, flavourFromDoc), DeployableModules: convert(d.DeployableModules, moduleFromDoc),
		VIMAssets:     vimAssetsFromDoc(d.VIMAssets),
		AffinityRules: convert(d.AffinityRules, affinityFromDoc),
	}, err
}

func componentToDoc(c placement.Component) componentDoc {
	return componentDoc{
		ID: c.ID, NF: nfToDoc(&c.NF), TrustDomainID: c.TrustDomainID, Roles: c.Roles.Names(), Exposed: c.Exposed,
		Interfaces: convert(c.Interfaces, interfaceToDoc), Images: c.Images, Runtime: c.Runtime, Isolation: isolationName(c.Isolation),
		CutThrough: c.CutThrough.Names(), Privileged: c.Privileged.Names(), AdministersHostPools: c.AdministersHostPools,
		Labels: c.Labels, Resources: c.Resources,
	}
}

func componentFromDoc(d componentDoc) (c placement.Component, err error) {
	c = placement.Component{
		ID: d.ID, NF: placement.NF{Type: d.NF.Type, InstanceKey: d.NF.InstanceKey, SetID: d.NF.SetID}, TrustDomainID: d.TrustDomainID,
		Exposed: d.Exposed, Interfaces: convert(d.Interfaces, interfaceFromDoc), Images: d.Images, Runtime: d.Runtime,
		AdministersHostPools: d.AdministersHostPools, Labels: d.Labels, Resources: d.Resources,
	}
	if c.Isolation, err = isolationFromName(d.Isolation); err != nil {
		return c, err
	}
	if c.Roles, err = placement.ParseRoles(d.Roles); err != nil {
		return c, err
	}
	if c.CutThrough, err = placement.ParseCutThroughs(d.CutThrough); err != nil {
		return c, err
	}
	c.Privileged, err = placement.ParsePrivileges(d.Privileged)
	return c, err
}
