BEGIN;

ALTER TABLE policy_version DROP COLUMN host_labels;

COMMIT;
