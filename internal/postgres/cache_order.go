package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// orderKey is an artefact of a trust domain on a host.
type orderKey struct{ digest, trustDomainID string }

// orderOf is what a CACHE directive orders. What lies there for everybody belongs to nobody.
func orderOf(c *placement.CacheDirective) orderKey {
	if c.Mode == placement.CacheShared || len(c.VisibleToTrustDomainIDs) == 0 {
		return orderKey{digest: c.Digest}
	}
	return orderKey{c.Digest, c.VisibleToTrustDomainIDs[0]}
}

// cacheOrders is what directives to one host, in their order, make of what it was told before.
type cacheOrders struct {
	all     bool            // everything was purged
	digests map[string]bool // of which nothing that was told before counts
	domains map[string]bool
	open    map[string]bool // of which it no longer counts that they may lie there for everybody
	told    map[orderKey]placement.CacheMode
}

func (o *cacheOrders) add(d *placement.Directive) {
	switch {
	case d.Cache != nil:
		key := orderOf(d.Cache)
		if o.told[key] = d.Cache.Mode; key.trustDomainID != "" {
			o.open[key.digest] = true
			delete(o.told, orderKey{digest: key.digest})
		}
	case d.Purge != nil:
		o.all = o.all || d.Purge.All
		for _, digest := range d.Purge.Digests {
			o.digests[digest] = true
		}
		if d.Purge.TrustDomainID != "" {
			o.domains[d.Purge.TrustDomainID] = true
		}
		maps.DeleteFunc(o.told, func(key orderKey, _ placement.CacheMode) bool {
			return d.Purge.All || slices.Contains(d.Purge.Digests, key.digest) || key.trustDomainID != "" && key.trustDomainID == d.Purge.TrustDomainID
		})
	case d.Scrub != nil && d.Scrub.EmptiesHost():
		o.all = true
		clear(o.told)
	}
}

// queueCacheOrders keeps what a host was told of its cache, as its directives change it.
func queueCacheOrders(b *pgx.Batch, h *lockedHost) {
	const deleteSQL = `
		DELETE FROM cache_order
		WHERE nfvi_pop_id = $1 AND host_id = $2
		  AND ($3 OR digest = ANY($4) OR trust_domain_id = ANY($5) OR trust_domain_id = '' AND digest = ANY($6))`
	const insertSQL = `
		INSERT INTO cache_order AS o (nfvi_pop_id, host_id, digest, trust_domain_id, mode)
		SELECT $1, $2, c.digest, c.trust_domain_id, c.mode
		FROM unnest($3::text[], $4::text[], $5::text[]) AS c (digest, trust_domain_id, mode)
		ON CONFLICT (nfvi_pop_id, host_id, digest, trust_domain_id) DO UPDATE SET mode = excluded.mode WHERE o.mode <> excluded.mode`
	o := cacheOrders{digests: map[string]bool{}, domains: map[string]bool{}, open: map[string]bool{}, told: map[orderKey]placement.CacheMode{}}
	for i := range h.directives {
		o.add(&h.directives[i])
	}
	if o.all || len(o.digests)+len(o.domains)+len(o.open) > 0 {
		b.Queue(deleteSQL, h.key.NFVIPoPID, h.key.HostID, o.all, sortedKeys(o.digests), sortedKeys(o.domains), sortedKeys(o.open))
	}
	if len(o.told) == 0 {
		return
	}
	var digests, domains, modes []string
	for key, mode := range o.told {
		digests, domains, modes = append(digests, key.digest), append(domains, key.trustDomainID), append(modes, mode.String())
	}
	b.Queue(insertSQL, h.key.NFVIPoPID, h.key.HostID, digests, domains, modes)
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

type cacheOrderRow struct {
	Digest        string `db:"digest"`
	TrustDomainID string `db:"trust_domain_id"`
	Mode          string `db:"mode"`
}

func cacheOrderFromRow(r *cacheOrderRow) (placement.CacheOrder, error) {
	mode, err := placement.ParseCacheMode(r.Mode)
	return placement.CacheOrder{Digest: r.Digest, TrustDomainID: r.TrustDomainID, Mode: mode}, err
}

// queueReadCacheOrders reads what a host was told of its cache.
func queueReadCacheOrders(b *pgx.Batch, key placement.HostKey, into *[]placement.CacheOrder) {
	const readSQL = `SELECT digest, trust_domain_id, mode FROM cache_order WHERE nfvi_pop_id = $1 AND host_id = $2`
	queueCollect(b, into, cacheOrderFromRow, readSQL, key.NFVIPoPID, key.HostID)
}

// OrderCache records a decision that lets an artefact onto a host together with the directives that say so, which order makes from
// the facts under the host's lock. It returns the number of the CACHE directive about the artefact that was asked about. Kinds of
// errors: NotFound; Unavailable, with placement.ErrRulesOutdated when the epoch moved or order has nothing to tell any more.
func (s *Store) OrderCache(ctx context.Context, d placement.Decision, hostID string, order placement.OrderCache) (seq int64, err error) {
	key, err := hostKey(ctx, s.pool, hostID)
	if err != nil {
		return 0, err
	}
	err = s.workOnHost(ctx, key, func(w *hostWork) error {
		var told []placement.Directive
		if w.epoch == d.Inputs.PolicyEpoch {
			told = order(placement.HostFacts{Host: &w.host, Used: w.used, Residents: w.residents, Cache: w.cache}, w.now)
		}
		if len(told) == 0 {
			return placement.Wrap(placement.Unavailable, placement.ErrRulesOutdated, "the host or the policies changed meanwhile; ask again")
		}
		seq = 0
		for _, t := range told {
			t.DecisionID = d.ID
			w.issue(t, w.now)
			if last := &w.directives[len(w.directives)-1]; seq == 0 && last.Cache != nil {
				seq = last.Seq
			}
		}
		return queueDecided(&w.batch, &d)
	})
	return seq, err
}
