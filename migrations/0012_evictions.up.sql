BEGIN;

ALTER TABLE violation
    ADD COLUMN enforcement         text NOT NULL DEFAULT 'ENFORCED',
    ADD COLUMN eviction            text NOT NULL DEFAULT 'NONE',
    ADD COLUMN eviction_ordered_at timestamptz,
    ADD COLUMN eviction_done_at    timestamptz,
    ADD CONSTRAINT violation_enforcement_ck CHECK (enforcement IN ('ENFORCED', 'SHOULD', 'AUDIT')),
    ADD CONSTRAINT violation_eviction_ck CHECK (eviction IN ('NONE', 'PENDING', 'ORDERED', 'DONE'));
CREATE INDEX violation_eviction_ix ON violation (eviction, nfvi_pop_id, host_id) WHERE eviction IN ('PENDING', 'ORDERED');
CREATE INDEX violation_eviction_ordered_ix ON violation (eviction_ordered_at) WHERE eviction_ordered_at IS NOT NULL;
CREATE INDEX violation_until_ix ON violation (until) WHERE until IS NOT NULL;
COMMENT ON COLUMN violation.enforcement IS 'What the rule does with what does not meet it: ENFORCED refuses, SHOULD warns, AUDIT records.';
COMMENT ON COLUMN violation.eviction IS 'What becomes of the residency because of it: NONE, PENDING until its turn comes, ORDERED when its host was told to release it, DONE when it was observed gone after that.';
COMMENT ON COLUMN violation.eviction_ordered_at IS 'When its host was told to release the residency; null: it was not.';
COMMENT ON COLUMN violation.eviction_done_at IS 'When the residency was observed gone after that; null: it was not.';

GRANT DELETE ON violation TO ringfence_app;

COMMIT;
