BEGIN;

DROP INDEX directive_unsettled_ix;
CREATE INDEX directive_unsettled_ix ON directive (nfvi_pop_id, host_id, seq) WHERE ack_outcome IS NULL OR ack_outcome = 'FAILED';

COMMIT;
