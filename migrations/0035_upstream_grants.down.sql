BEGIN;

ALTER TABLE pending_grant DROP COLUMN body;
DROP TABLE upstream_grant;
DROP DOMAIN upstream_state;

COMMIT;
