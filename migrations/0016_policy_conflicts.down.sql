BEGIN;

DROP TABLE policy_conflict;

COMMIT;
