package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

type cacheEntryRow struct {
	NFVIPoPID     string    `db:"nfvi_pop_id"`
	HostID        string    `db:"host_id"`
	Digest        string    `db:"digest"`
	Mode          string    `db:"mode"`
	TrustDomainID string    `db:"trust_domain_id"`
	ObservedAt    time.Time `db:"observed_at"`
	Revision      int64     `db:"revision"`
}

const cacheEntryColumns = `nfvi_pop_id, host_id, digest, mode, trust_domain_id, observed_at, revision`

func cacheEntryFromRow(r *cacheEntryRow) (placement.CacheEntry, error) {
	mode, err := placement.ParseCacheMode(r.Mode)
	return placement.CacheEntry{
		NFVIPoPID: r.NFVIPoPID, HostID: r.HostID, Digest: r.Digest, Mode: mode, TrustDomainID: r.TrustDomainID,
		ObservedAt: r.ObservedAt.UTC(), Revision: r.Revision,
	}, err
}

func cacheEntryAttributes() attributes {
	return attributes{
		"hostId": hostID("host_id"), "digest": text("digest"), "mode": enum("mode"), "trustDomainId": text("trust_domain_id"),
		"observedAt": dateTime("observed_at"),
	}
}

// cacheEntryChange is the change of a cache entry to its present state.
func cacheEntryChange(e *placement.CacheEntry) placement.Change {
	return placement.Change{Kind: placement.ChangeCacheEntry, NFVIPoPID: e.NFVIPoPID, ID: cacheEntryID(e.HostID, e.Digest), CacheEntry: e}
}

// cacheEntryGone says that an artefact is in a host's cache no longer.
func cacheEntryGone(key placement.HostKey, digest string) placement.Change {
	return placement.Change{Kind: placement.ChangeCacheEntry, NFVIPoPID: key.NFVIPoPID, ID: cacheEntryID(key.HostID, digest)}
}

// ListCacheEntries returns a page of cache entries by host and digest. The page's key is "hostId/digest".
func (s *Store) ListCacheEntries(ctx context.Context, p placement.Page) ([]placement.CacheEntry, error) {
	const listSQL = `
		SELECT ` + cacheEntryColumns + `
		FROM cache_entry
		WHERE (host_id, digest) > ($1, $2) AND {filter}
		ORDER BY host_id, digest
		LIMIT $3`
	host, digest := splitCacheEntryID(p.After)
	return listed(ctx, s, cacheEntryFromRow, cacheEntryAttributes(), p, listSQL, host, digest, p.Limit)
}

// GetCacheEntry returns what a host's cache holds of an artefact.
func (s *Store) GetCacheEntry(ctx context.Context, hostID, digest string) (placement.CacheEntry, error) {
	return getCacheEntry(ctx, s.reads(ctx), hostID, digest)
}

func getCacheEntry(ctx context.Context, q queryer, hostID, digest string) (placement.CacheEntry, error) {
	key, err := hostKey(ctx, q, hostID)
	if err != nil {
		return placement.CacheEntry{}, err
	}
	stored, err := readCacheEntries(ctx, q, []placement.CacheEntry{{NFVIPoPID: key.NFVIPoPID, HostID: hostID, Digest: digest}})
	if err == nil && len(stored) == 0 {
		err = notFound("cache entry", cacheEntryID(hostID, digest))
	}
	if err != nil {
		return placement.CacheEntry{}, translate(err)
	}
	return stored[0], nil
}

// PutCacheEntry creates or replaces a cache entry; with ifRevision only that revision of it.
func (s *Store) PutCacheEntry(ctx context.Context, e placement.CacheEntry, ifRevision *int64, actor string) (out placement.CacheEntry, created bool, err error) {
	err = s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		if err := lockEpoch(ctx, tx); err != nil {
			return err
		}
		doc := placement.Inventory{CacheEntries: []placement.CacheEntry{e}}
		if err := checkReferences(ctx, tx, &doc); err != nil {
			return err
		}
		present, err := getCacheEntry(ctx, tx, e.HostID, e.Digest)
		created = placement.KindOf(err) == placement.NotFound
		if err != nil && !created {
			return err
		}
		if err := checkRevision("cache entry", cacheEntryID(e.HostID, e.Digest), ifRevision, present.Revision); err != nil {
			return err
		}
		changes, _, err := applyCacheEntries(ctx, tx, doc.CacheEntries)
		if err != nil {
			return err
		}
		if err := record(ctx, tx, actor, changes, false); err != nil {
			return err
		}
		out, err = getCacheEntry(ctx, tx, e.HostID, e.Digest)
		return err
	})
	return out, created && err == nil, err
}

// DeleteCacheEntry deletes a cache entry; with ifRevision only that revision of it.
func (s *Store) DeleteCacheEntry(ctx context.Context, hostID, digest string, ifRevision *int64, actor string) error {
	const deleteSQL = `DELETE FROM cache_entry WHERE nfvi_pop_id = $1 AND host_id = $2 AND digest = $3`
	return s.inTx(ctx, readWrite, func(tx pgx.Tx) error {
		if err := lockInventory(ctx, tx); err != nil {
			return err
		}
		key, err := hostKey(ctx, tx, hostID)
		if err != nil {
			return err
		}
		if err := lockHost(ctx, tx, key); err != nil {
			return err
		}
		present, err := getCacheEntry(ctx, tx, hostID, digest)
		if err != nil {
			return err
		}
		if err := checkRevision("cache entry", cacheEntryID(hostID, digest), ifRevision, present.Revision); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteSQL, key.NFVIPoPID, key.HostID, digest); err != nil {
			return err
		}
		if err := touchHosts(ctx, tx, []placement.HostKey{key}); err != nil {
			return err
		}
		return record(ctx, tx, actor, []placement.Change{cacheEntryGone(key, digest)}, false)
	})
}

// applyCacheEntries stores cache entries, which hold no two of the same host and digest, and returns the changes that
// this made.
func applyCacheEntries(ctx context.Context, tx pgx.Tx, entries []placement.CacheEntry) ([]placement.Change, tally, error) {
	keys := make([]placement.HostKey, len(entries))
	for i := range entries {
		keys[i] = placement.HostKey{NFVIPoPID: entries[i].NFVIPoPID, HostID: entries[i].HostID}
	}
	if err := lockExisting(ctx, tx, keys); err != nil {
		return nil, tally{}, err
	}
	present, err := readCacheEntries(ctx, tx, entries)
	if err != nil {
		return nil, tally{}, err
	}
	changed, count := changedCacheEntries(present, entries)
	if len(changed) == 0 {
		return nil, count, nil
	}
	if err := upsertCacheEntries(ctx, tx, changed); err != nil {
		return nil, count, err
	}
	if err := touchHosts(ctx, tx, keys); err != nil {
		return nil, count, err
	}
	if changed, err = readCacheEntries(ctx, tx, changed); err != nil {
		return nil, count, err
	}
	changes := make([]placement.Change, len(changed))
	for i := range changed {
		changes[i] = cacheEntryChange(&changed[i])
	}
	return changes, count, nil
}

// changedCacheEntries are the entries that are not stored just so, with the revisions that they get.
func changedCacheEntries(present, entries []placement.CacheEntry) ([]placement.CacheEntry, tally) {
	old := make(map[string]*placement.CacheEntry, len(present))
	for i := range present {
		old[cacheEntryID(present[i].HostID, present[i].Digest)] = &present[i]
	}
	var count tally
	var changed []placement.CacheEntry
	for _, e := range entries {
		e.ObservedAt = stored(e.ObservedAt)
		o := old[cacheEntryID(e.HostID, e.Digest)]
		if o == nil {
			e.Revision = 1
			count.Created++
			changed = append(changed, e)
			continue
		}
		e.Revision = o.Revision
		if e.ObservedAt.IsZero() && o.Mode == e.Mode && o.TrustDomainID == e.TrustDomainID {
			e.ObservedAt = o.ObservedAt
		}
		if *o == e {
			count.Unchanged++
			continue
		}
		e.Revision++
		count.Updated++
		changed = append(changed, e)
	}
	return changed, count
}

func upsertCacheEntries(ctx context.Context, tx pgx.Tx, entries []placement.CacheEntry) error {
	const upsertSQL = `
		INSERT INTO cache_entry (nfvi_pop_id, host_id, digest, mode, trust_domain_id, observed_at, revision)
		SELECT e.nfvi_pop_id, e.host_id, e.digest, e.mode, e.trust_domain_id, coalesce(e.observed_at, statement_timestamp()), e.revision
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[])
		  AS e (nfvi_pop_id, host_id, digest, mode, trust_domain_id, observed_at, revision)
		ON CONFLICT (nfvi_pop_id, host_id, digest) DO UPDATE SET
			mode = excluded.mode, trust_domain_id = excluded.trust_domain_id, observed_at = excluded.observed_at, revision = excluded.revision`
	var c cacheEntryArrays
	for i := range entries {
		c.add(&entries[i])
	}
	_, err := tx.Exec(ctx, upsertSQL, c.pops, c.hosts, c.digests, c.modes, c.domains, c.observed, c.revisions)
	return err
}

// cacheEntryArrays are cache entries by column.
type cacheEntryArrays struct {
	pops, hosts, digests, modes, domains []string
	observed                             []*time.Time
	revisions                            []int64
}

func (c *cacheEntryArrays) add(e *placement.CacheEntry) {
	c.pops, c.hosts, c.digests = append(c.pops, e.NFVIPoPID), append(c.hosts, e.HostID), append(c.digests, e.Digest)
	c.modes, c.domains = append(c.modes, e.Mode.String()), append(c.domains, e.TrustDomainID)
	c.observed, c.revisions = append(c.observed, zeroToNull(e.ObservedAt)), append(c.revisions, e.Revision)
}

// readCacheEntries reads the stored forms of entries, ascending by key; those that are not stored are missing.
func readCacheEntries(ctx context.Context, q queryer, entries []placement.CacheEntry) ([]placement.CacheEntry, error) {
	const readSQL = `
		SELECT ` + cacheEntryColumns + `
		FROM cache_entry
		WHERE (nfvi_pop_id, host_id, digest) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))`
	var c cacheEntryArrays
	for i := range entries {
		c.add(&entries[i])
	}
	list, err := collect(ctx, q, cacheEntryFromRow, readSQL, c.pops, c.hosts, c.digests)
	slices.SortFunc(list, func(a, b placement.CacheEntry) int {
		return cmp.Or(cmp.Compare(a.NFVIPoPID, b.NFVIPoPID), cmp.Compare(a.HostID, b.HostID), cmp.Compare(a.Digest, b.Digest))
	})
	return list, err
}
