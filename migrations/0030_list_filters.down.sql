BEGIN;

DROP INDEX cache_entry_host_ix;

DROP INDEX violation_standing_ix;
DROP INDEX violation_host_ix;
DROP INDEX violation_rule_ix;

DROP INDEX host_lifecycle_ix;
DROP INDEX host_resource_zone_ix;
CREATE INDEX host_resource_zone_ix ON host (resource_zone_id);
DROP INDEX host_host_pool_ix;
CREATE INDEX host_host_pool_ix ON host (host_pool_id);
DROP INDEX host_id_ix;

COMMIT;
