BEGIN;

REVOKE DELETE ON policy_event FROM ringfence_app;
REVOKE UPDATE (failing_since, suspended_at) ON policy_subscription FROM ringfence_app;

DROP INDEX policy_event_at_ix;
DROP INDEX policy_delivery_settled_ix;
DROP INDEX policy_delivery_event_ix;
ALTER TABLE policy_subscription DROP COLUMN suspended_at;
ALTER TABLE policy_subscription DROP COLUMN failing_since;

COMMIT;
