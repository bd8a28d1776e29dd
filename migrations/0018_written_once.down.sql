BEGIN;

ALTER TABLE policy DROP COLUMN deleted_versions;

COMMIT;
