BEGIN;

DROP TABLE vnf_lcm_operation;

COMMIT;
