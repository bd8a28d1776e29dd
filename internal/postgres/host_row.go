package postgres

import (
	"context"
	"maps"
	"time"

	"ringfence/internal/placement"
)

// hostRow is a row of host as inventory writes it: without use, counters and what others decide about the host.
type hostRow struct {
	NFVIPoPID            string            `db:"nfvi_pop_id"`
	ID                   string            `db:"id"`
	HostPoolID           *string           `db:"host_pool_id"`
	ResourceZoneID       *string           `db:"resource_zone_id"`
	RackID               string            `db:"rack_id"`
	Country              string            `db:"country"`
	PhysicallySecure     bool              `db:"physically_secure"`
	ExposedEdge          bool              `db:"exposed_edge"`
	ThirdPartyHosted     bool              `db:"third_party_hosted"`
	HypervisorClass      string            `db:"hypervisor_class"`
	Runtimes             []string          `db:"runtimes"`
	RuntimeVersions      map[string]string `db:"runtime_versions"`
	Accelerations        []string          `db:"accelerations"`
	Capabilities         []string          `db:"capabilities"`
	AttestedCapabilities []string          `db:"attested_capabilities"`
	Labels               map[string]string `db:"labels"`
	CISNodes             []cisNodeDoc      `db:"cis_nodes"`
	VIMConnectionID      string            `db:"vim_connection_id"`
	VIMZoneID            string            `db:"vim_zone_id"`
	Lifecycle            string            `db:"lifecycle"`
	LifecycleReason      string            `db:"lifecycle_reason"`
	DedicatedIdentity    *string           `db:"dedicated_identity"`
	DedicatedID          *string           `db:"dedicated_id"`
	AttestationState     string            `db:"attestation_state"`
	AttestationVerifier  string            `db:"attestation_verifier"`
	EvidenceDigest       string            `db:"attestation_evidence_digest"`
	AttestedAt           *time.Time        `db:"attested_at"`
	ValidUntil           *time.Time        `db:"attestation_valid_until"`
	Location             locationDoc       `db:"location"`
	CPUMillis            int64             `db:"cpu_millis_total"`
	MemoryMiB            int64             `db:"memory_mib_total"`
	EphemeralStorageMiB  int64             `db:"ephemeral_storage_mib_total"`
	HugePages2Mi         int64             `db:"hugepages_2mi_total"`
	HugePages1Gi         int64             `db:"hugepages_1gi_total"`
	SRIOVVFs             int64             `db:"sriov_vfs_total"`
	GPUs                 int64             `db:"gpus_total"`
	TEEGuests            int64             `db:"tee_guests_total"`
	Revision             int64             `db:"revision"`
}

// hostColumns are the columns of a hostRow, in the order of hostRow.values.
const hostColumns = `
	nfvi_pop_id, id, host_pool_id, resource_zone_id, rack_id, country, physically_secure, exposed_edge, third_party_hosted,
	hypervisor_class, runtimes, runtime_versions, accelerations, capabilities, attested_capabilities, labels, cis_nodes, vim_connection_id, vim_zone_id,
	lifecycle, lifecycle_reason, dedicated_identity, dedicated_id, attestation_state, attestation_verifier,
	attestation_evidence_digest, attested_at, attestation_valid_until, location, cpu_millis_total, memory_mib_total,
	ephemeral_storage_mib_total, hugepages_2mi_total, hugepages_1gi_total, sriov_vfs_total, gpus_total, tee_guests_total, revision`

// values are the row's values in the order of hostColumns, for COPY.
func (r *hostRow) values() []any {
	return []any{
		r.NFVIPoPID, r.ID, r.HostPoolID, r.ResourceZoneID, r.RackID, r.Country, r.PhysicallySecure, r.ExposedEdge, r.ThirdPartyHosted,
		r.HypervisorClass, r.Runtimes, r.RuntimeVersions, r.Accelerations, r.Capabilities, r.AttestedCapabilities, r.Labels, r.CISNodes, r.VIMConnectionID, r.VIMZoneID,
		r.Lifecycle, r.LifecycleReason, r.DedicatedIdentity, r.DedicatedID, r.AttestationState, r.AttestationVerifier,
		r.EvidenceDigest, r.AttestedAt, r.ValidUntil, r.Location, r.CPUMillis, r.MemoryMiB,
		r.EphemeralStorageMiB, r.HugePages2Mi, r.HugePages1Gi, r.SRIOVVFs, r.GPUs, r.TEEGuests, r.Revision,
	}
}

func hostToRow(h *placement.Host) hostRow {
	c := h.Capacity
	r := hostRow{
		NFVIPoPID: h.NFVIPoPID, ID: h.ID, HostPoolID: emptyToNull(h.HostPoolID), ResourceZoneID: emptyToNull(h.ResourceZoneID),
		RackID: h.RackID, Country: h.Country, PhysicallySecure: h.PhysicallySecure, ExposedEdge: h.ExposedEdge,
		ThirdPartyHosted: h.ThirdPartyHosted, HypervisorClass: string(h.HypervisorClass), Runtimes: notNil(h.Runtimes),
		RuntimeVersions: notNilMap(h.RuntimeVersions), Accelerations: h.Accelerations.Names(),
		Capabilities: h.Capabilities.Names(), AttestedCapabilities: h.AttestedCapabilities.Names(), Labels: notNilMap(h.Labels),
		CISNodes: notNil(convert(h.CISNodes, cisNodeToDoc)), VIMConnectionID: h.VIMConnectionID, VIMZoneID: h.VIMZoneID,
		Lifecycle: string(h.Lifecycle), LifecycleReason: h.LifecycleReason, AttestationState: string(h.Attestation.State),
		AttestationVerifier: h.Attestation.Verifier, EvidenceDigest: h.Attestation.EvidenceDigest,
		AttestedAt: zeroToNull(h.Attestation.AttestedAt), ValidUntil: zeroToNull(h.Attestation.ValidUntil), Location: locationDoc(h.Location),
		CPUMillis: c[placement.DimCPUMillis], MemoryMiB: c[placement.DimMemoryMiB], EphemeralStorageMiB: c[placement.DimEphemeralStorageMiB],
		HugePages2Mi: c[placement.DimHugePages2Mi], HugePages1Gi: c[placement.DimHugePages1Gi], SRIOVVFs: c[placement.DimSRIOVVFs],
		GPUs: c[placement.DimGPUs], TEEGuests: c[placement.DimTEEGuests], Revision: h.Revision,
	}
	if h.DedicatedTo != nil {
		identity := string(h.DedicatedTo.Identity)
		r.DedicatedIdentity, r.DedicatedID = &identity, &h.DedicatedTo.ID
	}
	return r
}

// fullHostRow is a host with what other tables hold of it.
type fullHostRow struct {
	hostRow

	Residue []residueDoc        `db:"residue"`
	Scrubs  []scrubRecordDoc    `db:"scrubs"`
	Ext     placement.Resources `db:"ext"`
}

// fullHostColumns are the columns of a fullHostRow; host has the alias h. Of the scrub records, the newest per level
// and device reset are enough: whatever an older one clears, that one clears as well.
const fullHostColumns = hostColumns + `,
	(SELECT jsonb_agg(jsonb_build_object('id', r.id, 'trustDomainId', r.trust_domain_id, 'nfInstance', r.nf_instance,
	        'since', r.since, 'belowVm', r.below_vm, 'device', r.device) ORDER BY r.since, r.id)
	 FROM residue r WHERE r.nfvi_pop_id = h.nfvi_pop_id AND r.host_id = h.id) AS residue,
	(SELECT jsonb_agg(jsonb_build_object('id', s.id, 'level', s.level, 'deviceReset', s.device_reset, 'at', s.at,
	        'actor', s.actor, 'evidence', s.evidence) ORDER BY s.at, s.id)
	 FROM (SELECT DISTINCT ON (x.level, x.device_reset) x.id, x.level, x.device_reset, x.at, x.actor, x.evidence
	       FROM scrub_record x WHERE x.nfvi_pop_id = h.nfvi_pop_id AND x.host_id = h.id
	       ORDER BY x.level, x.device_reset, x.at DESC, x.id) s) AS scrubs,
	(SELECT jsonb_object_agg(e.dimension, e.total)
	 FROM host_ext_capacity e WHERE e.nfvi_pop_id = h.nfvi_pop_id AND e.host_id = h.id AND e.total > 0) AS ext`

func hostFromRow(r *fullHostRow) (h placement.Host, err error) {
	h = placement.Host{
		ID: r.ID, HostPoolID: nullToEmpty(r.HostPoolID), NFVIPoPID: r.NFVIPoPID, ResourceZoneID: nullToEmpty(r.ResourceZoneID),
		RackID: r.RackID, Country: r.Country, PhysicallySecure: r.PhysicallySecure, ExposedEdge: r.ExposedEdge,
		ThirdPartyHosted: r.ThirdPartyHosted, HypervisorClass: placement.HypervisorClass(r.HypervisorClass), Runtimes: nilIfEmpty(r.Runtimes),
		RuntimeVersions: nilIfEmptyMap(r.RuntimeVersions),
		Capacity:        r.capacity(), Labels: nilIfEmptyMap(r.Labels), CISNodes: nilIfEmpty(convert(r.CISNodes, cisNodeFromDoc)),
		VIMConnectionID: r.VIMConnectionID, VIMZoneID: r.VIMZoneID, Lifecycle: placement.Lifecycle(r.Lifecycle), LifecycleReason: r.LifecycleReason,
		Attestation: placement.Attestation{
			State: placement.AttestationState(r.AttestationState), Verifier: r.AttestationVerifier, EvidenceDigest: r.EvidenceDigest,
			AttestedAt: nullToZero(r.AttestedAt), ValidUntil: nullToZero(r.ValidUntil),
		},
		Location: placement.LocationClaim(r.Location), Residue: convert(r.Residue, residueFromDoc), Revision: r.Revision,
	}
	if r.DedicatedIdentity != nil {
		h.DedicatedTo = &placement.Dedication{Identity: placement.DedicationIdentity(*r.DedicatedIdentity), ID: nullToEmpty(r.DedicatedID)}
	}
	if h.Scrubs, err = tryConvert(r.Scrubs, scrubRecordFromDoc); err != nil {
		return h, err
	}
	if h.Accelerations, err = placement.ParseAccelerations(r.Accelerations); err != nil {
		return h, err
	}
	if h.Capabilities, err = placement.ParseCapabilities(r.Capabilities); err != nil {
		return h, err
	}
	h.AttestedCapabilities, err = placement.ParseCapabilities(r.AttestedCapabilities)
	return h, err
}

func (r *fullHostRow) capacity() placement.Resources {
	c := placement.Resources{}
	known := []int64{r.CPUMillis, r.MemoryMiB, r.EphemeralStorageMiB, r.HugePages2Mi, r.HugePages1Gi, r.SRIOVVFs, r.GPUs, r.TEEGuests}
	for i, dimension := range placement.Dimensions() {
		if known[i] > 0 {
			c[dimension] = known[i]
		}
	}
	maps.Copy(c, r.Ext)
	return nilIfEmptyMap(c)
}

// readHosts returns hosts of one NFVI-PoP with everything recorded about them but their residents, ascending by id.
func readHosts(ctx context.Context, q queryer, nfviPoPID string, ids []string) ([]placement.Host, error) {
	const hostsSQL = `
		SELECT ` + fullHostColumns + `
		FROM host h
		WHERE h.nfvi_pop_id = $1 AND h.id = ANY($2)
		ORDER BY h.id`
	return collect(ctx, q, hostFromRow, hostsSQL, nfviPoPID, ids)
}
