package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// ListHosts returns a page of hosts by id, over all NFVI-PoPs.
func (s *Store) ListHosts(ctx context.Context, p placement.Page) ([]placement.Host, error) {
	const listSQL = `
		SELECT ` + fullHostColumns + `
		FROM host h
		WHERE h.id > $1 AND {filter}
		ORDER BY h.id
		LIMIT $2`
	return listed(ctx, s, hostFromRow, hostAttributes(), p, listSQL, p.After, p.Limit)
}

// GetHost returns a host.
func (s *Store) GetHost(ctx context.Context, id string) (placement.Host, error) {
	return getHost(ctx, s.reads(ctx), id)
}

func getHost(ctx context.Context, q queryer, id string) (placement.Host, error) {
	key, err := hostKey(ctx, q, id)
	if err != nil {
		return placement.Host{}, err
	}
	hosts, err := readHosts(ctx, q, key.NFVIPoPID, []string{id})
	if err == nil && len(hosts) == 0 {
		err = notFound("host", id)
	}
	if err != nil {
		return placement.Host{}, translate(err)
	}
	return hosts[0], nil
}

// PutHost creates or replaces a host; with ifRevision only that revision of it. What verifiers, scrubbers and grants
// have written about the host stays: attestation, scrub records, residue, dedication. A host that its verifier does not
// trust cannot be put into service, and one in quarantine stays in it until it is retired (Conflict).
func (s *Store) PutHost(ctx context.Context, h placement.Host, ifRevision *int64, actor string) (stored placement.Host, created bool, err error) {
	var held *placement.PendingChange
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		present, err := getHost(ctx, tx, h.ID)
		created = placement.KindOf(err) == placement.NotFound
		if err != nil && !created {
			return err
		}
		if err := checkRevision("host", h.ID, ifRevision, present.Revision); err != nil {
			return err
		}
		decides := !created && changesBoundary(&present, &h)
		if err := lockEpochFor(ctx, tx, decides); err != nil {
			return err
		}
		if err := checkReferences(ctx, tx, &placement.Inventory{Hosts: []placement.Host{h}}); err != nil {
			return err
		}
		before := placement.Change{Kind: placement.ChangeHost, ID: h.ID}
		if !created {
			before = hostChange(&present)
		}
		held, err = s.holdOne(ctx, tx, actor, before, hostChange(ownOf(&h)), func(tx pgx.Tx) error {
			_, _, err := applyHosts(ctx, tx, []placement.Host{h}, false)
			return err
		})
		if err != nil || held != nil {
			return err
		}
		changes, _, err := applyHosts(ctx, tx, []placement.Host{h}, false)
		if err != nil {
			return err
		}
		if err := record(ctx, tx, actor, changes, decides); err != nil {
			return err
		}
		if stored, err = getHost(ctx, tx, h.ID); err != nil {
			return err
		}
		return checkQuarantineKept(&h, &stored)
	})
	if err == nil && held != nil {
		return stored, false, &placement.AwaitsApproval{Change: *held}
	}
	return stored, created && err == nil, err
}

// ownOf is what inventory says of a host, without what verifiers, scrubbers and decisions do.
func ownOf(h *placement.Host) *placement.Host {
	own := *h
	own.Attestation, own.AttestedCapabilities, own.DedicatedTo, own.Residue, own.Scrubs = placement.Attestation{}, 0, nil, nil, nil
	return &own
}

// lockEpochFor holds the epoch, exclusively for a change of something that decides.
func lockEpochFor(ctx context.Context, tx pgx.Tx, decides bool) error {
	if decides {
		return lockEpochExclusive(ctx, tx)
	}
	return lockEpoch(ctx, tx)
}

// record appends changes to the feed and to the audit trail, with the next epoch where they decide.
func record(ctx context.Context, tx pgx.Tx, actor string, changes []placement.Change, decides bool) error {
	if len(changes) == 0 {
		return nil
	}
	if decides {
		return recordCatalogue(ctx, tx, actor, changes)
	}
	if err := appendChanges(ctx, tx, changes...); err != nil {
		return err
	}
	return auditChanges(ctx, tx, actor, changes)
}

// changesBoundary tells whether a change of a host changes what the boundaries on it are worth: that moves the epoch.
func changesBoundary(before, after *placement.Host) bool {
	if before.HypervisorClass != after.HypervisorClass {
		return true
	}
	for i := range after.CISNodes {
		n := &after.CISNodes[i]
		if old := before.Node(n.ID); old != nil && (old.HypervisorClass != n.HypervisorClass || old.Form != n.Form || old.ParentID != n.ParentID) {
			return true
		}
	}
	return false
}

// DeleteHost deletes a host without residents; with ifRevision only that revision of it. What lies in its cache goes
// with it; its residue and the evidence about it stay. A host that was given directives cannot be deleted, because
// those are kept: its life cycle ends as RETIRED.
func (s *Store) DeleteHost(ctx context.Context, id string, ifRevision *int64, actor string) error {
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		if err := lockEpoch(ctx, tx); err != nil {
			return err
		}
		key, err := hostKey(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := lockHost(ctx, tx, key); err != nil {
			return err
		}
		present, err := getHost(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := checkRevision("host", id, ifRevision, present.Revision); err != nil {
			return err
		}
		if err := checkEmpty(ctx, tx, key); err != nil {
			return err
		}
		changes, err := removeHost(ctx, tx, key)
		if err != nil {
			return err
		}
		return record(ctx, tx, actor, changes, false)
	})
}

// checkEmpty refuses to delete a host with residents.
func checkEmpty(ctx context.Context, tx pgx.Tx, key placement.HostKey) error {
	const residentsSQL = `
		SELECT 'residency ' || id FROM residency
		WHERE nfvi_pop_id = $1 AND host_id = $2
		ORDER BY id
		LIMIT 6`
	rows, err := tx.Query(ctx, residentsSQL, key.NFVIPoPID, key.HostID)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return errors.Join(err, inUse("host", key.HostID, names))
}

// removeHost deletes a locked host and its cache entries, and returns the changes.
func removeHost(ctx context.Context, tx pgx.Tx, key placement.HostKey) ([]placement.Change, error) {
	const cacheSQL = `DELETE FROM cache_entry WHERE nfvi_pop_id = $1 AND host_id = $2 RETURNING digest`
	rows, err := tx.Query(ctx, cacheSQL, key.NFVIPoPID, key.HostID)
	if err != nil {
		return nil, err
	}
	digests, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var changes []placement.Change
	for _, digest := range digests {
		changes = append(changes, cacheEntryGone(key, digest))
	}
	var b pgx.Batch
	b.Queue(`DELETE FROM cache_order WHERE nfvi_pop_id = $1 AND host_id = $2`, key.NFVIPoPID, key.HostID)
	b.Queue(`DELETE FROM host_ext_capacity WHERE nfvi_pop_id = $1 AND host_id = $2`, key.NFVIPoPID, key.HostID)
	b.Queue(`DELETE FROM host WHERE nfvi_pop_id = $1 AND id = $2`, key.NFVIPoPID, key.HostID)
	b.Queue(`DELETE FROM directory WHERE kind = 'HOST' AND id = $1`, key.HostID)
	changes = append(changes, placement.Change{Kind: placement.ChangeHost, NFVIPoPID: key.NFVIPoPID, ID: key.HostID})
	return changes, tx.SendBatch(ctx, &b).Close()
}
