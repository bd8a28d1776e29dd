package postgres

// hostAttributes are what hosts can be filtered by; host has the alias h. A host that nobody ever attested is UNKNOWN.
func hostAttributes() attributes {
	return attributes{
		"id": text("h.id"), "hostPoolId": text("h.host_pool_id"), "nfviPopId": text("h.nfvi_pop_id"), "resourceZoneId": text("h.resource_zone_id"),
		"rackId": text("h.rack_id"), "country": text("h.country"), "physicallySecure": boolean("h.physically_secure"),
		"exposedEdge": boolean("h.exposed_edge"), "thirdPartyHosted": boolean("h.third_party_hosted"), "hypervisorClass": enum("h.hypervisor_class"),
		"runtimes": texts("h.runtimes"), "runtimeVersions": labelled("h.runtime_versions"), "accelerations": enums("h.accelerations"),
		"capabilities": enums("h.capabilities"), "labels": labelled("h.labels"), "vimConnectionId": text("h.vim_connection_id"),
		"vimZoneId": text("h.vim_zone_id"), "lifecycle": enum("h.lifecycle"), "lifecycleReason": text("h.lifecycle_reason"),
		"dedicatedTo/identity": enum("h.dedicated_identity"), "dedicatedTo/id": text("h.dedicated_id"), "capacity": amounts(hostCapacity),

		"attestation/state": enum("h.attestation_state"), "attestation/verifier": text("h.attestation_verifier"),
		"attestation/evidenceDigest": text("h.attestation_evidence_digest"), "attestation/attestedAt": dateTime("h.attested_at"),
		"attestation/validUntil": dateTime("h.attestation_valid_until"), "attestation/capabilities": enums("h.attested_capabilities"),

		"location/source": text("h.location ->> 'source'"), "location/assertedAt": dateTime("(h.location ->> 'assertedAt')::timestamptz"),

		"cisNodes": objects("jsonb_array_elements(h.cis_nodes) AS n", attributes{
			"id": text("n ->> 'id'"), "parentId": text("n ->> 'parentId'"), "form": enum("n ->> 'form'"), "clusterId": text("n ->> 'clusterId'"),
			"nodeName": text("n ->> 'nodeName'"), "hypervisorClass": enum("n ->> 'hypervisorClass'"), "runtimes": textsInJSON("n -> 'runtimes'"),
			"hostObservedAt": dateTime("(n ->> 'hostObservedAt')::timestamptz"),
		}),
		"residue": objects("(SELECT x.* FROM residue x WHERE x.nfvi_pop_id = h.nfvi_pop_id AND x.host_id = h.id) AS r", attributes{
			"trustDomainId": text("r.trust_domain_id"), "vnfInstanceId": text("r.nf_instance"), "since": dateTime("r.since"),
		}),
	}
}

// hostCapacity is the capacity of a host by dimension. What it has none of is not there.
const hostCapacity = `jsonb_strip_nulls(jsonb_build_object(
	'cpuMillis', NULLIF(h.cpu_millis_total, 0), 'memoryMiB', NULLIF(h.memory_mib_total, 0),
	'ephemeralStorageMiB', NULLIF(h.ephemeral_storage_mib_total, 0), 'hugePages2Mi', NULLIF(h.hugepages_2mi_total, 0),
	'hugePages1Gi', NULLIF(h.hugepages_1gi_total, 0), 'sriovVfs', NULLIF(h.sriov_vfs_total, 0), 'gpus', NULLIF(h.gpus_total, 0),
	'teeGuests', NULLIF(h.tee_guests_total, 0)))
	|| coalesce((SELECT jsonb_object_agg(e.dimension, e.total) FROM host_ext_capacity e
	             WHERE e.nfvi_pop_id = h.nfvi_pop_id AND e.host_id = h.id AND e.total > 0), '{}'::jsonb)`
