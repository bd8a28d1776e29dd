BEGIN;

ALTER TABLE vnf_profile DROP COLUMN deployment_flavours;
ALTER TABLE vnf_profile DROP COLUMN deployable_modules;
ALTER TABLE vnf_profile DROP COLUMN vim_assets;

COMMIT;
