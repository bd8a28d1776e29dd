-- What decisions write: grants, claims, directives, acknowledgements, the audit trail; and what hosts report of
-- themselves. nfvi_pop_id comes first in the key of every table that a decision writes, so that these tables can be
-- distributed by it; idempotency and scope_lock have keys of their own.

BEGIN;

CREATE TABLE idempotency (
    client_id         text        NOT NULL,
    vnf_lcm_op_occ_id text        NOT NULL,
    body_sha256       bytea       NOT NULL,
    outcome           text        NOT NULL,
    nfvi_pop_id       text        NOT NULL,
    decision_id       text        NOT NULL,
    grant_pop_id      text,
    grant_id          text,
    policy_epoch      bigint      NOT NULL,
    change_seq        text        NOT NULL,
    answered_at       timestamptz NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT idempotency_pk PRIMARY KEY (client_id, vnf_lcm_op_occ_id),
    CONSTRAINT idempotency_body_sha256_ck CHECK (length(body_sha256) = 32),
    CONSTRAINT idempotency_outcome_ck CHECK (outcome IN ('GRANT', 'REFUSE')),
    CONSTRAINT idempotency_grant_ck CHECK ((grant_id IS NULL) = (grant_pop_id IS NULL) AND (outcome <> 'GRANT' OR grant_id IS NOT NULL))
);
COMMENT ON TABLE idempotency IS 'The answer to each request of a client: one row per VNF LCM operation occurrence, written in the transaction of its decision.';
COMMENT ON COLUMN idempotency.client_id IS 'Client that asked.';
COMMENT ON COLUMN idempotency.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence that the grant is for.';
COMMENT ON COLUMN idempotency.body_sha256 IS 'SHA-256 of the request body: tells a retry from a changed request.';
COMMENT ON COLUMN idempotency.outcome IS 'GRANT or REFUSE.';
COMMENT ON COLUMN idempotency.nfvi_pop_id IS 'NFVI-PoP that the decision belongs to; - for a refusal.';
COMMENT ON COLUMN idempotency.decision_id IS 'Decision that answered.';
COMMENT ON COLUMN idempotency.grant_pop_id IS 'NFVI-PoP that the grant belongs to.';
COMMENT ON COLUMN idempotency.grant_id IS 'Newest grant of the occurrence; a later refusal of another body keeps it, because its reservations may still stand.';
COMMENT ON COLUMN idempotency.policy_epoch IS 'Policy epoch of the decision.';
COMMENT ON COLUMN idempotency.change_seq IS 'Position in the change feed that the decision saw.';
COMMENT ON COLUMN idempotency.answered_at IS 'When it was answered.';

CREATE TABLE scope_lock (
    id  text   NOT NULL,
    gen bigint NOT NULL DEFAULT 0,
    CONSTRAINT scope_lock_pk PRIMARY KEY (id)
);
COMMENT ON TABLE scope_lock IS 'Rows that decisions lock when a rule or a constraint spans hosts; they hold no other data.';
COMMENT ON COLUMN scope_lock.id IS 'What is locked: JSON array of an NF instance and a component.';
COMMENT ON COLUMN scope_lock.gen IS 'Grows with every lock, so that a transaction at a higher isolation level fails instead of reading a stale view.';

CREATE TABLE decision (
    nfvi_pop_id       text        NOT NULL,
    id                text        NOT NULL,
    kind              text        NOT NULL,
    outcome           text        NOT NULL,
    at                timestamptz NOT NULL,
    client_id         text        NOT NULL,
    vnf_instance_id   text        NOT NULL,
    vnf_lcm_op_occ_id text        NOT NULL,
    policy_epoch      bigint      NOT NULL,
    change_seq        text        NOT NULL,
    inputs            json        NOT NULL,
    plan              json,
    explanation       json        NOT NULL,
    CONSTRAINT decision_pk PRIMARY KEY (nfvi_pop_id, id),
    CONSTRAINT decision_kind_ck CHECK (kind IN ('GRANT', 'DRY_RUN', 'CACHE')),
    CONSTRAINT decision_outcome_ck CHECK (outcome IN ('GRANT', 'REFUSE')),
    CONSTRAINT decision_plan_ck CHECK (outcome = 'GRANT' OR plan IS NULL)
);
CREATE INDEX decision_at_ix ON decision (at, id);
COMMENT ON TABLE decision IS 'Decisions with everything that they depended on: with the change feed they replay to the same answer.';
COMMENT ON COLUMN decision.nfvi_pop_id IS 'NFVI-PoP of the grant''s first host; - for refusals, dry runs and cache decisions.';
COMMENT ON COLUMN decision.id IS 'Identifier.';
COMMENT ON COLUMN decision.kind IS 'GRANT, DRY_RUN or CACHE.';
COMMENT ON COLUMN decision.outcome IS 'GRANT or REFUSE.';
COMMENT ON COLUMN decision.at IS 'When: a grant''s commit by the database''s clock, otherwise the time that the decision was made with.';
COMMENT ON COLUMN decision.client_id IS 'Client that asked.';
COMMENT ON COLUMN decision.vnf_instance_id IS 'VNF instance of the request.';
COMMENT ON COLUMN decision.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence of the request; empty for dry runs without one.';
COMMENT ON COLUMN decision.policy_epoch IS 'Policy epoch that was in force.';
COMMENT ON COLUMN decision.change_seq IS 'Position in the change feed that was seen.';
COMMENT ON COLUMN decision.inputs IS 'Request, demands, time, seed and policies; byte for byte, therefore json and not jsonb.';
COMMENT ON COLUMN decision.plan IS 'Placements and releases; null for a refusal.';
COMMENT ON COLUMN decision.explanation IS 'Why it came out so.';

CREATE TABLE vnf_grant (
    nfvi_pop_id       text        NOT NULL,
    id                text        NOT NULL,
    decision_id       text        NOT NULL,
    client_id         text        NOT NULL,
    vnf_instance_id   text        NOT NULL,
    vnf_lcm_op_occ_id text        NOT NULL,
    policy_epoch      bigint      NOT NULL,
    granted_at        timestamptz NOT NULL,
    valid_until       timestamptz NOT NULL,
    placements        json        NOT NULL,
    residency_ids     text[]      NOT NULL,
    CONSTRAINT vnf_grant_pk PRIMARY KEY (nfvi_pop_id, id)
);
COMMENT ON TABLE vnf_grant IS 'Grants as they were answered. A grant over several NFVI-PoPs belongs to that of its first host.';
COMMENT ON COLUMN vnf_grant.nfvi_pop_id IS 'NFVI-PoP of the first host; - for a grant that places nothing.';
COMMENT ON COLUMN vnf_grant.id IS 'Identifier that the Location header names (SOL003).';
COMMENT ON COLUMN vnf_grant.decision_id IS 'Decision behind the grant; its inputs hold the request.';
COMMENT ON COLUMN vnf_grant.client_id IS 'Client that asked; nobody else may read the grant.';
COMMENT ON COLUMN vnf_grant.vnf_instance_id IS 'VNF instance that the grant is for.';
COMMENT ON COLUMN vnf_grant.vnf_lcm_op_occ_id IS 'VNF LCM operation occurrence that the grant is for.';
COMMENT ON COLUMN vnf_grant.policy_epoch IS 'Policy epoch that was in force at commit.';
COMMENT ON COLUMN vnf_grant.granted_at IS 'When it was committed, by the database''s clock.';
COMMENT ON COLUMN vnf_grant.valid_until IS 'Until when it may be used: the end of its reservations, or of the attestation that it rests on.';
COMMENT ON COLUMN vnf_grant.placements IS 'The placements with what the answer says about their hosts.';
COMMENT ON COLUMN vnf_grant.residency_ids IS 'Residencies that the grant reserved.';

CREATE TABLE claim (
    nfvi_pop_id      text NOT NULL,
    scope_id         text NOT NULL,
    separation_group text NOT NULL,
    member           text NOT NULL,
    CONSTRAINT claim_pk PRIMARY KEY (nfvi_pop_id, scope_id, separation_group),
    CONSTRAINT claim_member_uq UNIQUE (nfvi_pop_id, scope_id, separation_group, member)
);
COMMENT ON TABLE claim IS 'Backstop for separations that no active policy waives: all holders of a group within a scope name the same member. A row lives while a residency holds it.';
COMMENT ON COLUMN claim.nfvi_pop_id IS 'NFVI-PoP of the scope.';
COMMENT ON COLUMN claim.scope_id IS 'What is shared: a host, or a kernel of a host.';
COMMENT ON COLUMN claim.separation_group IS 'Which separation.';
COMMENT ON COLUMN claim.member IS 'Who may share the scope: a trust domain, or a constant.';

CREATE TABLE residency_claim (
    nfvi_pop_id      text NOT NULL,
    residency_id     text COLLATE "C" NOT NULL,
    scope_id         text NOT NULL,
    separation_group text NOT NULL,
    member           text NOT NULL,
    CONSTRAINT residency_claim_pk PRIMARY KEY (nfvi_pop_id, residency_id, scope_id, separation_group)
);
-- The first key lets only decided residencies claim, and holds them in place; the second is the backstop: a claim of
-- another member than the scope's has nothing to refer to.
ALTER TABLE residency_claim ADD CONSTRAINT residency_claim_residency_fk
    FOREIGN KEY (nfvi_pop_id, residency_id) REFERENCES residency (nfvi_pop_id, id);
ALTER TABLE residency_claim ADD CONSTRAINT residency_claim_claim_fk
    FOREIGN KEY (nfvi_pop_id, scope_id, separation_group, member) REFERENCES claim (nfvi_pop_id, scope_id, separation_group, member);
CREATE INDEX residency_claim_scope_ix ON residency_claim (nfvi_pop_id, scope_id, separation_group);
COMMENT ON TABLE residency_claim IS 'Which residency holds which claim.';
COMMENT ON COLUMN residency_claim.nfvi_pop_id IS 'NFVI-PoP of the residency.';
COMMENT ON COLUMN residency_claim.residency_id IS 'Residency that claims; imported ones never do.';
COMMENT ON COLUMN residency_claim.scope_id IS 'Scope of the claim.';
COMMENT ON COLUMN residency_claim.separation_group IS 'Separation of the claim.';
COMMENT ON COLUMN residency_claim.member IS 'Member that the residency needs the scope to have.';

CREATE TABLE directive (
    nfvi_pop_id       text        NOT NULL,
    host_id           text COLLATE "C" NOT NULL,
    seq               bigint      NOT NULL,
    kind              text        NOT NULL,
    decision_id       text        NOT NULL,
    grant_id          text        NOT NULL,
    residency_id      text        NOT NULL,
    vim_connection_id text        NOT NULL,
    issued_at         timestamptz NOT NULL,
    body              json        NOT NULL,
    txid              xid8        NOT NULL DEFAULT pg_current_xact_id(),
    feed_id           bigint      GENERATED ALWAYS AS IDENTITY,
    ack_outcome       text,
    ack_detail        text,
    acked_by          text,
    acked_at          timestamptz,
    CONSTRAINT directive_pk PRIMARY KEY (nfvi_pop_id, host_id, seq),
    CONSTRAINT directive_seq_ck CHECK (seq > 0),
    CONSTRAINT directive_kind_ck CHECK (kind IN ('PLACE', 'RELEASE', 'CACHE', 'PURGE', 'SCRUB', 'QUARANTINE', 'UNQUARANTINE')),
    CONSTRAINT directive_workload_ck CHECK ((kind IN ('PLACE', 'RELEASE')) = (residency_id <> '')),
    CONSTRAINT directive_ack_outcome_ck CHECK (ack_outcome IN ('APPLIED', 'FAILED', 'SUPERSEDED')),
    CONSTRAINT directive_acked_ck CHECK (num_nulls(ack_outcome, ack_detail, acked_by, acked_at) IN (0, 4))
);
CREATE INDEX directive_feed_ix ON directive (vim_connection_id, txid, feed_id);
COMMENT ON TABLE directive IS 'Orders to hosts, written in the transaction of their decision, numbered without gaps per host. They outlive the host''s record, whose numbers continue when it is registered anew: no foreign key.';
COMMENT ON COLUMN directive.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN directive.host_id IS 'Host that is told.';
COMMENT ON COLUMN directive.seq IS 'From 1, without gaps per host: the host''s lock orders it.';
COMMENT ON COLUMN directive.kind IS 'What the host is told to do.';
COMMENT ON COLUMN directive.decision_id IS 'Decision behind it; empty when the life cycle of a residency caused it.';
COMMENT ON COLUMN directive.grant_id IS 'Grant behind it, if any.';
COMMENT ON COLUMN directive.residency_id IS 'Residency of a PLACE or RELEASE.';
COMMENT ON COLUMN directive.vim_connection_id IS 'VIM connection of the host when it was issued; a CISM or VIM reads its directives by it.';
COMMENT ON COLUMN directive.issued_at IS 'When, by the database''s clock.';
COMMENT ON COLUMN directive.body IS 'Body of its kind; json keeps the bytes that are signed at delivery stable.';
COMMENT ON COLUMN directive.txid IS 'Transaction that wrote it; the aggregated feed is read as change_feed is. Per host its order is that of seq (host.changed_txid).';
COMMENT ON COLUMN directive.feed_id IS 'Orders the directives of a transaction.';
COMMENT ON COLUMN directive.ack_outcome IS 'What became of it on the host; null until acknowledged.';
COMMENT ON COLUMN directive.ack_detail IS 'What the host said about it.';
COMMENT ON COLUMN directive.acked_by IS 'Client that acknowledged it.';
COMMENT ON COLUMN directive.acked_at IS 'When the acknowledgement arrived, by the database''s clock.';

CREATE TABLE observed_state (
    nfvi_pop_id text        NOT NULL,
    host_id     text COLLATE "C" NOT NULL,
    digest      text        NOT NULL,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT observed_state_pk PRIMARY KEY (nfvi_pop_id, host_id)
);
ALTER TABLE observed_state ADD CONSTRAINT observed_state_host_fk
    FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES host (nfvi_pop_id, id) ON DELETE CASCADE;
COMMENT ON TABLE observed_state IS 'The newest report of each host on itself. What was decided is in residency and is never overwritten by it.';
COMMENT ON COLUMN observed_state.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN observed_state.host_id IS 'Host that reported.';
COMMENT ON COLUMN observed_state.digest IS 'Digest of the report: an equal one is not stored again.';
COMMENT ON COLUMN observed_state.observed_at IS 'When the host looked, by its own clock, but never later than received_at.';
COMMENT ON COLUMN observed_state.received_at IS 'When the report arrived, by the database''s clock.';

CREATE TABLE observed_residency (
    nfvi_pop_id            text    NOT NULL,
    host_id                text COLLATE "C" NOT NULL,
    ordinal                integer NOT NULL,
    residency_id           text    NOT NULL,
    vnf_instance_id        text    NOT NULL,
    component_id           text    NOT NULL,
    resource_definition_id text    NOT NULL,
    vim_resource_id        text    NOT NULL,
    cis_node_id            text    NOT NULL,
    runtime                text    NOT NULL,
    matched_residency_id   text    NOT NULL,
    CONSTRAINT observed_residency_pk PRIMARY KEY (nfvi_pop_id, host_id, ordinal)
);
ALTER TABLE observed_residency ADD CONSTRAINT observed_residency_state_fk
    FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES observed_state (nfvi_pop_id, host_id) ON DELETE CASCADE;
COMMENT ON TABLE observed_residency IS 'Pods and VMs that hosts reported, whether they were decided or not.';
COMMENT ON COLUMN observed_residency.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN observed_residency.host_id IS 'Host that reported.';
COMMENT ON COLUMN observed_residency.ordinal IS 'Place in the report.';
COMMENT ON COLUMN observed_residency.residency_id IS 'Residency that the host named; empty when it knows none.';
COMMENT ON COLUMN observed_residency.vnf_instance_id IS 'VNF instance that the host named.';
COMMENT ON COLUMN observed_residency.component_id IS 'Component that the host named.';
COMMENT ON COLUMN observed_residency.resource_definition_id IS 'Resource definition that the host named.';
COMMENT ON COLUMN observed_residency.vim_resource_id IS 'Identifier of the resource in its VIM or CISM.';
COMMENT ON COLUMN observed_residency.cis_node_id IS 'CIS node that it runs on; empty: the host''s own kernel.';
COMMENT ON COLUMN observed_residency.runtime IS 'Runtime class that it runs with.';
COMMENT ON COLUMN observed_residency.matched_residency_id IS 'Residency that it was taken for when the report was stored; empty: nobody decided it.';

CREATE TABLE observed_cache (
    nfvi_pop_id     text    NOT NULL,
    host_id         text COLLATE "C" NOT NULL,
    ordinal         integer NOT NULL,
    digest          text    NOT NULL,
    mode            text    NOT NULL,
    trust_domain_id text    NOT NULL,
    CONSTRAINT observed_cache_pk PRIMARY KEY (nfvi_pop_id, host_id, ordinal),
    CONSTRAINT observed_cache_mode_ck CHECK (mode IN ('SHARED', 'DOMAIN_PRIVATE', 'ENCRYPTED', 'GUEST_ONLY', 'NO_STORE'))
);
ALTER TABLE observed_cache ADD CONSTRAINT observed_cache_state_fk
    FOREIGN KEY (nfvi_pop_id, host_id) REFERENCES observed_state (nfvi_pop_id, host_id) ON DELETE CASCADE;
COMMENT ON TABLE observed_cache IS 'Artefacts that hosts reported in their caches.';
COMMENT ON COLUMN observed_cache.nfvi_pop_id IS 'NFVI-PoP of the host.';
COMMENT ON COLUMN observed_cache.host_id IS 'Host that reported.';
COMMENT ON COLUMN observed_cache.ordinal IS 'Place in the report.';
COMMENT ON COLUMN observed_cache.digest IS 'Artefact.';
COMMENT ON COLUMN observed_cache.mode IS 'Form in which it lies there.';
COMMENT ON COLUMN observed_cache.trust_domain_id IS 'Trust domain that it lies there for; empty: any.';

CREATE TABLE audit_record (
    nfvi_pop_id text        NOT NULL,
    txid        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL DEFAULT statement_timestamp(),
    actor_id    text        NOT NULL,
    action      text        NOT NULL,
    decision_id text        NOT NULL,
    object_id   text        NOT NULL,
    detail      json        NOT NULL,
    CONSTRAINT audit_record_pk PRIMARY KEY (nfvi_pop_id, txid, id),
    CONSTRAINT audit_record_action_ck CHECK (action <> '')
);
CREATE INDEX audit_record_position_ix ON audit_record (txid, id);
COMMENT ON TABLE audit_record IS 'The audit trail: one row per decision and administrative act, written in its transaction and never changed. A chain over it is kept apart, because rows can be numbered only after they are committed.';
COMMENT ON COLUMN audit_record.nfvi_pop_id IS 'NFVI-PoP of the decision or object; "-" when it has none.';
COMMENT ON COLUMN audit_record.txid IS 'Transaction of the act: who reads below the oldest running one misses none.';
COMMENT ON COLUMN audit_record.id IS 'Orders the records of a transaction.';
COMMENT ON COLUMN audit_record.at IS 'When, by the database''s clock.';
COMMENT ON COLUMN audit_record.actor_id IS 'Client or person who acted.';
COMMENT ON COLUMN audit_record.action IS 'What was done, such as GRANT, REFUSE, RELEASE, IMPORT.';
COMMENT ON COLUMN audit_record.decision_id IS 'Decision that was recorded; empty for other acts.';
COMMENT ON COLUMN audit_record.object_id IS 'Object that was acted on.';
COMMENT ON COLUMN audit_record.detail IS 'Further attributes; json keeps the bytes that a chain hashes.';

-- Every grant updates the rows of its hosts: room on their pages keeps these updates out of the indexes.
ALTER TABLE host SET (fillfactor = 75);
ALTER TABLE host_ext_capacity SET (fillfactor = 75);

-- Rights: as in 0001, and what was decided is only added. Acknowledging writes four columns of a directive.

GRANT SELECT, INSERT, UPDATE ON idempotency, scope_lock TO ringfence_app;
GRANT SELECT, INSERT ON decision, vnf_grant, directive, audit_record TO ringfence_app;
GRANT UPDATE (ack_outcome, ack_detail, acked_by, acked_at) ON directive TO ringfence_app;
GRANT SELECT, INSERT, DELETE ON claim, residency_claim TO ringfence_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON observed_state, observed_residency, observed_cache TO ringfence_app;

COMMIT;
