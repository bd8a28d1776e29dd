BEGIN;

CREATE TABLE access_refusal (
    id                 text        COLLATE "C" NOT NULL,
    kind               text        NOT NULL,
    reason             text        NOT NULL,
    client_id          text        NOT NULL DEFAULT '',
    address            text        NOT NULL DEFAULT '',
    certificate_sha256 text        NOT NULL DEFAULT '',
    operation          text        NOT NULL DEFAULT '',
    count              bigint      NOT NULL,
    first_at           timestamptz NOT NULL,
    last_at            timestamptz NOT NULL,
    last_request_id    text        NOT NULL DEFAULT '',
    cleared            boolean     NOT NULL DEFAULT false,
    recorded_at        timestamptz NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT access_refusal_pk PRIMARY KEY (id),
    CONSTRAINT access_refusal_kind_ck CHECK (kind IN ('AUTHENTICATION', 'AUTHORIZATION')),
    CONSTRAINT access_refusal_count_ck CHECK (count > 0)
);
COMMENT ON TABLE access_refusal IS 'Callers who were refused: who, from where, for what reason, how often within some seconds. Rows are only added.';
COMMENT ON COLUMN access_refusal.id IS 'Identifier; later ones are greater.';
COMMENT ON COLUMN access_refusal.kind IS 'AUTHENTICATION: who calls was not shown. AUTHORIZATION: who calls may not do that.';
COMMENT ON COLUMN access_refusal.reason IS 'Why, in a sentence of the service; nothing of what was sent.';
COMMENT ON COLUMN access_refusal.client_id IS 'Client; empty where it is not known.';
COMMENT ON COLUMN access_refusal.address IS 'IP address of the connection; empty where several are counted together.';
COMMENT ON COLUMN access_refusal.certificate_sha256 IS 'SHA-256 of the certificate that was shown; empty: none.';
COMMENT ON COLUMN access_refusal.operation IS 'Operation of the contract; empty where several are counted together.';
COMMENT ON COLUMN access_refusal.count IS 'How often.';
COMMENT ON COLUMN access_refusal.first_at IS 'When first.';
COMMENT ON COLUMN access_refusal.last_at IS 'When last.';
COMMENT ON COLUMN access_refusal.last_request_id IS 'Request of the last one, by which the log has it.';
COMMENT ON COLUMN access_refusal.cleared IS 'Whether the client is cleared for lawful interception.';
COMMENT ON COLUMN access_refusal.recorded_at IS 'When it was recorded, by the database''s clock.';

GRANT SELECT, INSERT ON access_refusal TO ringfence_app;

-- A client that is cleared for lawful interception is not shown to who is not.
ALTER TABLE access_refusal ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON access_refusal TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON access_refusal FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()) AND (NOT cleared OR (SELECT caller_li())));
GRANT SELECT ON access_refusal TO ringfence_caller;

COMMIT;
