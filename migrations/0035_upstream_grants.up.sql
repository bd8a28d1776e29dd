BEGIN;

CREATE DOMAIN upstream_state AS text CONSTRAINT upstream_state_ck CHECK (VALUE IN ('ASKING', 'AGREED', 'REFUSED', 'FAILED'));
COMMENT ON DOMAIN upstream_state IS 'What the NFVO upstream says of a grant.';

CREATE TABLE upstream_grant (
    nfvi_pop_id text             NOT NULL,
    grant_id    text COLLATE "C" NOT NULL,
    state       upstream_state   NOT NULL DEFAULT 'ASKING',
    detail      text             NOT NULL DEFAULT '',
    answer      jsonb,
    asked_at    timestamptz      NOT NULL DEFAULT statement_timestamp(),
    answered_at timestamptz,
    given_back  boolean          NOT NULL DEFAULT false,
    CONSTRAINT upstream_grant_pk PRIMARY KEY (nfvi_pop_id, grant_id),
    CONSTRAINT upstream_grant_answer_ck CHECK (state <> 'AGREED' OR answer IS NOT NULL)
);
CREATE INDEX upstream_grant_id_ix ON upstream_grant (grant_id);
CREATE INDEX upstream_grant_open_ix ON upstream_grant (asked_at) WHERE state <> 'AGREED' AND NOT given_back;
COMMENT ON TABLE upstream_grant IS 'Grants that are answered only once the NFVO upstream has agreed, and what it said. A row is written in the transaction of its grant.';
COMMENT ON COLUMN upstream_grant.nfvi_pop_id IS 'NFVI-PoP of the grant.';
COMMENT ON COLUMN upstream_grant.grant_id IS 'The grant.';
COMMENT ON COLUMN upstream_grant.state IS 'ASKING until there is an answer; FAILED: none came, or none that could be followed.';
COMMENT ON COLUMN upstream_grant.detail IS 'Why it is REFUSED or FAILED.';
COMMENT ON COLUMN upstream_grant.answer IS 'The grant of the NFVO, as it sent it; NULL: it sent none.';
COMMENT ON COLUMN upstream_grant.asked_at IS 'When it was asked last, or the grant was committed.';
COMMENT ON COLUMN upstream_grant.answered_at IS 'When the state was reached; NULL: it is being asked.';
COMMENT ON COLUMN upstream_grant.given_back IS 'What the grant reserved was given back.';

ALTER TABLE pending_grant ADD COLUMN body bytea;
COMMENT ON COLUMN pending_grant.body IS 'The request as it was sent, for the NFVO upstream; NULL: there is none.';

GRANT SELECT, INSERT, UPDATE ON upstream_grant TO ringfence_app;

COMMIT;
