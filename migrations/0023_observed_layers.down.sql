BEGIN;

ALTER TABLE observed_cache
    DROP CONSTRAINT observed_cache_layers_ck,
    DROP COLUMN image_references,
    DROP COLUMN layer_digests,
    DROP COLUMN layer_diff_ids;

COMMIT;
