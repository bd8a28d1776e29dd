package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// Snapshot calls fn with every object of the present state as if it had just changed: first the catalogue, policies and
// epoch, then hosts, residencies and cache entries. It returns where to go on in the change feed, and where state and
// feed agree.
//
// The state is what one database snapshot sees. That is no prefix of the feed: transactions with ids between the
// snapshot's xmin and xmax may or may not be in it, and those that are not may still be running. So the feed is read
// again from the first transaction that could be missing (resume is the end of those before). A row that the state
// contains already is applied a second time, which brings the object back to where it was then, and the rows after
// it, in the order of the changes, to where it is now. Once all rows below xmax are applied (settled is their end), the
// state is exactly the prefix of the feed up to there.
func (s *Store) Snapshot(ctx context.Context, fn func(placement.Change) error) (resume, settled placement.FeedPosition, err error) {
	const boundsSQL = `SELECT pg_snapshot_xmin(pg_current_snapshot()), pg_snapshot_xmax(pg_current_snapshot())`
	err = s.inTx(ctx, readOnly, func(tx pgx.Tx) error {
		var xmin, xmax uint64
		if err := tx.QueryRow(ctx, boundsSQL).Scan(&xmin, &xmax); err != nil {
			return err
		}
		resume, settled = endOf(xmin), endOf(xmax)
		return readState(ctx, tx, fn)
	})
	return resume, settled, err
}

// readState calls fn with every object, in an order in which everything comes before what refers to it.
func readState(ctx context.Context, tx pgx.Tx, fn func(placement.Change) error) error {
	for _, read := range []func() error{
		func() error { return readTable(ctx, tx, trustDomainTable(), fn) },
		func() error { return readTable(ctx, tx, trustRelationTable(), fn) },
		func() error { return readTable(ctx, tx, nfviPoPTable(), fn) },
		func() error { return readTable(ctx, tx, resourceZoneTable(), fn) },
		func() error { return readTable(ctx, tx, hostPoolTable(), fn) },
		func() error { return readTable(ctx, tx, runtimeClassTable(), fn) },
		func() error { return readTable(ctx, tx, imageTable(), fn) },
		func() error { return readTable(ctx, tx, vnfProfileTable(), fn) },
		func() error { return readTable(ctx, tx, standingTable(), fn) },
		func() error { return readPolicyState(ctx, tx, fn) },
		func() error { return eachHost(ctx, tx, func(h *placement.Host) error { return fn(hostChange(h)) }) },
		func() error {
			return eachResidency(ctx, tx, func(r *placement.Residency) error { return fn(residencyChange(r)) })
		},
		func() error {
			return eachCacheEntry(ctx, tx, func(e *placement.CacheEntry) error { return fn(cacheEntryChange(e)) })
		},
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

func readTable[T any](ctx context.Context, q queryer, t *table[T], fn func(placement.Change) error) error {
	list, err := t.all(ctx, q)
	if err != nil {
		return err
	}
	for i := range list {
		c := t.change(&list[i])
		c.Kind, c.ID = t.kind, t.id(&list[i])
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}

// readPolicyState gives the active policies and the epoch.
func readPolicyState(ctx context.Context, tx pgx.Tx, fn func(placement.Change) error) error {
	policies, err := activePolicies(ctx, tx)
	if err != nil {
		return err
	}
	epoch, err := readEpoch(ctx, tx)
	if err != nil {
		return err
	}
	if err := fn(policiesChange(policies)); err != nil {
		return err
	}
	return fn(placement.Change{Kind: placement.ChangePolicyEpoch, ID: epochID, Epoch: epoch})
}

// each runs a query and calls fn with every row, converted, without keeping them.
func each[R, T any](ctx context.Context, q queryer, from func(*R) (T, error), fn func(*T) error, sql string) error {
	rows, err := q.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := pgx.RowToStructByName[R](rows)
		if err != nil {
			return err
		}
		t, err := from(&r)
		if err != nil {
			return err
		}
		if err := fn(&t); err != nil {
			return err
		}
	}
	return rows.Err()
}

func eachHost(ctx context.Context, q queryer, fn func(*placement.Host) error) error {
	const hostsSQL = `SELECT ` + fullHostColumns + ` FROM host h ORDER BY h.nfvi_pop_id, h.id`
	return each(ctx, q, hostFromRow, fn, hostsSQL)
}

func eachCacheEntry(ctx context.Context, q queryer, fn func(*placement.CacheEntry) error) error {
	const entriesSQL = `SELECT ` + cacheEntryColumns + ` FROM cache_entry ORDER BY nfvi_pop_id, host_id, digest`
	return each(ctx, q, cacheEntryFromRow, fn, entriesSQL)
}

// Export returns the whole inventory as it is at one moment.
func (s *Store) Export(ctx context.Context) (doc placement.Inventory, err error) {
	err = s.inTx(ctx, readOnly, func(tx pgx.Tx) error {
		doc = placement.Inventory{}
		return readState(ctx, tx, func(c placement.Change) error {
			addToDocument(&doc, &c)
			return nil
		})
	})
	return doc, err
}

// addToDocument adds an object to its list; policies and the epoch are no part of a document.
func addToDocument(doc *placement.Inventory, c *placement.Change) {
	switch {
	case c.TrustDomain != nil:
		doc.TrustDomains = append(doc.TrustDomains, *c.TrustDomain)
	case c.TrustRelation != nil:
		doc.TrustRelations = append(doc.TrustRelations, *c.TrustRelation)
	case c.NFVIPoP != nil:
		doc.NFVIPoPs = append(doc.NFVIPoPs, *c.NFVIPoP)
	case c.ResourceZone != nil:
		doc.ResourceZones = append(doc.ResourceZones, *c.ResourceZone)
	case c.HostPool != nil:
		doc.HostPools = append(doc.HostPools, *c.HostPool)
	case c.RuntimeClass != nil:
		doc.RuntimeClasses = append(doc.RuntimeClasses, *c.RuntimeClass)
	case c.Image != nil:
		doc.Images = append(doc.Images, *c.Image)
	case c.VNFProfile != nil:
		doc.VNFProfiles = append(doc.VNFProfiles, *c.VNFProfile)
	case c.Host != nil:
		doc.Hosts = append(doc.Hosts, *c.Host)
	case c.Residency != nil:
		doc.Residencies = append(doc.Residencies, *c.Residency)
	case c.CacheEntry != nil:
		doc.CacheEntries = append(doc.CacheEntries, *c.CacheEntry)
	}
}

// Clock returns the database's time.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	err = s.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now.UTC(), translate(err)
}
