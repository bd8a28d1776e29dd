BEGIN;

CREATE TABLE pending_grant (
    id                text COLLATE "C" NOT NULL,
    client_id         text             NOT NULL,
    vnf_lcm_op_occ_id text             NOT NULL,
    body_sha256       bytea            NOT NULL,
    li                boolean          NOT NULL,
    request           jsonb            NOT NULL,
    queued_at         timestamptz      NOT NULL DEFAULT statement_timestamp(),
    claimed_until     timestamptz,
    decided_at        timestamptz,
    grant_id          text             NOT NULL DEFAULT '',
    decision_id       text             NOT NULL DEFAULT '',
    fault             text             NOT NULL DEFAULT '',
    CONSTRAINT pending_grant_pk PRIMARY KEY (id)
);
CREATE UNIQUE INDEX pending_grant_request_ix ON pending_grant (client_id, vnf_lcm_op_occ_id, body_sha256) WHERE decided_at IS NULL;
CREATE INDEX pending_grant_queue_ix ON pending_grant (queued_at) WHERE decided_at IS NULL;
CREATE INDEX pending_grant_decided_ix ON pending_grant (decided_at) WHERE decided_at IS NOT NULL;
COMMENT ON TABLE pending_grant IS 'Grant requests of clients that poll: taken, and decided later.';
COMMENT ON COLUMN pending_grant.id IS 'Id of the grant-to-be, which the client polls.';
COMMENT ON COLUMN pending_grant.client_id IS 'Client that asks.';
COMMENT ON COLUMN pending_grant.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence of the request.';
COMMENT ON COLUMN pending_grant.body_sha256 IS 'SHA-256 of the body of the request.';
COMMENT ON COLUMN pending_grant.li IS 'The client is cleared for lawful interception.';
COMMENT ON COLUMN pending_grant.request IS 'The request.';
COMMENT ON COLUMN pending_grant.queued_at IS 'When it was taken.';
COMMENT ON COLUMN pending_grant.claimed_until IS 'Until when a replica decides it; after that another one may; NULL: nobody does yet.';
COMMENT ON COLUMN pending_grant.decided_at IS 'When it was decided; NULL: not yet.';
COMMENT ON COLUMN pending_grant.grant_id IS 'The grant; empty: there is none.';
COMMENT ON COLUMN pending_grant.decision_id IS 'The decision that refused; empty: there is none.';
COMMENT ON COLUMN pending_grant.fault IS 'Why the request cannot be processed; empty: it can.';

GRANT SELECT, INSERT, UPDATE, DELETE ON pending_grant TO ringfence_app;

COMMIT;
