BEGIN;

ALTER TABLE policy
    ADD COLUMN break_glass_by     text,
    ADD COLUMN break_glass_reason text,
    ADD COLUMN break_glass_at     timestamptz,
    ADD COLUMN break_glass_until  timestamptz,
    ADD CONSTRAINT policy_break_glass_ck CHECK (num_nulls(break_glass_by, break_glass_reason, break_glass_at, break_glass_until) IN (0, 4)),
    ADD CONSTRAINT policy_break_glass_activated_ck CHECK (break_glass_by IS NULL OR activated);
COMMENT ON COLUMN policy.break_glass_by IS 'Who put the selected version in force without a second person; null: two persons did, or one confirmed it.';
COMMENT ON COLUMN policy.break_glass_reason IS 'Why.';
COMMENT ON COLUMN policy.break_glass_at IS 'When.';
COMMENT ON COLUMN policy.break_glass_until IS 'By when a second person has to confirm it.';

COMMIT;
