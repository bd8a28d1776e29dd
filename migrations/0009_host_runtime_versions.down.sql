BEGIN;

ALTER TABLE host DROP COLUMN runtime_versions, DROP COLUMN accelerations;

COMMIT;
