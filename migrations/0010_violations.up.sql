BEGIN;

CREATE TABLE violation (
    nfvi_pop_id     text             NOT NULL,
    id              text COLLATE "C" NOT NULL,
    host_id         text COLLATE "C" NOT NULL DEFAULT '',
    residency_id    text COLLATE "C" NOT NULL DEFAULT '',
    vnf_instance_id text             NOT NULL DEFAULT '',
    trust_domain_id text             NOT NULL DEFAULT '',
    policy_id       text             NOT NULL,
    rule_id         text             NOT NULL,
    checked         text             NOT NULL,
    against_id      text             NOT NULL DEFAULT '',
    params          jsonb            NOT NULL DEFAULT '{}',
    evict           boolean          NOT NULL,
    policy_epoch    bigint           NOT NULL,
    since           timestamptz      NOT NULL DEFAULT statement_timestamp(),
    until           timestamptz,
    CONSTRAINT violation_pk PRIMARY KEY (nfvi_pop_id, id)
);
CREATE UNIQUE INDEX violation_open_ix ON violation (nfvi_pop_id, host_id, residency_id, policy_id, rule_id, against_id) WHERE until IS NULL;
CREATE INDEX violation_id_ix ON violation (id);
COMMENT ON TABLE violation IS 'Where what is decided to run does not meet a rule in force. Recorded after the fact; whether something is granted does not depend on it.';
COMMENT ON COLUMN violation.nfvi_pop_id IS 'NFVI-PoP of the host; "-" when there is none.';
COMMENT ON COLUMN violation.id IS 'Identifier.';
COMMENT ON COLUMN violation.host_id IS 'Host; empty: none.';
COMMENT ON COLUMN violation.residency_id IS 'Residency that does not meet the rule; empty: none.';
COMMENT ON COLUMN violation.vnf_instance_id IS 'Its VNF instance.';
COMMENT ON COLUMN violation.trust_domain_id IS 'Its trust domain.';
COMMENT ON COLUMN violation.policy_id IS 'Policy of the rule.';
COMMENT ON COLUMN violation.rule_id IS 'Rule, or BREAK-GLASS.';
COMMENT ON COLUMN violation.checked IS 'What was checked: the kind of the rule, or the check within that kind.';
COMMENT ON COLUMN violation.against_id IS 'Residency that the rule separates from; empty for rules that are not about pairs.';
COMMENT ON COLUMN violation.params IS 'What the sentence is made of, by name.';
COMMENT ON COLUMN violation.evict IS 'The rule says onViolation EVICT.';
COMMENT ON COLUMN violation.policy_epoch IS 'Policy epoch in which it was found first.';
COMMENT ON COLUMN violation.since IS 'When it was found first.';
COMMENT ON COLUMN violation.until IS 'When it was found no longer; null: it stands.';

CREATE TABLE violation_check (
    only_row     boolean     NOT NULL DEFAULT true,
    checker      text        NOT NULL DEFAULT '',
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    policy_epoch bigint      NOT NULL DEFAULT 0,
    checked_at   timestamptz,
    CONSTRAINT violation_check_pk PRIMARY KEY (only_row),
    CONSTRAINT violation_check_only_row_ck CHECK (only_row)
);
INSERT INTO violation_check DEFAULT VALUES;
COMMENT ON TABLE violation_check IS 'One row: which replica looks for violations, and what it has looked at.';
COMMENT ON COLUMN violation_check.only_row IS 'Always true.';
COMMENT ON COLUMN violation_check.checker IS 'Process that looks for violations; empty: none yet.';
COMMENT ON COLUMN violation_check.leased_until IS 'Until when no other process does.';
COMMENT ON COLUMN violation_check.policy_epoch IS 'Policy epoch of the last complete check.';
COMMENT ON COLUMN violation_check.checked_at IS 'When that was; null: never.';

GRANT SELECT, INSERT, UPDATE ON violation TO ringfence_app;
GRANT SELECT, UPDATE ON violation_check TO ringfence_app;

COMMIT;
