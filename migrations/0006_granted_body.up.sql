BEGIN;

ALTER TABLE idempotency ADD COLUMN granted_body_sha256 bytea CONSTRAINT idempotency_granted_body_sha256_ck CHECK (length(granted_body_sha256) = 32);
COMMENT ON COLUMN idempotency.granted_body_sha256 IS 'SHA-256 of the body that the grant was given to; NULL: none was. body_sha256 may be that of a later request, which was refused.';
UPDATE idempotency SET granted_body_sha256 = body_sha256 WHERE outcome = 'GRANT';
ALTER TABLE idempotency ADD CONSTRAINT idempotency_granted_body_ck CHECK (outcome <> 'GRANT' OR granted_body_sha256 IS NOT NULL);

COMMIT;
