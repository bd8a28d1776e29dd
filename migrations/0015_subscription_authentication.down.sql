BEGIN;

REVOKE UPDATE (auth_types, token_endpoint, oauth_client_id, oauth_secret) ON policy_subscription FROM ringfence_app;

ALTER TABLE policy_subscription
    DROP COLUMN oauth_secret,
    DROP COLUMN oauth_client_id,
    DROP COLUMN token_endpoint,
    DROP COLUMN auth_types;

COMMIT;
