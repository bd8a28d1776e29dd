BEGIN;

REVOKE SELECT (vnf_instance_id, client_id) ON vnf_instance_params FROM ringfence_caller;
DROP POLICY caller ON vnf_instance_params;
DROP POLICY service ON vnf_instance_params;
ALTER TABLE vnf_instance_params DISABLE ROW LEVEL SECURITY;
REVOKE SELECT (host_id, kind, ack_outcome, vim_connection_id) ON directive FROM ringfence_caller;
DROP POLICY caller ON directive;
DROP POLICY service ON directive;
ALTER TABLE directive DISABLE ROW LEVEL SECURITY;

ALTER TABLE directive_follower DROP COLUMN heard_at;
COMMENT ON COLUMN observed_state.received_at IS 'When the report arrived, by the database''s clock.';

DROP INDEX host_told_ix;
ALTER TABLE host DROP COLUMN told_enforcement;

DROP INDEX directive_recorded_ix;
ALTER TABLE directive DROP COLUMN enforcement;
DROP DOMAIN directive_enforcement;
-- The version before knows neither: a switch that was told becomes the lifting of a quarantine that never was, and what was only
-- recorded is open again.
UPDATE directive SET kind = 'UNQUARANTINE' WHERE kind = 'ENFORCEMENT';
UPDATE directive SET ack_outcome = NULL, ack_detail = NULL, acked_by = NULL, acked_at = NULL WHERE ack_outcome = 'RECORDED';
ALTER DOMAIN ack_outcome DROP CONSTRAINT ack_outcome_ck;
ALTER DOMAIN ack_outcome ADD CONSTRAINT ack_outcome_ck CHECK (VALUE IN ('APPLIED', 'FAILED', 'SUPERSEDED'));
ALTER DOMAIN directive_kind DROP CONSTRAINT directive_kind_ck;
ALTER DOMAIN directive_kind ADD CONSTRAINT directive_kind_ck
    CHECK (VALUE IN ('PLACE', 'RELEASE', 'CACHE', 'PURGE', 'SCRUB', 'QUARANTINE', 'UNQUARANTINE'));

ALTER TABLE idempotency DROP COLUMN observed_grant_id;

DROP INDEX decision_observed_ix;
ALTER TABLE decision DROP COLUMN refused_by, DROP COLUMN enforcement;

DROP TABLE enforcement_mode;
DROP DOMAIN enforcement_mode_name;

COMMIT;
