BEGIN;

DROP TABLE vnf_package_chunk;
DROP TABLE vnf_package;

COMMIT;
