BEGIN;

ALTER TABLE directive
    ALTER kind TYPE text,
    ALTER seq TYPE bigint,
    ALTER ack_outcome TYPE text,
    ADD CONSTRAINT directive_seq_ck CHECK (seq > 0),
    ADD CONSTRAINT directive_kind_ck CHECK (kind IN ('PLACE', 'RELEASE', 'CACHE', 'PURGE', 'SCRUB', 'QUARANTINE', 'UNQUARANTINE')),
    ADD CONSTRAINT directive_ack_outcome_ck CHECK (ack_outcome IN ('APPLIED', 'FAILED', 'SUPERSEDED'));

ALTER TABLE idempotency
    ALTER outcome TYPE text,
    ADD CONSTRAINT idempotency_outcome_ck CHECK (outcome IN ('GRANT', 'REFUSE'));

ALTER TABLE decision
    ALTER kind TYPE text,
    ALTER outcome TYPE text,
    ADD CONSTRAINT decision_kind_ck CHECK (kind IN ('GRANT', 'DRY_RUN', 'CACHE')),
    ADD CONSTRAINT decision_outcome_ck CHECK (outcome IN ('GRANT', 'REFUSE'));

ALTER TABLE change_feed
    ALTER kind TYPE text,
    ADD CONSTRAINT change_feed_kind_ck CHECK (kind IN (
        'TRUST_DOMAIN', 'TRUST_RELATION', 'NFVI_POP', 'RESOURCE_ZONE', 'HOST_POOL', 'RUNTIME_CLASS', 'HOST', 'IMAGE', 'VNF_PROFILE',
        'RESIDENCY', 'CACHE_ENTRY', 'POLICIES', 'POLICY_EPOCH'));

ALTER TABLE directory
    ALTER kind TYPE text,
    ADD CONSTRAINT directory_kind_ck CHECK (kind IN ('HOST', 'GRANT', 'DECISION'));

ALTER TABLE residency
    ALTER kind TYPE text,
    ALTER state TYPE text,
    ADD CONSTRAINT residency_kind_ck CHECK (kind IN ('WORKLOAD', 'FABRIC')),
    ADD CONSTRAINT residency_state_ck CHECK (state IN ('RESERVED', 'UNCONFIRMED', 'RUNNING', 'TERMINATING'));

ALTER TABLE attestation_record
    ALTER state TYPE text,
    ADD CONSTRAINT attestation_record_state_ck CHECK (state IN ('TRUSTED', 'UNTRUSTED', 'UNKNOWN'));

ALTER TABLE host_ext_capacity
    ALTER total TYPE bigint,
    ALTER used TYPE bigint,
    ADD CONSTRAINT host_ext_capacity_amount_ck CHECK (total >= 0 AND used >= 0);

ALTER TABLE host
    DROP CONSTRAINT host_dedication_ck,
    DROP CONSTRAINT host_attestation_ck,
    ALTER hypervisor_class TYPE text,
    ALTER lifecycle TYPE text,
    ALTER dedicated_identity TYPE text,
    ALTER attestation_state TYPE text,
    ALTER cpu_millis_total TYPE bigint,
    ALTER cpu_millis_used TYPE bigint,
    ALTER memory_mib_total TYPE bigint,
    ALTER memory_mib_used TYPE bigint,
    ALTER ephemeral_storage_mib_total TYPE bigint,
    ALTER ephemeral_storage_mib_used TYPE bigint,
    ALTER hugepages_2mi_total TYPE bigint,
    ALTER hugepages_2mi_used TYPE bigint,
    ALTER hugepages_1gi_total TYPE bigint,
    ALTER hugepages_1gi_used TYPE bigint,
    ALTER sriov_vfs_total TYPE bigint,
    ALTER sriov_vfs_used TYPE bigint,
    ALTER gpus_total TYPE bigint,
    ALTER gpus_used TYPE bigint,
    ALTER tee_guests_total TYPE bigint,
    ALTER tee_guests_used TYPE bigint,
    ALTER gen TYPE bigint,
    ALTER directive_seq TYPE bigint,
    ADD CONSTRAINT host_hypervisor_ck CHECK (hypervisor_class IN ('NONE', 'TYPE1', 'TYPE2')),
    ADD CONSTRAINT host_lifecycle_ck CHECK (lifecycle IN ('REGISTERED', 'IN_SERVICE', 'CORDONED', 'SCRUBBING', 'QUARANTINED', 'RETIRED')),
    ADD CONSTRAINT host_dedication_ck CHECK ((dedicated_identity IS NULL) = (dedicated_id IS NULL)
        AND dedicated_identity IN ('NF_INSTANCE', 'TRUST_DOMAIN', 'TENANT')),
    ADD CONSTRAINT host_attestation_ck CHECK (attestation_state IN ('TRUSTED', 'UNTRUSTED', 'UNKNOWN')
        AND (attestation_state = 'UNKNOWN' OR attested_at IS NOT NULL)),
    ADD CONSTRAINT host_total_ck CHECK (cpu_millis_total >= 0 AND memory_mib_total >= 0 AND ephemeral_storage_mib_total >= 0
        AND hugepages_2mi_total >= 0 AND hugepages_1gi_total >= 0 AND sriov_vfs_total >= 0 AND gpus_total >= 0 AND tee_guests_total >= 0),
    ADD CONSTRAINT host_used_ck CHECK (cpu_millis_used >= 0 AND memory_mib_used >= 0 AND ephemeral_storage_mib_used >= 0
        AND hugepages_2mi_used >= 0 AND hugepages_1gi_used >= 0 AND sriov_vfs_used >= 0 AND gpus_used >= 0 AND tee_guests_used >= 0),
    ADD CONSTRAINT host_counters_ck CHECK (gen >= 0 AND directive_seq >= 0);

DROP DOMAIN directory_kind;
DROP DOMAIN change_kind;
DROP DOMAIN sequence_number;
DROP DOMAIN ack_outcome;
DROP DOMAIN directive_kind;
DROP DOMAIN decision_outcome;
DROP DOMAIN decision_kind;
DROP DOMAIN residency_state;
DROP DOMAIN residency_kind;
DROP DOMAIN attestation_state;
DROP DOMAIN dedication_identity;
DROP DOMAIN host_lifecycle;
DROP DOMAIN hypervisor_class;
DROP DOMAIN amount;

COMMIT;
