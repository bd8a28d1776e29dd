BEGIN;

ALTER TABLE policy DROP CONSTRAINT policy_selected_version_fk;
DROP TABLE change_feed, policy_epoch, policy_version, policy, directory, vnf_instance_params, cache_entry, residency,
    scrub_record, attestation_record, residue, host_ext_capacity, host, vnf_profile, image, runtime_class, host_pool,
    resource_zone, nfvi_pop, trust_relation, trust_domain;

-- The role stays: it belongs to the server, and other databases may use it.

COMMIT;
