BEGIN;

ALTER TABLE observed_residency DROP COLUMN images;
DROP TABLE cache_order;
DELETE FROM violation WHERE source <> 'RULES';
DROP INDEX violation_open_ix;
ALTER TABLE violation DROP COLUMN source, DROP COLUMN object;
CREATE UNIQUE INDEX violation_open_ix ON violation (nfvi_pop_id, host_id, residency_id, policy_id, rule_id, against_id) WHERE until IS NULL;

COMMIT;
