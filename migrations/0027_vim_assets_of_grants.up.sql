BEGIN;

ALTER TABLE vnf_grant ADD COLUMN vim_assets jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN vnf_grant.vim_assets IS 'What the VIMs call what the VNFD mentions, as it was answered.';

COMMIT;
