BEGIN;

CREATE DOMAIN delivery_state AS text CONSTRAINT delivery_state_ck CHECK (VALUE IN ('PENDING', 'DELIVERED', 'DEAD'));
COMMENT ON DOMAIN delivery_state IS 'What became of a notification to one subscriber.';

CREATE TABLE policy_subscription (
    id                 text        NOT NULL,
    client_id          text        NOT NULL,
    callback_uri       text        NOT NULL,
    notification_types text[],
    policy_ids         text[],
    change_types       text[],
    user_name          text        NOT NULL DEFAULT '',
    password           text        NOT NULL DEFAULT '',
    created_at         timestamptz NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT policy_subscription_pk PRIMARY KEY (id)
);
CREATE INDEX policy_subscription_client_ix ON policy_subscription (client_id, id);
COMMENT ON TABLE policy_subscription IS 'Who wants to hear of changes of policies and of conflicts between them (SOL012 PolicySubscription).';
COMMENT ON COLUMN policy_subscription.id IS 'Chosen by the service.';
COMMENT ON COLUMN policy_subscription.client_id IS 'Whose it is; nobody else sees it.';
COMMENT ON COLUMN policy_subscription.callback_uri IS 'Where notifications go. Whether that is allowed is decided again at each call.';
COMMENT ON COLUMN policy_subscription.notification_types IS 'Types of notification; NULL: all.';
COMMENT ON COLUMN policy_subscription.policy_ids IS 'Policies; NULL: all.';
COMMENT ON COLUMN policy_subscription.change_types IS 'Operations that changes are notified of; NULL: all.';
COMMENT ON COLUMN policy_subscription.user_name IS 'HTTP Basic user name that notifications carry; empty: none.';
COMMENT ON COLUMN policy_subscription.password IS 'Its password. Never answered, never logged.';
COMMENT ON COLUMN policy_subscription.created_at IS 'When it was made.';

CREATE TABLE policy_event (
    id   text        NOT NULL,
    at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    body json        NOT NULL,
    CONSTRAINT policy_event_pk PRIMARY KEY (id)
);
COMMENT ON TABLE policy_event IS 'What subscribers are told, written in the transaction of the change itself.';
COMMENT ON COLUMN policy_event.id IS 'Id of the notification, the same for all of its subscribers.';
COMMENT ON COLUMN policy_event.at IS 'When it happened.';
COMMENT ON COLUMN policy_event.body IS 'What happened.';

CREATE TABLE policy_delivery (
    subscription_id text           NOT NULL,
    event_id        text           NOT NULL,
    state           delivery_state NOT NULL DEFAULT 'PENDING',
    due_at          timestamptz    NOT NULL DEFAULT statement_timestamp(),
    attempts        integer        NOT NULL DEFAULT 0,
    last_error      text           NOT NULL DEFAULT '',
    settled_at      timestamptz,
    CONSTRAINT policy_delivery_pk PRIMARY KEY (subscription_id, event_id),
    CONSTRAINT policy_delivery_settled_ck CHECK ((settled_at IS NULL) = (state = 'PENDING'))
);
ALTER TABLE policy_delivery ADD CONSTRAINT policy_delivery_subscription_fk FOREIGN KEY (subscription_id) REFERENCES policy_subscription (id) ON DELETE CASCADE;
ALTER TABLE policy_delivery ADD CONSTRAINT policy_delivery_event_fk FOREIGN KEY (event_id) REFERENCES policy_event (id);
CREATE INDEX policy_delivery_due_ix ON policy_delivery (due_at) WHERE state = 'PENDING';
COMMENT ON TABLE policy_delivery IS 'The outbox: events on their way to subscribers, at least once.';
COMMENT ON COLUMN policy_delivery.subscription_id IS 'Whom to tell.';
COMMENT ON COLUMN policy_delivery.event_id IS 'What to tell.';
COMMENT ON COLUMN policy_delivery.state IS 'PENDING until it was delivered or given up.';
COMMENT ON COLUMN policy_delivery.due_at IS 'When it is tried next; while a replica tries it, when its lease ends.';
COMMENT ON COLUMN policy_delivery.attempts IS 'How often it was tried.';
COMMENT ON COLUMN policy_delivery.last_error IS 'What went wrong last; empty when nothing did.';
COMMENT ON COLUMN policy_delivery.settled_at IS 'When it was delivered or given up.';

GRANT SELECT, INSERT, DELETE ON policy_subscription TO ringfence_app;
GRANT SELECT, INSERT ON policy_event TO ringfence_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON policy_delivery TO ringfence_app;

COMMIT;
