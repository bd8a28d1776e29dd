package postgres

import (
	"time"

	"ringfence/internal/placement"
)

type hostDoc struct {
	ID                   string              `json:"id"`
	NFVIPoPID            string              `json:"nfviPopId"`
	HostPoolID           string              `json:"hostPoolId,omitempty"`
	ResourceZoneID       string              `json:"resourceZoneId,omitempty"`
	RackID               string              `json:"rackId,omitempty"`
	Country              string              `json:"country,omitempty"`
	PhysicallySecure     bool                `json:"physicallySecure,omitempty"`
	ExposedEdge          bool                `json:"exposedEdge,omitempty"`
	ThirdPartyHosted     bool                `json:"thirdPartyHosted,omitempty"`
	HypervisorClass      string              `json:"hypervisorClass"`
	Runtimes             []string            `json:"runtimes,omitempty"`
	RuntimeVersions      map[string]string   `json:"runtimeVersions,omitempty"`
	Accelerations        []string            `json:"accelerations,omitempty"`
	Capabilities         []string            `json:"capabilities,omitempty"`
	AttestedCapabilities []string            `json:"attestedCapabilities,omitempty"`
	Capacity             placement.Resources `json:"capacity,omitempty"`
	Labels               map[string]string   `json:"labels,omitempty"`
	CISNodes             []cisNodeDoc        `json:"cisNodes,omitempty"`
	VIMConnectionID      string              `json:"vimConnectionId,omitempty"`
	VIMZoneID            string              `json:"vimZoneId,omitempty"`
	Lifecycle            string              `json:"lifecycle"`
	LifecycleReason      string              `json:"lifecycleReason,omitempty"`
	DedicatedTo          *dedicationDoc      `json:"dedicatedTo,omitempty"`
	Attestation          attestationDoc      `json:"attestation"`
	Location             locationDoc         `json:"location,omitzero"`
	Residue              []residueDoc        `json:"residue,omitempty"`
	Scrubs               []scrubRecordDoc    `json:"scrubRecords,omitempty"`
	Revision             int64               `json:"revision"`
}

type cisNodeDoc struct {
	ID              string    `json:"id"`
	ParentID        string    `json:"parentId,omitempty"`
	Form            string    `json:"form"`
	ClusterID       string    `json:"clusterId,omitempty"`
	NodeName        string    `json:"nodeName,omitempty"`
	HypervisorClass string    `json:"hypervisorClass,omitempty"`
	Runtimes        []string  `json:"runtimes,omitempty"`
	HostObservedAt  time.Time `json:"hostObservedAt,omitzero"`
}

type dedicationDoc struct {
	Identity string `json:"identity"`
	ID       string `json:"id"`
}

type attestationDoc struct {
	State          string    `json:"state"`
	Verifier       string    `json:"verifier,omitempty"`
	EvidenceDigest string    `json:"evidenceDigest,omitempty"`
	AttestedAt     time.Time `json:"attestedAt,omitzero"`
	ValidUntil     time.Time `json:"validUntil,omitzero"`
}

type locationDoc struct {
	Source     string    `json:"source,omitempty"`
	AssertedAt time.Time `json:"assertedAt,omitzero"`
}

type residueDoc struct {
	ID            string    `json:"id"`
	TrustDomainID string    `json:"trustDomainId"`
	NFInstance    string    `json:"nfInstance,omitempty"`
	Since         time.Time `json:"since"`
	BelowVM       bool      `json:"belowVm,omitempty"`
	Device        bool      `json:"device,omitempty"`
}

type scrubRecordDoc struct {
	ID          string    `json:"id"`
	Level       string    `json:"level"`
	DeviceReset bool      `json:"deviceReset,omitempty"`
	At          time.Time `json:"at"`
	Actor       string    `json:"actor,omitempty"`
	Evidence    string    `json:"evidence,omitempty"`
}

func hostToDoc(h *placement.Host) hostDoc {
	d := hostDoc{
		ID: h.ID, NFVIPoPID: h.NFVIPoPID, HostPoolID: h.HostPoolID, ResourceZoneID: h.ResourceZoneID, RackID: h.RackID, Country: h.Country,
		PhysicallySecure: h.PhysicallySecure, ExposedEdge: h.ExposedEdge, ThirdPartyHosted: h.ThirdPartyHosted,
		HypervisorClass: string(h.HypervisorClass), Runtimes: h.Runtimes,
		RuntimeVersions: h.RuntimeVersions, Accelerations: h.Accelerations.Names(), Capabilities: h.Capabilities.Names(),
		AttestedCapabilities: h.AttestedCapabilities.Names(), Capacity: h.Capacity, Labels: h.Labels, CISNodes: convert(h.CISNodes, cisNodeToDoc),
		VIMConnectionID: h.VIMConnectionID, VIMZoneID: h.VIMZoneID, Lifecycle: string(h.Lifecycle), LifecycleReason: h.LifecycleReason,
		Attestation: attestationDoc{
			State: string(h.Attestation.State), Verifier: h.Attestation.Verifier, EvidenceDigest: h.Attestation.EvidenceDigest,
			AttestedAt: h.Attestation.AttestedAt, ValidUntil: h.Attestation.ValidUntil,
		},
		Location: locationDoc(h.Location),
		Residue:  convert(h.Residue, residueToDoc),
		Scrubs:   convert(h.Scrubs, scrubToDoc), Revision: h.Revision,
	}
	if h.DedicatedTo != nil {
		d.DedicatedTo = &dedicationDoc{Identity: string(h.DedicatedTo.Identity), ID: h.DedicatedTo.ID}
	}
	return d
}

func hostFromDoc(d *hostDoc) (h placement.Host, err error) {
	h = placement.Host{
		ID: d.ID, NFVIPoPID: d.NFVIPoPID, HostPoolID: d.HostPoolID, ResourceZoneID: d.ResourceZoneID, RackID: d.RackID, Country: d.Country,
		PhysicallySecure: d.PhysicallySecure, ExposedEdge: d.ExposedEdge, ThirdPartyHosted: d.ThirdPartyHosted,
		HypervisorClass: placement.HypervisorClass(d.HypervisorClass), Runtimes: d.Runtimes, RuntimeVersions: d.RuntimeVersions,
		Capacity: d.Capacity, Labels: d.Labels,
		CISNodes: convert(d.CISNodes, cisNodeFromDoc), VIMConnectionID: d.VIMConnectionID, VIMZoneID: d.VIMZoneID,
		Lifecycle: placement.Lifecycle(d.Lifecycle), LifecycleReason: d.LifecycleReason,
		Attestation: placement.Attestation{
			State: placement.AttestationState(d.Attestation.State), Verifier: d.Attestation.Verifier, EvidenceDigest: d.Attestation.EvidenceDigest,
			AttestedAt: d.Attestation.AttestedAt, ValidUntil: d.Attestation.ValidUntil,
		},
		Location: placement.LocationClaim(d.Location),
		Residue:  convert(d.Residue, residueFromDoc), Revision: d.Revision,
	}
	if d.DedicatedTo != nil {
		h.DedicatedTo = &placement.Dedication{Identity: placement.DedicationIdentity(d.DedicatedTo.Identity), ID: d.DedicatedTo.ID}
	}
	if h.Scrubs, err = tryConvert(d.Scrubs, scrubRecordFromDoc); err != nil {
		return h, err
	}
	if h.Accelerations, err = placement.ParseAccelerations(d.Accelerations); err != nil {
		return h, err
	}
	if h.Capabilities, err = placement.ParseCapabilities(d.Capabilities); err != nil {
		return h, err
	}
	h.AttestedCapabilities, err = placement.ParseCapabilities(d.AttestedCapabilities)
	return h, err
}

func cisNodeToDoc(n placement.CISNode) cisNodeDoc {
	return cisNodeDoc{
		ID: n.ID, ParentID: n.ParentID, Form: string(n.Form), ClusterID: n.ClusterID, NodeName: n.NodeName,
		HypervisorClass: string(n.HypervisorClass), Runtimes: n.Runtimes, HostObservedAt: n.HostObservedAt,
	}
}

func cisNodeFromDoc(d cisNodeDoc) placement.CISNode {
	return placement.CISNode{
		ID: d.ID, ParentID: d.ParentID, Form: placement.CISNodeForm(d.Form), ClusterID: d.ClusterID, NodeName: d.NodeName,
		HypervisorClass: placement.HypervisorClass(d.HypervisorClass), Runtimes: d.Runtimes, HostObservedAt: d.HostObservedAt,
	}
}

func residueToDoc(r placement.Residue) residueDoc { return residueDoc(r) }

func residueFromDoc(d residueDoc) placement.Residue {
	d.Since = d.Since.UTC()
	return placement.Residue(d)
}

func scrubToDoc(s placement.ScrubRecord) scrubRecordDoc {
	return scrubRecordDoc{ID: s.ID, Level: s.Level.String(), DeviceReset: s.DeviceReset, At: s.At, Actor: s.Actor, Evidence: s.Evidence}
}

func scrubRecordFromDoc(d scrubRecordDoc) (placement.ScrubRecord, error) {
	level, err := placement.ParseScrubLevel(d.Level)
	return placement.ScrubRecord{ID: d.ID, Level: level, DeviceReset: d.DeviceReset, At: d.At.UTC(), Actor: d.Actor, Evidence: d.Evidence}, err
}
