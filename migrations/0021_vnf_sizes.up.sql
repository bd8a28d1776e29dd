BEGIN;

ALTER TABLE vnf_profile ADD COLUMN deployment_flavours jsonb NOT NULL DEFAULT '[]';
ALTER TABLE vnf_profile ADD COLUMN deployable_modules  jsonb NOT NULL DEFAULT '[]';
ALTER TABLE vnf_profile ADD COLUMN vim_assets          jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN vnf_profile.deployment_flavours IS 'Sizes of its deployment flavours: initial delta, scaling aspects, instantiation levels.';
COMMENT ON COLUMN vnf_profile.deployable_modules IS 'Parts of the VNF that may be chosen or left out.';
COMMENT ON COLUMN vnf_profile.vim_assets IS 'What the VIMs call what the VNFD mentions: flavours, images, storage classes.';

COMMIT;
