BEGIN;

ALTER TABLE idempotency DROP COLUMN granted_body_sha256;

COMMIT;
