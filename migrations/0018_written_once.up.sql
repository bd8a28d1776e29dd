BEGIN;

ALTER TABLE policy ADD COLUMN deleted_versions text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN policy.deleted_versions IS 'Names of versions that were deleted: a version is written once, so that what was read under a name is what that name puts in force.';

COMMIT;
