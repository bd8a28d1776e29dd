BEGIN;

REVOKE UPDATE (user_name, password) ON policy_subscription FROM ringfence_app;

COMMIT;
