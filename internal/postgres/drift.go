package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// driftFacts is what is known, beside the host itself, when a report is held against what was decided.
type driftFacts struct {
	orders    []placement.CacheOrder
	open      []openViolationRow // what is recorded of earlier reports and stands
	elsewhere map[string]string
}

// queueDriftFacts reads it.
func queueDriftFacts(b *pgx.Batch, key placement.HostKey, state *placement.ObservedState) *driftFacts {
	const openSQL = `
		SELECT nfvi_pop_id, id, host_id, residency_id, policy_id, rule_id, against_id, enforcement, evict, eviction, object
		FROM violation
		WHERE until IS NULL AND nfvi_pop_id = $1 AND host_id = $2 AND source = 'OBSERVATION'`
	const elsewhereSQL = `SELECT id, host_id FROM residency WHERE id = ANY($1) AND host_id <> $2`
	f := &driftFacts{elsewhere: map[string]string{}}
	queueReadCacheOrders(b, key, &f.orders)
	queueCollect(b, &f.open, func(r *openViolationRow) (openViolationRow, error) { return *r, nil }, openSQL, key.NFVIPoPID, key.HostID)
	var named []string
	for i := range state.Residencies {
		if id := state.Residencies[i].ResidencyID; id != "" {
			named = append(named, id)
		}
	}
	if len(named) > 0 {
		b.Queue(elsewhereSQL, named, key.HostID).Query(func(rows pgx.Rows) error {
			var id, host string
			_, err := pgx.ForEachRow(rows, []any{&id, &host}, func() error {
				f.elsewhere[id] = host
				return nil
			})
			return err
		})
	}
	return f
}

// none tells whether the record is what was found.
func (d *violationDelta) none() bool { return len(d.fresh)+len(d.moved)+len(d.gone) == 0 }

// compare holds a report against what was decided, and what that finds against what is recorded.
func (f *driftFacts) compare(h *lockedHost, o *observation, state *placement.ObservedState, now time.Time, drift placement.JudgeDrift) *violationDelta {
	d := compareViolations(f.open, drift(placement.ObservedFacts{
		Now: now, Host: &h.host, Residents: h.residents, Matched: o.matched, State: state, Elsewhere: f.elsewhere, Orders: f.orders,
	}))
	return &d
}

// recordDrift makes the record what a report shows, once what was decided has followed it.
func (w *hostWork) recordDrift(ctx context.Context, o *observation, state *placement.ObservedState, drift placement.JudgeDrift) error {
	var b pgx.Batch
	known := queueDriftFacts(&b, w.key, state)
	if err := w.tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	d := known.compare(w.lockedHost, o, state, w.now, drift)
	if err := openViolations(ctx, w.tx, placement.SourceObservation, d.fresh); err != nil {
		return err
	}
	return endViolations(ctx, w.tx, d.gone)
}

// followCache makes the cache entries of a host what it reports. Of an artefact that lies there in several forms the weakest counts.
func (w *hostWork) followCache(reported []placement.ObservedCacheEntry, at time.Time) {
	const upsertSQL = `
		INSERT INTO cache_entry (nfvi_pop_id, host_id, digest, mode, trust_domain_id, observed_at, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (nfvi_pop_id, host_id, digest) DO UPDATE SET
			mode = excluded.mode, trust_domain_id = excluded.trust_domain_id, observed_at = excluded.observed_at, revision = excluded.revision`
	const deleteSQL = `DELETE FROM cache_entry WHERE nfvi_pop_id = $1 AND host_id = $2 AND digest = $3`
	seen := map[string]placement.CacheEntry{}
	for i := range reported {
		r := &reported[i]
		if e, known := seen[r.Digest]; !known || r.Mode < e.Mode {
			seen[r.Digest] = placement.CacheEntry{
				NFVIPoPID: w.key.NFVIPoPID, HostID: w.key.HostID, Digest: r.Digest, Mode: r.Mode, TrustDomainID: r.TrustDomainID, ObservedAt: at, Revision: 1,
			}
		}
	}
	var next, changed []placement.CacheEntry
	for _, old := range w.cache {
		e, stays := seen[old.Digest]
		delete(seen, old.Digest)
		switch {
		case !stays:
			w.batch.Queue(deleteSQL, w.key.NFVIPoPID, w.key.HostID, old.Digest)
			w.changes = append(w.changes, cacheEntryGone(w.key, old.Digest))
		case e.Mode == old.Mode && e.TrustDomainID == old.TrustDomainID:
			next = append(next, old)
		default:
			e.Revision = old.Revision + 1
			changed = append(changed, e)
		}
	}
	for _, e := range seen {
		changed = append(changed, e)
	}
	byDigest := func(a, b placement.CacheEntry) int { return strings.Compare(a.Digest, b.Digest) }
	slices.SortFunc(changed, byDigest)
	for i := range changed {
		e := &changed[i]
		w.batch.Queue(upsertSQL, e.NFVIPoPID, e.HostID, e.Digest, e.Mode.String(), e.TrustDomainID, e.ObservedAt, e.Revision)
		w.changes = append(w.changes, cacheEntryChange(e))
	}
	w.cache = append(next, changed...)
	slices.SortFunc(w.cache, byDigest)
}
