BEGIN;

ALTER TABLE host ADD COLUMN runtime_versions jsonb NOT NULL DEFAULT '{}';
ALTER TABLE host ADD COLUMN accelerations text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN host.runtime_versions IS 'Versions of runtime classes on the host and in its CIS nodes; of several the oldest.';
COMMENT ON COLUMN host.accelerations IS 'Ways to start or to share faster that the host uses.';

COMMIT;
