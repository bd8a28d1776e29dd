BEGIN;

ALTER TABLE vnf_profile DROP COLUMN affinity_rules;

COMMIT;
