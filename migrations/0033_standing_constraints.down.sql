BEGIN;

DROP POLICY caller ON standing_constraint;
DROP POLICY service ON standing_constraint;
DROP TABLE standing_constraint;
DROP FUNCTION hidden_vnf_instance(text);

-- The version before cannot read them: decisions that rested on them do not replay any more.
DELETE FROM change_feed WHERE kind = 'STANDING_CONSTRAINT';
ALTER DOMAIN change_kind DROP CONSTRAINT change_kind_ck;
ALTER DOMAIN change_kind ADD CONSTRAINT change_kind_ck
    CHECK (VALUE IN ('TRUST_DOMAIN', 'TRUST_RELATION', 'NFVI_POP', 'RESOURCE_ZONE', 'HOST_POOL', 'RUNTIME_CLASS', 'HOST', 'IMAGE', 'VNF_PROFILE', 'RESIDENCY',
                     'CACHE_ENTRY', 'POLICIES', 'POLICY_EPOCH'));
COMMENT ON COLUMN scope_lock.id IS 'What is locked: JSON array of an NF instance, and of a component where only that is.';

COMMIT;
