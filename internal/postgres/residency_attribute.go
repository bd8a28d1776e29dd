package postgres

// residencyAttributes are what residencies can be filtered by.
func residencyAttributes() attributes {
	return attributes{
		"id": text("id"), "hostId": hostID("host_id"), "cisNodeId": text("cis_node_id"), "podId": text("pod_id"),
		"vnfInstanceId": text("vnf_instance_id"), "nf/nfType": text("nf_type"), "nf/instanceKey": text("nf_instance_key"),
		"nf/nfSetId": text("nf_set_id"), "componentId": text("component_id"), "trustDomainId": text("trust_domain_id"), "roles": enums("roles"),
		"exposed": boolean("exposed"), "runtime": text("runtime"), "cutThrough": enums("cut_through"), "privileged": enums("privileged"),
		"images": texts("images"), "resources": amounts("resources"), "kind": enum("kind"), "state": enum("state"), "grantId": text("grant_id"),
		"vimResourceIds": texts("vim_resource_ids"), "expiresAt": dateTime("expires_at"),
	}
}

// reservationAttributes are what reservations can be filtered by. One that runs does not expire.
func reservationAttributes() attributes {
	return attributes{
		"id": text("id"), "grantId": text("grant_id"), "vnfInstanceId": text("vnf_instance_id"), "resourceDefinitionId": text("resource_definition_id"),
		"componentId": text("component_id"), "trustDomainId": text("trust_domain_id"), "hostId": hostID("host_id"), "cisNodeId": text("cis_node_id"),
		"runtime": text("runtime"), "resources": amounts("resources"), "state": enum("state"), "reservedAt": dateTime("reserved_at"),
		"expiresAt": dateTime("CASE WHEN state <> 'RUNNING' THEN expires_at END"),
	}
}
