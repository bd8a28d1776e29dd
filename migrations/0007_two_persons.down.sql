BEGIN;

ALTER TABLE policy
    DROP COLUMN break_glass_by,
    DROP COLUMN break_glass_reason,
    DROP COLUMN break_glass_at,
    DROP COLUMN break_glass_until;

COMMIT;
