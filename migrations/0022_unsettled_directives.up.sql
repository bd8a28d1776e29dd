-- Nobody is late with a PLACE: it is a right. Without those the index holds hardly anything while all is well.
BEGIN;

DROP INDEX directive_unsettled_ix;
CREATE INDEX directive_unsettled_ix ON directive (nfvi_pop_id, host_id, seq) WHERE ack_outcome = 'FAILED' OR ack_outcome IS NULL AND kind <> 'PLACE';

COMMIT;
