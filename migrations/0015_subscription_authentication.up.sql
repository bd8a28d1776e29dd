BEGIN;

ALTER TABLE policy_subscription
    ADD COLUMN auth_types      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN token_endpoint  text   NOT NULL DEFAULT '',
    ADD COLUMN oauth_client_id text   NOT NULL DEFAULT '',
    ADD COLUMN oauth_secret    text   NOT NULL DEFAULT '';
COMMENT ON COLUMN policy_subscription.auth_types IS 'Ways in which notifications may authenticate this service (SOL013 SubscriptionAuthentication); none: BASIC where there is a user name, else none at all.';
COMMENT ON COLUMN policy_subscription.token_endpoint IS 'Where tokens that notifications carry are asked for; empty: nowhere. Whether that is allowed is decided again at each call.';
COMMENT ON COLUMN policy_subscription.oauth_client_id IS 'As whom they are asked for.';
COMMENT ON COLUMN policy_subscription.oauth_secret IS 'Its secret. Never answered, never logged.';

GRANT UPDATE (auth_types, token_endpoint, oauth_client_id, oauth_secret) ON policy_subscription TO ringfence_app;

COMMIT;
