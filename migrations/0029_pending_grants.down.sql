BEGIN;

DROP TABLE pending_grant;

COMMIT;
