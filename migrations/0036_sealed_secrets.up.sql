BEGIN;

ALTER TABLE policy_subscription ADD COLUMN secrets bytea;
COMMENT ON COLUMN policy_subscription.secrets IS 'Password and client secret, encrypted (AES-256-GCM) with a key that is not in the database and bound to the id of the subscription; NULL: there are none.';
COMMENT ON COLUMN policy_subscription.password IS 'The password of a subscription from before secrets were sealed; the service empties it when it starts.';
COMMENT ON COLUMN policy_subscription.oauth_secret IS 'The client secret of a subscription from before secrets were sealed; the service empties it when it starts.';

GRANT UPDATE (secrets) ON policy_subscription TO ringfence_app;

COMMIT;
