package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// tally counts what became of the entries of one list.
type tally = placement.ImportCount

// applyHosts stores hosts, which hold no two of the same id, and returns the changes that this made. Facts are what the
// inventory does not own: attestation, residue and dedication. Without facts what is stored of them stays.
func applyHosts(ctx context.Context, tx pgx.Tx, hosts []placement.Host, facts bool) ([]placement.Change, tally, error) {
	var count tally
	stored, err := lockStoredHosts(ctx, tx, hosts)
	if err != nil {
		return nil, count, err
	}
	if err := checkNodesKept(ctx, tx, hosts, stored); err != nil {
		return nil, count, err
	}
	if err := checkNodesFree(ctx, tx, hosts, stored); err != nil {
		return nil, count, err
	}
	standing, err := standingQuarantines(ctx, tx, stored, hosts)
	if err != nil {
		return nil, count, err
	}
	var created, updated []placement.Host
	for _, h := range hosts {
		old := stored[h.ID]
		if old != nil && old.NFVIPoPID != h.NFVIPoPID {
			return nil, count, placement.Errorf(placement.Conflict, "the host %q is in NFVI-PoP %q and cannot move to %q: delete it there first", h.ID, old.NFVIPoPID, h.NFVIPoPID)
		}
		next := mergeHost(old, h, facts)
		if reason, stands := standing[h.ID]; stands {
			keepQuarantined(&next, reason)
		}
		switch {
		case old == nil:
			created = append(created, next)
		case same(hostChange(old), hostChange(&next)):
			count.Unchanged++
		default:
			next.Revision++
			updated = append(updated, next)
		}
	}
	count.Created, count.Updated = len(created), len(updated)
	if err := insertHosts(ctx, tx, created); err != nil {
		return nil, count, err
	}
	if err := updateHosts(ctx, tx, updated); err != nil {
		return nil, count, err
	}
	written := slices.Concat(created, updated)
	if err := writeHostDetails(ctx, tx, written, facts); err != nil {
		return nil, count, err
	}
	if err := tellQuarantines(ctx, tx, quarantinesOf(written, standing)...); err != nil {
		return nil, count, err
	}
	changes, err := hostChanges(ctx, tx, written)
	return changes, count, err
}

// lockStoredHosts locks those of the hosts that exist, then reads them.
func lockStoredHosts(ctx context.Context, tx pgx.Tx, hosts []placement.Host) (map[string]*placement.Host, error) {
	ids := make([]string, len(hosts))
	for i := range hosts {
		ids[i] = hosts[i].ID
	}
	found, err := hostKeys(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	keys := make([]placement.HostKey, 0, len(found))
	for _, k := range found {
		keys = append(keys, k)
	}
	if _, err := lockHosts(ctx, tx, keys); err != nil {
		return nil, err
	}
	stored := make(map[string]*placement.Host, len(keys))
	for _, p := range byPoP(keys) {
		list, err := readHosts(ctx, tx, p.id, p.hostIDs)
		if err != nil {
			return nil, err
		}
		for i := range list {
			stored[list[i].ID] = &list[i]
		}
	}
	return stored, nil
}

// mergeHost makes the record to be stored of what inventory says and what is stored; old is nil for a new host.
func mergeHost(old *placement.Host, h placement.Host, facts bool) placement.Host {
	h.HypervisorClass = cmp.Or(h.HypervisorClass, placement.HypervisorNone)
	h.Lifecycle = cmp.Or(h.Lifecycle, placement.LifecycleRegistered)
	h.Runtimes = slices.Compact(slices.Sorted(slices.Values(h.Runtimes)))
	h.CISNodes = slices.SortedFunc(slices.Values(h.CISNodes), func(a, b placement.CISNode) int { return cmp.Compare(a.ID, b.ID) })
	keep := placement.Host{Revision: 1}
	if old != nil {
		keep = *old
	}
	h.Revision, h.Scrubs = keep.Revision, keep.Scrubs
	if !facts || h.Attestation.State == "" {
		h.Attestation, h.AttestedCapabilities = keep.Attestation, keep.AttestedCapabilities
		if old != nil && old.Lifecycle != placement.LifecycleInService {
			keepOut(&h)
		}
	}
	if !facts || h.DedicatedTo == nil {
		h.DedicatedTo = keep.DedicatedTo
	}
	if !facts {
		h.Residue = nil
	}
	h.Residue = mergeResidue(keep.Residue, h.Residue)
	h.AttestedCapabilities &= h.Capabilities
	h.Attestation.State = cmp.Or(h.Attestation.State, placement.AttestationUnknown)
	h.Attestation.AttestedAt, h.Attestation.ValidUntil = stored(h.Attestation.AttestedAt), stored(h.Attestation.ValidUntil)
	return h
}

// keepOut quarantines a host that is to come into service and whose newest verdict, which is stored, does not trust it:
// whatever inventory says, only a verifier brings it back.
func keepOut(h *placement.Host) {
	if distrusted(h) && h.Lifecycle == placement.LifecycleInService {
		h.Lifecycle, h.LifecycleReason = placement.LifecycleQuarantined, quarantinedByAttestation
	}
}

// mergeResidue adds what a document says was left to what is stored. What stands in both stays as it is stored.
func mergeResidue(kept, given []placement.Residue) []placement.Residue {
	merged := slices.Clone(kept)
	for _, r := range given {
		r.BelowVM = true // imported residue counts as such
		i := slices.IndexFunc(merged, func(k placement.Residue) bool {
			return k.TrustDomainID == r.TrustDomainID && k.NFInstance == r.NFInstance
		})
		if i < 0 {
			merged = append(merged, r)
		}
	}
	return merged
}

// insertHosts writes new hosts and their places in the directory.
func insertHosts(ctx context.Context, tx pgx.Tx, hosts []placement.Host) error {
	if len(hosts) == 0 {
		return nil
	}
	err := insertRows(ctx, tx, "directory", []string{"kind", "id", "nfvi_pop_id"}, len(hosts), func(i int) ([]any, error) {
		return []any{directoryHost, hosts[i].ID, hosts[i].NFVIPoPID}, nil
	})
	if err != nil {
		return err
	}
	return insertRows(ctx, tx, "host", columnNames(hostColumns), len(hosts), func(i int) ([]any, error) {
		r := hostToRow(&hosts[i])
		return r.values(), nil
	})
}

// updateHosts replaces the records of locked hosts.
func updateHosts(ctx context.Context, tx pgx.Tx, hosts []placement.Host) error {
	const updateSQL = `
		UPDATE host SET
			host_pool_id = @host_pool_id, resource_zone_id = @resource_zone_id, rack_id = @rack_id, country = @country,
			physically_secure = @physically_secure, exposed_edge = @exposed_edge, third_party_hosted = @third_party_hosted,
			hypervisor_class = @hypervisor_class, runtimes = @runtimes, runtime_versions = @runtime_versions,
			accelerations = @accelerations, capabilities = @capabilities,
			attested_capabilities = @attested_capabilities, labels = @labels, cis_nodes = @cis_nodes,
			vim_connection_id = @vim_connection_id, vim_zone_id = @vim_zone_id, lifecycle = @lifecycle, lifecycle_reason = @lifecycle_reason,
			dedicated_identity = @dedicated_identity, dedicated_id = @dedicated_id, attestation_state = @attestation_state,
			attestation_verifier = @attestation_verifier, attestation_evidence_digest = @attestation_evidence_digest,
			attested_at = @attested_at, attestation_valid_until = @attestation_valid_until, location = @location,
			cpu_millis_total = @cpu_millis_total, memory_mib_total = @memory_mib_total,
			ephemeral_storage_mib_total = @ephemeral_storage_mib_total, hugepages_2mi_total = @hugepages_2mi_total,
			hugepages_1gi_total = @hugepages_1gi_total, sriov_vfs_total = @sriov_vfs_total, gpus_total = @gpus_total,
			tee_guests_total = @tee_guests_total, revision = @revision, gen = gen + 1, changed_txid = pg_current_xact_id()
		WHERE nfvi_pop_id = @nfvi_pop_id AND id = @id`
	var b pgx.Batch
	for i := range hosts {
		b.Queue(updateSQL, pgx.StrictStructArgs(hostToRow(&hosts[i])))
	}
	return tx.SendBatch(ctx, &b).Close()
}

// writeHostDetails writes what other tables hold of hosts.
func writeHostDetails(ctx context.Context, tx pgx.Tx, hosts []placement.Host, facts bool) error {
	const clearSQL = `UPDATE host_ext_capacity SET total = 0 WHERE nfvi_pop_id = $1 AND host_id = $2 AND total <> 0 AND dimension <> ALL($3)`
	const extSQL = `
		INSERT INTO host_ext_capacity (nfvi_pop_id, host_id, dimension, total) VALUES ($1, $2, $3, $4)
		ON CONFLICT (nfvi_pop_id, host_id, dimension) DO UPDATE SET total = excluded.total`
	var b pgx.Batch
	for i := range hosts {
		h := &hosts[i]
		key := placement.HostKey{NFVIPoPID: h.NFVIPoPID, HostID: h.ID}
		ext := extDimensions(h.Capacity)
		if h.Revision > 1 {
			b.Queue(clearSQL, key.NFVIPoPID, key.HostID, notNil(ext))
		}
		for _, dimension := range ext {
			b.Queue(extSQL, key.NFVIPoPID, key.HostID, dimension, h.Capacity[dimension])
		}
		if facts {
			queueResidue(&b, key, h.Residue...)
		}
	}
	return tx.SendBatch(ctx, &b).Close()
}

// hostChanges reads hosts as they are now, in the order of their keys.
func hostChanges(ctx context.Context, tx pgx.Tx, hosts []placement.Host) ([]placement.Change, error) {
	keys := make([]placement.HostKey, len(hosts))
	for i := range hosts {
		keys[i] = placement.HostKey{NFVIPoPID: hosts[i].NFVIPoPID, HostID: hosts[i].ID}
	}
	var changes []placement.Change
	for _, p := range byPoP(keys) {
		list, err := readHosts(ctx, tx, p.id, p.hostIDs)
		if err != nil {
			return nil, err
		}
		for i := range list {
			changes = append(changes, hostChange(&list[i]))
		}
	}
	return changes, nil
}
