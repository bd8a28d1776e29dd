BEGIN;

DROP TABLE pending_change;
ALTER TABLE policy_epoch DROP COLUMN first_activated_at;

COMMIT;
