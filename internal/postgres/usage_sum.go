package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// usageSums adds up what residencies r with the runtime classes c use, in the known dimensions.
const usageSums = `
	sum(coalesce((r.resources ->> 'cpuMillis')::bigint, 0) + coalesce((c.overhead ->> 'cpuMillis')::bigint, 0))::bigint AS cpu_millis,
	sum(coalesce((r.resources ->> 'memoryMiB')::bigint, 0) + coalesce((c.overhead ->> 'memoryMiB')::bigint, 0))::bigint AS memory_mib,
	sum(coalesce((r.resources ->> 'ephemeralStorageMiB')::bigint, 0) + coalesce((c.overhead ->> 'ephemeralStorageMiB')::bigint, 0))::bigint AS ephemeral_storage_mib,
	sum(coalesce((r.resources ->> 'hugePages2Mi')::bigint, 0) + coalesce((c.overhead ->> 'hugePages2Mi')::bigint, 0))::bigint AS hugepages_2mi,
	sum(coalesce((r.resources ->> 'hugePages1Gi')::bigint, 0) + coalesce((c.overhead ->> 'hugePages1Gi')::bigint, 0))::bigint AS hugepages_1gi,
	sum(coalesce((r.resources ->> 'sriovVfs')::bigint, 0) + coalesce((c.overhead ->> 'sriovVfs')::bigint, 0))::bigint AS sriov_vfs,
	sum(coalesce((r.resources ->> 'gpus')::bigint, 0) + coalesce((c.overhead ->> 'gpus')::bigint, 0))::bigint AS gpus,
	sum(coalesce((r.resources ->> 'teeGuests')::bigint, 0) + coalesce((c.overhead ->> 'teeGuests')::bigint, 0))::bigint AS tee_guests`

// extUsage lists what residencies use in the operator's own dimensions, as rows of host, dimension and amount.
const extUsage = `
	SELECT r.nfvi_pop_id, r.host_id, e.key AS dimension, sum(e.value::bigint)::bigint AS used
	FROM residency r
	LEFT JOIN runtime_class c ON c.name = r.runtime,
	LATERAL (SELECT key, value FROM jsonb_each_text(r.resources) WHERE key LIKE 'ext.%'
	         UNION ALL
	         SELECT key, value FROM jsonb_each_text(c.overhead) WHERE key LIKE 'ext.%') AS e
	WHERE (r.resources::text LIKE '%"ext.%' OR c.overhead::text LIKE '%"ext.%')`

// recomputeUsage sets what is in use on locked hosts of one NFVI-PoP to the sum of their residencies, and marks the hosts
// as changed by this transaction.
func recomputeUsage(ctx context.Context, tx pgx.Tx, nfviPoPID string, hostIDs []string) error {
	const knownSQL = `
		WITH used AS (
			SELECT r.host_id, ` + usageSums + `
			FROM residency r
			LEFT JOIN runtime_class c ON c.name = r.runtime
			WHERE r.nfvi_pop_id = $1 AND r.host_id = ANY($2)
			GROUP BY r.host_id)
		UPDATE host h SET
			cpu_millis_used = coalesce(u.cpu_millis, 0), memory_mib_used = coalesce(u.memory_mib, 0),
			ephemeral_storage_mib_used = coalesce(u.ephemeral_storage_mib, 0), hugepages_2mi_used = coalesce(u.hugepages_2mi, 0),
			hugepages_1gi_used = coalesce(u.hugepages_1gi, 0), sriov_vfs_used = coalesce(u.sriov_vfs, 0),
			gpus_used = coalesce(u.gpus, 0), tee_guests_used = coalesce(u.tee_guests, 0),
			gen = gen + 1, changed_txid = pg_current_xact_id()
		FROM unnest($2::text[]) AS i (id)
		LEFT JOIN used u ON u.host_id = i.id
		WHERE h.nfvi_pop_id = $1 AND h.id = i.id`
	const clearExtSQL = `UPDATE host_ext_capacity SET used = 0 WHERE nfvi_pop_id = $1 AND host_id = ANY($2) AND used <> 0`
	const extSQL = `
		INSERT INTO host_ext_capacity (nfvi_pop_id, host_id, dimension, used)` + extUsage + ` AND r.nfvi_pop_id = $1 AND r.host_id = ANY($2)
		GROUP BY r.nfvi_pop_id, r.host_id, e.key
		ON CONFLICT (nfvi_pop_id, host_id, dimension) DO UPDATE SET used = excluded.used`
	var b pgx.Batch
	for _, sql := range []string{knownSQL, clearExtSQL, extSQL} {
		b.Queue(sql, nfviPoPID, hostIDs)
	}
	return tx.SendBatch(ctx, &b).Close()
}

// recomputeOverhead recomputes the use of all hosts that run pods of runtime classes whose overhead may have changed.
func recomputeOverhead(ctx context.Context, tx pgx.Tx, classes []placement.RuntimeClass) error {
	const hostsSQL = `SELECT DISTINCT nfvi_pop_id, host_id FROM residency WHERE runtime = ANY($1)`
	names := make([]string, len(classes))
	for i := range classes {
		names[i] = classes[i].Name
	}
	rows, err := tx.Query(ctx, hostsSQL, names)
	if err != nil {
		return err
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[placement.HostKey])
	if err != nil {
		return err
	}
	if _, err := lockHosts(ctx, tx, keys); err != nil {
		return err
	}
	for _, p := range byPoP(keys) {
		if err := recomputeUsage(ctx, tx, p.id, p.hostIDs); err != nil {
			return err
		}
	}
	return nil
}

// CheckUsage compares what is recorded as in use on each host with the sum of its residencies, and returns the
// differences, recorded minus actual: there must be none.
func (s *Store) CheckUsage(ctx context.Context) (map[placement.HostKey]placement.Resources, error) {
	const knownSQL = `
		WITH used AS (
			SELECT r.nfvi_pop_id, r.host_id, ` + usageSums + `
			FROM residency r
			LEFT JOIN runtime_class c ON c.name = r.runtime
			GROUP BY r.nfvi_pop_id, r.host_id)
		SELECT d.nfvi_pop_id, d.id, d.dimension, d.difference
		FROM (SELECT h.nfvi_pop_id, h.id, v.dimension, v.difference
		      FROM host h
		      LEFT JOIN used u ON u.nfvi_pop_id = h.nfvi_pop_id AND u.host_id = h.id,
		      LATERAL (VALUES
		          ('cpuMillis', h.cpu_millis_used - coalesce(u.cpu_millis, 0)), ('memoryMiB', h.memory_mib_used - coalesce(u.memory_mib, 0)),
		          ('ephemeralStorageMiB', h.ephemeral_storage_mib_used - coalesce(u.ephemeral_storage_mib, 0)),
		          ('hugePages2Mi', h.hugepages_2mi_used - coalesce(u.hugepages_2mi, 0)),
		          ('hugePages1Gi', h.hugepages_1gi_used - coalesce(u.hugepages_1gi, 0)), ('sriovVfs', h.sriov_vfs_used - coalesce(u.sriov_vfs, 0)),
		          ('gpus', h.gpus_used - coalesce(u.gpus, 0)), ('teeGuests', h.tee_guests_used - coalesce(u.tee_guests, 0))
		      ) AS v (dimension, difference)
		      UNION ALL
		      SELECT coalesce(e.nfvi_pop_id, u.nfvi_pop_id), coalesce(e.host_id, u.host_id), coalesce(e.dimension, u.dimension),
		             coalesce(e.used, 0) - coalesce(u.used, 0)
		      FROM host_ext_capacity e
		      FULL JOIN (` + extUsage + ` GROUP BY r.nfvi_pop_id, r.host_id, e.key) u
		        ON u.nfvi_pop_id = e.nfvi_pop_id AND u.host_id = e.host_id AND u.dimension = e.dimension) AS d
		WHERE d.difference <> 0`
	rows, err := s.pool.Query(ctx, knownSQL)
	if err != nil {
		return nil, translate(err)
	}
	differences := map[placement.HostKey]placement.Resources{}
	var key placement.HostKey
	var dimension string
	var difference int64
	_, err = pgx.ForEachRow(rows, []any{&key.NFVIPoPID, &key.HostID, &dimension, &difference}, func() error {
		if differences[key] == nil {
			differences[key] = placement.Resources{}
		}
		differences[key][dimension] = difference
		return nil
	})
	return differences, translate(err)
}
