BEGIN;

CREATE DOMAIN vnfm_state AS text CONSTRAINT vnfm_state_ck CHECK (VALUE IN ('PENDING', 'SUBSCRIBED', 'FAILED', 'UNSUBSCRIBING'));
COMMENT ON DOMAIN vnfm_state IS 'How far the subscription to a VNFM is.';

CREATE TABLE vnfm (
    id              text COLLATE "C" NOT NULL,
    api_root        text             NOT NULL,
    client_id       text             NOT NULL,
    credentials     text             NOT NULL,
    state           vnfm_state       NOT NULL DEFAULT 'PENDING',
    reason          text             NOT NULL DEFAULT '',
    subscription_id text             NOT NULL DEFAULT '',
    since           timestamptz      NOT NULL DEFAULT statement_timestamp(),
    checked_at      timestamptz,
    due_at          timestamptz      NOT NULL DEFAULT statement_timestamp(),
    claimed_until   timestamptz,
    failures        integer          NOT NULL DEFAULT 0,
    actor_id        text             NOT NULL,
    revision        bigint           NOT NULL DEFAULT 1,
    CONSTRAINT vnfm_pk PRIMARY KEY (id),
    CONSTRAINT vnfm_api_root_uq UNIQUE (api_root),
    CONSTRAINT vnfm_client_uq UNIQUE (client_id)
);
CREATE INDEX vnfm_due_ix ON vnfm (due_at);
COMMENT ON TABLE vnfm IS 'The VNFMs that are subscribed to.';
COMMENT ON COLUMN vnfm.id IS 'What the VNFM is called here.';
COMMENT ON COLUMN vnfm.api_root IS 'API root of its VNF lifecycle management interface.';
COMMENT ON COLUMN vnfm.client_id IS 'The client that its requests and notifications come from.';
COMMENT ON COLUMN vnfm.credentials IS 'Name of the credentials in the file of such; empty: none are shown. The credentials themselves are in no table.';
COMMENT ON COLUMN vnfm.state IS 'How far the subscription is.';
COMMENT ON COLUMN vnfm.reason IS 'What went wrong the last time; empty: nothing did.';
COMMENT ON COLUMN vnfm.subscription_id IS 'What the VNFM calls the subscription; empty: there was none yet.';
COMMENT ON COLUMN vnfm.since IS 'When it came to this state.';
COMMENT ON COLUMN vnfm.checked_at IS 'When the VNFM was last asked; NULL: never.';
COMMENT ON COLUMN vnfm.due_at IS 'When it is to be asked next.';
COMMENT ON COLUMN vnfm.claimed_until IS 'Until when a replica looks after it; after that another one may; NULL: nobody does.';
COMMENT ON COLUMN vnfm.failures IS 'How often it failed in a row.';
COMMENT ON COLUMN vnfm.actor_id IS 'Who registered it, or deleted it where it is UNSUBSCRIBING.';
COMMENT ON COLUMN vnfm.revision IS 'Counts the changes, from 1.';

ALTER TABLE vnfm ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON vnfm TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON vnfm FOR SELECT TO ringfence_caller USING ((SELECT caller_reads_all()));

GRANT SELECT, INSERT, UPDATE, DELETE ON vnfm TO ringfence_app;
GRANT SELECT ON vnfm TO ringfence_caller;

COMMIT;
