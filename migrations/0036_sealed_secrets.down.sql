BEGIN;

-- What is sealed cannot be opened here: the subscribers it belongs to have to subscribe again.
ALTER TABLE policy_subscription DROP COLUMN secrets;
COMMENT ON COLUMN policy_subscription.password IS 'Its password. Never answered, never logged.';
COMMENT ON COLUMN policy_subscription.oauth_secret IS 'Its secret. Never answered, never logged.';

COMMIT;
