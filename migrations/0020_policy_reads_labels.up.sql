BEGIN;

ALTER TABLE policy_version ADD COLUMN host_labels text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN policy_version.host_labels IS 'Keys of the labels of hosts that its rules read: they change with a second person.';

COMMIT;
