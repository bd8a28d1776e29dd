BEGIN;

GRANT UPDATE (user_name, password) ON policy_subscription TO ringfence_app;

COMMIT;
