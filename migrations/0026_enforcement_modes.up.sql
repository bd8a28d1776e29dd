BEGIN;

CREATE DOMAIN enforcement_mode_name AS text CONSTRAINT enforcement_mode_name_ck CHECK (VALUE IN ('ENFORCE', 'OBSERVE'));
COMMENT ON DOMAIN enforcement_mode_name IS 'Whether what policies refuse is refused, or only recorded.';

CREATE TABLE enforcement_mode (
    subject    text                     NOT NULL,
    subject_id text COLLATE "C"         NOT NULL,
    mode       enforcement_mode_name    NOT NULL,
    reason     text                     NOT NULL,
    actor_id   text                     NOT NULL,
    since      timestamp with time zone NOT NULL,
    revision   bigint                   NOT NULL,
    CONSTRAINT enforcement_mode_pk PRIMARY KEY (subject, subject_id),
    CONSTRAINT enforcement_mode_subject_ck CHECK (subject IN ('CLIENT', 'VIM_CONNECTION')),
    CONSTRAINT enforcement_mode_reason_ck CHECK (reason <> '')
);
COMMENT ON TABLE enforcement_mode IS 'Clients and VIM connections for which a mode was set. Everybody else is enforced.';
COMMENT ON COLUMN enforcement_mode.subject IS 'CLIENT or VIM_CONNECTION.';
COMMENT ON COLUMN enforcement_mode.subject_id IS 'The client, as authentication names it, or the VIM connection, as hosts name it.';
COMMENT ON COLUMN enforcement_mode.mode IS 'OBSERVE or ENFORCE.';
COMMENT ON COLUMN enforcement_mode.reason IS 'Why it was set.';
COMMENT ON COLUMN enforcement_mode.actor_id IS 'Who set it.';
COMMENT ON COLUMN enforcement_mode.since IS 'When it was set, by the database''s clock.';
COMMENT ON COLUMN enforcement_mode.revision IS 'Counts the changes, from 1.';

ALTER TABLE decision
    ADD COLUMN enforcement enforcement_mode_name NOT NULL DEFAULT 'ENFORCE',
    ADD COLUMN refused_by  text[]                NOT NULL DEFAULT '{}';
COMMENT ON COLUMN decision.enforcement IS 'OBSERVE: a refusal that was answered with an empty grant, because the client was observed.';
COMMENT ON COLUMN decision.refused_by IS 'The rules that stood against the request, of such a refusal.';
CREATE INDEX decision_observed_ix ON decision (client_id, at) WHERE enforcement = 'OBSERVE';

ALTER TABLE idempotency ADD COLUMN observed_grant_id text;
COMMENT ON COLUMN idempotency.observed_grant_id IS 'The empty grant that a refusal was answered with, because the client was observed; null: it was not.';

ALTER DOMAIN directive_kind DROP CONSTRAINT directive_kind_ck;
ALTER DOMAIN directive_kind ADD CONSTRAINT directive_kind_ck
    CHECK (VALUE IN ('PLACE', 'RELEASE', 'CACHE', 'PURGE', 'SCRUB', 'QUARANTINE', 'UNQUARANTINE', 'ENFORCEMENT'));
ALTER DOMAIN ack_outcome DROP CONSTRAINT ack_outcome_ck;
ALTER DOMAIN ack_outcome ADD CONSTRAINT ack_outcome_ck CHECK (VALUE IN ('APPLIED', 'FAILED', 'SUPERSEDED', 'RECORDED'));

CREATE DOMAIN directive_enforcement AS text CONSTRAINT directive_enforcement_ck CHECK (VALUE IN ('ENFORCED', 'ADVISORY'));
COMMENT ON DOMAIN directive_enforcement IS 'Whether a host carries out what it is told, or only records it.';

ALTER TABLE directive ADD COLUMN enforcement directive_enforcement NOT NULL DEFAULT 'ENFORCED';
COMMENT ON COLUMN directive.enforcement IS 'Whether the host is to carry it out.';
CREATE INDEX directive_recorded_ix ON directive (vim_connection_id, kind) WHERE ack_outcome = 'RECORDED';

ALTER TABLE host ADD COLUMN told_enforcement directive_enforcement NOT NULL DEFAULT 'ENFORCED';
COMMENT ON COLUMN host.told_enforcement IS 'What the last ENFORCEMENT directive told the host; ENFORCED before the first.';
CREATE INDEX host_told_ix ON host (vim_connection_id, told_enforcement);

ALTER TABLE directive_follower ADD COLUMN heard_at timestamp with time zone NOT NULL DEFAULT '-infinity';
COMMENT ON COLUMN directive_follower.heard_at IS 'When one was acknowledged last, by the database''s clock, to within some minutes.';
COMMENT ON COLUMN observed_state.received_at IS 'When the host reported last, by the database''s clock, to within some minutes where the report said nothing new.';

-- What callers read of it, the report included.

ALTER TABLE enforcement_mode ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON enforcement_mode TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON enforcement_mode FOR SELECT TO ringfence_caller USING ((SELECT caller_reads_all()));

ALTER TABLE directive ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON directive TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON directive FOR SELECT TO ringfence_caller
    USING ((SELECT caller_reads_all()) AND host_id NOT IN (SELECT hidden_hosts()));

ALTER TABLE vnf_instance_params ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON vnf_instance_params TO ringfence_app USING (true) WITH CHECK (true);
CREATE POLICY caller ON vnf_instance_params FOR SELECT TO ringfence_caller USING ((SELECT caller_reads_all()));

GRANT SELECT, INSERT, UPDATE ON enforcement_mode TO ringfence_app;
GRANT SELECT ON enforcement_mode TO ringfence_caller;
GRANT SELECT (host_id, kind, ack_outcome, vim_connection_id) ON directive TO ringfence_caller;
GRANT SELECT (vnf_instance_id, client_id) ON vnf_instance_params TO ringfence_caller;

COMMIT;
