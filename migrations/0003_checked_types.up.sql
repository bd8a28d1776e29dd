-- Checks of single values become types. PostgreSQL parses the CHECK constraints of a table again for each statement that writes it,
-- whatever the statement changes; a domain's are parsed once per connection and run only for values that are written. On the row
-- of a host, which every grant updates, that was more than half of the cost.

BEGIN;

CREATE DOMAIN amount AS bigint CONSTRAINT amount_ck CHECK (VALUE >= 0);
COMMENT ON DOMAIN amount IS 'A capacity, a use or a count.';

CREATE DOMAIN hypervisor_class AS text CONSTRAINT hypervisor_class_ck CHECK (VALUE IN ('NONE', 'TYPE1', 'TYPE2'));
COMMENT ON DOMAIN hypervisor_class IS 'The hypervisor of a host.';

CREATE DOMAIN host_lifecycle AS text CONSTRAINT host_lifecycle_ck CHECK (VALUE IN ('REGISTERED', 'IN_SERVICE', 'CORDONED', 'SCRUBBING', 'QUARANTINED', 'RETIRED'));
COMMENT ON DOMAIN host_lifecycle IS 'Whether a host may be used.';

CREATE DOMAIN dedication_identity AS text CONSTRAINT dedication_identity_ck CHECK (VALUE IN ('NF_INSTANCE', 'TRUST_DOMAIN', 'TENANT'));
COMMENT ON DOMAIN dedication_identity IS 'What a dedicated host is dedicated to.';

CREATE DOMAIN attestation_state AS text CONSTRAINT attestation_state_ck CHECK (VALUE IN ('TRUSTED', 'UNTRUSTED', 'UNKNOWN'));
COMMENT ON DOMAIN attestation_state IS 'What the verifier says of a host.';

CREATE DOMAIN residency_kind AS text CONSTRAINT residency_kind_ck CHECK (VALUE IN ('WORKLOAD', 'FABRIC'));
COMMENT ON DOMAIN residency_kind IS 'Whose the resident is: a network function''s or the platform''s.';

CREATE DOMAIN residency_state AS text CONSTRAINT residency_state_ck CHECK (VALUE IN ('RESERVED', 'UNCONFIRMED', 'RUNNING', 'TERMINATING'));
COMMENT ON DOMAIN residency_state IS 'Where a residency is in its life cycle.';

CREATE DOMAIN decision_kind AS text CONSTRAINT decision_kind_ck CHECK (VALUE IN ('GRANT', 'DRY_RUN', 'CACHE'));
COMMENT ON DOMAIN decision_kind IS 'What was asked.';

CREATE DOMAIN decision_outcome AS text CONSTRAINT decision_outcome_ck CHECK (VALUE IN ('GRANT', 'REFUSE'));
COMMENT ON DOMAIN decision_outcome IS 'How a decision ended.';

CREATE DOMAIN directive_kind AS text CONSTRAINT directive_kind_ck CHECK (VALUE IN ('PLACE', 'RELEASE', 'CACHE', 'PURGE', 'SCRUB', 'QUARANTINE', 'UNQUARANTINE'));
COMMENT ON DOMAIN directive_kind IS 'What the NFVI is told to do.';

CREATE DOMAIN ack_outcome AS text CONSTRAINT ack_outcome_ck CHECK (VALUE IN ('APPLIED', 'FAILED', 'SUPERSEDED'));
COMMENT ON DOMAIN ack_outcome IS 'What the NFVI made of a directive.';

CREATE DOMAIN sequence_number AS bigint CONSTRAINT sequence_number_ck CHECK (VALUE > 0);
COMMENT ON DOMAIN sequence_number IS 'A number of a gapless sequence, from 1.';

CREATE DOMAIN change_kind AS text CONSTRAINT change_kind_ck CHECK (VALUE IN (
    'TRUST_DOMAIN', 'TRUST_RELATION', 'NFVI_POP', 'RESOURCE_ZONE', 'HOST_POOL', 'RUNTIME_CLASS', 'HOST', 'IMAGE', 'VNF_PROFILE',
    'RESIDENCY', 'CACHE_ENTRY', 'POLICIES', 'POLICY_EPOCH'));
COMMENT ON DOMAIN change_kind IS 'What a change of the feed is about.';

CREATE DOMAIN directory_kind AS text CONSTRAINT directory_kind_ck CHECK (VALUE IN ('HOST', 'GRANT', 'DECISION'));
COMMENT ON DOMAIN directory_kind IS 'What an entry of the directory leads to.';

ALTER TABLE host
    DROP CONSTRAINT host_hypervisor_ck,
    DROP CONSTRAINT host_lifecycle_ck,
    DROP CONSTRAINT host_dedication_ck,
    DROP CONSTRAINT host_attestation_ck,
    DROP CONSTRAINT host_total_ck,
    DROP CONSTRAINT host_used_ck,
    DROP CONSTRAINT host_counters_ck,
    ALTER hypervisor_class TYPE hypervisor_class,
    ALTER lifecycle TYPE host_lifecycle,
    ALTER dedicated_identity TYPE dedication_identity,
    ALTER attestation_state TYPE attestation_state,
    ALTER cpu_millis_total TYPE amount,
    ALTER cpu_millis_used TYPE amount,
    ALTER memory_mib_total TYPE amount,
    ALTER memory_mib_used TYPE amount,
    ALTER ephemeral_storage_mib_total TYPE amount,
    ALTER ephemeral_storage_mib_used TYPE amount,
    ALTER hugepages_2mi_total TYPE amount,
    ALTER hugepages_2mi_used TYPE amount,
    ALTER hugepages_1gi_total TYPE amount,
    ALTER hugepages_1gi_used TYPE amount,
    ALTER sriov_vfs_total TYPE amount,
    ALTER sriov_vfs_used TYPE amount,
    ALTER gpus_total TYPE amount,
    ALTER gpus_used TYPE amount,
    ALTER tee_guests_total TYPE amount,
    ALTER tee_guests_used TYPE amount,
    ALTER gen TYPE amount,
    ALTER directive_seq TYPE amount,
    ADD CONSTRAINT host_dedication_ck CHECK ((dedicated_identity IS NULL) = (dedicated_id IS NULL)),
    ADD CONSTRAINT host_attestation_ck CHECK (attestation_state = 'UNKNOWN' OR attested_at IS NOT NULL);

ALTER TABLE host_ext_capacity
    DROP CONSTRAINT host_ext_capacity_amount_ck,
    ALTER total TYPE amount,
    ALTER used TYPE amount;

ALTER TABLE attestation_record
    DROP CONSTRAINT attestation_record_state_ck,
    ALTER state TYPE attestation_state;

ALTER TABLE residency
    DROP CONSTRAINT residency_kind_ck,
    DROP CONSTRAINT residency_state_ck,
    ALTER kind TYPE residency_kind,
    ALTER state TYPE residency_state;

ALTER TABLE directory
    DROP CONSTRAINT directory_kind_ck,
    ALTER kind TYPE directory_kind;

ALTER TABLE change_feed
    DROP CONSTRAINT change_feed_kind_ck,
    ALTER kind TYPE change_kind;

ALTER TABLE decision
    DROP CONSTRAINT decision_kind_ck,
    DROP CONSTRAINT decision_outcome_ck,
    ALTER kind TYPE decision_kind,
    ALTER outcome TYPE decision_outcome;

ALTER TABLE idempotency
    DROP CONSTRAINT idempotency_outcome_ck,
    ALTER outcome TYPE decision_outcome;

ALTER TABLE directive
    DROP CONSTRAINT directive_kind_ck,
    DROP CONSTRAINT directive_seq_ck,
    DROP CONSTRAINT directive_ack_outcome_ck,
    ALTER kind TYPE directive_kind,
    ALTER seq TYPE sequence_number,
    ALTER ack_outcome TYPE ack_outcome;

COMMIT;
