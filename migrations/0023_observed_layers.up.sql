BEGIN;

ALTER TABLE observed_cache
    ADD COLUMN image_references text[] NOT NULL DEFAULT '{}',
    ADD COLUMN layer_digests text[] NOT NULL DEFAULT '{}',
    ADD COLUMN layer_diff_ids text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT observed_cache_layers_ck CHECK (cardinality(layer_digests) = cardinality(layer_diff_ids));
COMMENT ON COLUMN observed_cache.image_references IS 'Every name that the artefact has in the store of the host.';
COMMENT ON COLUMN observed_cache.layer_digests IS 'Its layers as they are stored, lowest first; empty: not told.';
COMMENT ON COLUMN observed_cache.layer_diff_ids IS 'For each layer the digest of its content; empty: not told.';

COMMIT;
