BEGIN;

COMMENT ON COLUMN scope_lock.id IS 'What is locked: JSON array of an NF instance, and of a component where only that is.';

COMMIT;
