BEGIN;

ALTER TABLE policy_epoch ADD COLUMN first_activated_at timestamptz;
UPDATE policy_epoch SET first_activated_at = statement_timestamp() WHERE EXISTS (SELECT FROM policy WHERE activated);
COMMENT ON COLUMN policy_epoch.first_activated_at IS 'When a policy was put in force for the first time: from then on security-relevant inventory takes two persons. Null: not yet.';

CREATE TABLE pending_change (
    id                 text COLLATE "C" NOT NULL,
    state              text             NOT NULL DEFAULT 'PENDING',
    proposed_by        text             NOT NULL,
    proposed_at        timestamptz      NOT NULL DEFAULT statement_timestamp(),
    expires_at         timestamptz      NOT NULL,
    reason             text             NOT NULL DEFAULT '',
    changes            jsonb            NOT NULL,
    differences        jsonb            NOT NULL,
    base               jsonb            NOT NULL,
    content_sha256     text             NOT NULL,
    decided_by         text,
    decided_at         timestamptz,
    decision_reason    text             NOT NULL DEFAULT '',
    break_glass_reason text,
    break_glass_until  timestamptz,
    confirmed_by       text,
    revision           bigint           NOT NULL DEFAULT 1,
    CONSTRAINT pending_change_pk PRIMARY KEY (id),
    CONSTRAINT pending_change_state_ck CHECK (state IN ('PENDING', 'APPLIED', 'REJECTED', 'EXPIRED', 'STALE')),
    CONSTRAINT pending_change_decided_at_ck CHECK ((state = 'PENDING') = (decided_at IS NULL)),
    CONSTRAINT pending_change_decided_by_ck CHECK ((state IN ('PENDING', 'EXPIRED')) = (decided_by IS NULL)),
    CONSTRAINT pending_change_break_glass_ck CHECK (num_nulls(break_glass_reason, break_glass_until) IN (0, 2) AND (break_glass_reason IS NULL OR state = 'APPLIED')),
    CONSTRAINT pending_change_two_persons_ck CHECK (state <> 'APPLIED' OR decided_by <> proposed_by OR break_glass_reason IS NOT NULL),
    CONSTRAINT pending_change_confirmed_by_ck CHECK (confirmed_by IS NULL OR break_glass_reason IS NOT NULL AND confirmed_by <> decided_by)
);
CREATE INDEX pending_change_open_ix ON pending_change (expires_at) WHERE state = 'PENDING';
CREATE INDEX pending_change_alone_ix ON pending_change (break_glass_until) WHERE break_glass_until IS NOT NULL AND confirmed_by IS NULL;
COMMENT ON TABLE pending_change IS 'Writes to the inventory that change what security rests on, each proposed by one client and decided by another. What was proposed never changes.';
COMMENT ON COLUMN pending_change.id IS 'Identifier; ascending by time.';
COMMENT ON COLUMN pending_change.state IS 'PENDING, and then for good: APPLIED, REJECTED, EXPIRED (nobody decided in time) or STALE (what it changes was changed meanwhile).';
COMMENT ON COLUMN pending_change.proposed_by IS 'Client who asked for the change.';
COMMENT ON COLUMN pending_change.proposed_at IS 'When.';
COMMENT ON COLUMN pending_change.expires_at IS 'Until when it can be approved.';
COMMENT ON COLUMN pending_change.reason IS 'Why, in the words of who asked; may be empty.';
COMMENT ON COLUMN pending_change.changes IS 'What the write stores: objects as after-images of the change feed; null ones are deleted.';
COMMENT ON COLUMN pending_change.differences IS 'What of that security rests on: object, attribute, before, after.';
COMMENT ON COLUMN pending_change.base IS 'The state of each object when the change was proposed: revision and digest.';
COMMENT ON COLUMN pending_change.content_sha256 IS 'Of what the write stores: the same one asked for again is not proposed twice.';
COMMENT ON COLUMN pending_change.decided_by IS 'Client who applied or rejected it, or found it stale; null: nobody.';
COMMENT ON COLUMN pending_change.decided_at IS 'When it was decided or expired.';
COMMENT ON COLUMN pending_change.decision_reason IS 'Why it was rejected; may be empty.';
COMMENT ON COLUMN pending_change.break_glass_reason IS 'Why the client who asked for it applied it alone; null: another one did.';
COMMENT ON COLUMN pending_change.break_glass_until IS 'By when another client has to confirm that.';
COMMENT ON COLUMN pending_change.confirmed_by IS 'Client who did; null: nobody yet, or nobody has to.';
COMMENT ON COLUMN pending_change.revision IS 'Grows with every change of the state; the ETag.';

GRANT SELECT, INSERT ON pending_change TO ringfence_app;
GRANT UPDATE (state, decided_by, decided_at, decision_reason, break_glass_reason, break_glass_until, confirmed_by, revision) ON pending_change TO ringfence_app;

COMMIT;
