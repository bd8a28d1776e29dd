package postgres

import (
	"time"

	"ringfence/internal/placement"
)

// The documents below are the after-images of the change feed and the demands of stored decisions. Attributes are
// spelled as in the inventory document. They are part of the schema: a name may be added, never changed.

type workloadDoc struct {
	VNFInstanceID         string              `json:"vnfInstanceId,omitempty"`
	NF                    nfDoc               `json:"nf,omitzero"`
	VNFDID                string              `json:"vnfdId,omitempty"`
	ComponentID           string              `json:"componentId,omitempty"`
	TrustDomainID         string              `json:"trustDomainId,omitempty"`
	Roles                 []string            `json:"roles,omitempty"`
	Exposed               bool                `json:"exposed,omitempty"`
	ProtectedPeer         bool                `json:"protectedPeer,omitempty"`
	CutThrough            []string            `json:"cutThrough,omitempty"`
	Privileged            []string            `json:"privileged,omitempty"`
	AdministersHostPools  []string            `json:"administersHostPoolIds,omitempty"`
	Images                []string            `json:"images,omitempty"`
	Labels                map[string]string   `json:"labels,omitempty"`
	SNSSAIs               []string            `json:"snssais,omitempty"`
	Runtime               string              `json:"runtime,omitempty"`
	Resources             placement.Resources `json:"resources,omitempty"`
	UndeclaredPeers       bool                `json:"undeclaredPeers,omitempty"`
	ConflictingComponents bool                `json:"conflictingComponents,omitempty"`
}

type nfDoc struct {
	Type        string `json:"nfType,omitempty"`
	InstanceKey string `json:"instanceKey,omitempty"`
	SetID       string `json:"nfSetId,omitempty"`
}

func nfToDoc(n *placement.NF) nfDoc {
	return nfDoc{Type: n.Type, InstanceKey: n.InstanceKey, SetID: n.SetID}
}

func workloadToDoc(w *placement.Workload) workloadDoc {
	return workloadDoc{
		VNFInstanceID: w.NF.VNFInstanceID, NF: nfToDoc(&w.NF), VNFDID: w.VNFDID, ComponentID: w.ComponentID, TrustDomainID: w.TrustDomainID,
		Roles: w.Roles.Names(), Exposed: w.Exposed, ProtectedPeer: w.ProtectedPeer, CutThrough: w.CutThrough.Names(), Privileged: w.Privileged.Names(),
		AdministersHostPools: w.AdministersHostPools, Images: w.Images, Labels: w.Labels, SNSSAIs: w.SNSSAIs, Runtime: w.Runtime,
		Resources: w.Resources, UndeclaredPeers: w.UndeclaredPeers, ConflictingComponents: w.ConflictingComponents,
	}
}

func workloadFromDoc(d *workloadDoc) (placement.Workload, error) {
	w := placement.Workload{
		NF:     placement.NF{VNFInstanceID: d.VNFInstanceID, InstanceKey: d.NF.InstanceKey, Type: d.NF.Type, SetID: d.NF.SetID},
		VNFDID: d.VNFDID, ComponentID: d.ComponentID, TrustDomainID: d.TrustDomainID, Exposed: d.Exposed, ProtectedPeer: d.ProtectedPeer,
		AdministersHostPools: d.AdministersHostPools, Images: d.Images, Labels: d.Labels, SNSSAIs: d.SNSSAIs, Runtime: d.Runtime,
		Resources: d.Resources, UndeclaredPeers: d.UndeclaredPeers, ConflictingComponents: d.ConflictingComponents,
	}
	err := parseSets(&w, d.Roles, d.CutThrough, d.Privileged)
	return w, err
}

// parseSets reads the wire names of a workload's sets.
func parseSets(w *placement.Workload, roles, cutThrough, privileged []string) (err error) {
	if w.Roles, err = placement.ParseRoles(roles); err != nil {
		return err
	}
	if w.CutThrough, err = placement.ParseCutThroughs(cutThrough); err != nil {
		return err
	}
	w.Privileged, err = placement.ParsePrivileges(privileged)
	return err
}

type residencyDoc struct {
	workloadDoc

	ID                   string    `json:"id"`
	NFVIPoPID            string    `json:"nfviPopId"`
	HostID               string    `json:"hostId"`
	CISNodeID            string    `json:"cisNodeId,omitempty"`
	PodID                string    `json:"podId,omitempty"`
	Kind                 string    `json:"kind"`
	State                string    `json:"state"`
	GrantID              string    `json:"grantId,omitempty"`
	ResourceDefinitionID string    `json:"resourceDefinitionId,omitempty"`
	VIMResourceIDs       []string  `json:"vimResourceIds,omitempty"`
	ReservedAt           time.Time `json:"reservedAt,omitzero"`
	ExpiresAt            time.Time `json:"expiresAt,omitzero"`
	StateSince           time.Time `json:"stateSince,omitzero"`
	Revision             int64     `json:"revision"`
}

func residencyToDoc(r *placement.Residency) residencyDoc {
	return residencyDoc{
		workloadDoc: workloadToDoc(&r.Workload), ID: r.ID, NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, CISNodeID: r.CISNodeID, PodID: r.PodID,
		Kind: string(r.Kind), State: string(r.State), GrantID: r.GrantID, ResourceDefinitionID: r.ResourceDefinitionID,
		VIMResourceIDs: r.VIMResourceIDs, ReservedAt: r.ReservedAt, ExpiresAt: r.ExpiresAt, StateSince: r.StateSince, Revision: r.Revision,
	}
}

func residencyFromDoc(d *residencyDoc) (placement.Residency, error) {
	w, err := workloadFromDoc(&d.workloadDoc)
	return placement.Residency{
		ID: d.ID, NFVIPoPID: d.NFVIPoPID, HostID: d.HostID, CISNodeID: d.CISNodeID, PodID: d.PodID, Workload: w,
		Kind: placement.ResidencyKind(d.Kind), State: placement.ResidencyState(d.State), GrantID: d.GrantID,
		ResourceDefinitionID: d.ResourceDefinitionID, VIMResourceIDs: d.VIMResourceIDs, ReservedAt: d.ReservedAt, ExpiresAt: d.ExpiresAt,
		StateSince: d.StateSince, Revision: d.Revision,
	}, err
}
