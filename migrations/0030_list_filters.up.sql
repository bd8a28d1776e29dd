BEGIN;

-- Lists are read in the order of an id, by what operators ask for most.

CREATE INDEX host_id_ix ON host (id);
DROP INDEX host_host_pool_ix;
CREATE INDEX host_host_pool_ix ON host (host_pool_id, id);
DROP INDEX host_resource_zone_ix;
CREATE INDEX host_resource_zone_ix ON host (resource_zone_id, id);
CREATE INDEX host_lifecycle_ix ON host (lifecycle, id);

CREATE INDEX violation_rule_ix ON violation (rule_id, id);
CREATE INDEX violation_host_ix ON violation (host_id, id);
CREATE INDEX violation_standing_ix ON violation (id) WHERE until IS NULL;

CREATE INDEX cache_entry_host_ix ON cache_entry (host_id, digest);

COMMIT;
