BEGIN;

ALTER TABLE host RESET (fillfactor);
ALTER TABLE host_ext_capacity RESET (fillfactor);
DROP TABLE audit_record;
DROP TABLE observed_cache;
DROP TABLE observed_residency;
DROP TABLE observed_state;
DROP TABLE directive;
DROP TABLE residency_claim;
DROP TABLE claim;
DROP TABLE vnf_grant;
DROP TABLE decision;
DROP TABLE scope_lock;
DROP TABLE idempotency;

COMMIT;
