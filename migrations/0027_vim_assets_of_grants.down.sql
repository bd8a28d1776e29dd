BEGIN;

ALTER TABLE vnf_grant DROP COLUMN vim_assets;

COMMIT;
