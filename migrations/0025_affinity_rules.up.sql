BEGIN;

ALTER TABLE vnf_profile ADD COLUMN affinity_rules jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN vnf_profile.affinity_rules IS 'Affinity and anti-affinity rules of the VNFD, held for requests that do not say otherwise themselves.';

COMMIT;
