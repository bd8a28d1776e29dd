BEGIN;

REVOKE DELETE ON violation FROM ringfence_app;

DROP INDEX violation_until_ix;
DROP INDEX violation_eviction_ordered_ix;
DROP INDEX violation_eviction_ix;
ALTER TABLE violation
    DROP COLUMN eviction_done_at,
    DROP COLUMN eviction_ordered_at,
    DROP COLUMN eviction,
    DROP COLUMN enforcement;

COMMIT;
