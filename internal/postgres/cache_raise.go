package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// RaiseCache tells a host what judge, which must be pure, orders about its cache on facts that are read under the host's lock:
// directives, what was ordered and audit record change together. Kinds of errors: NotFound for a host that is gone; Conflict when another
// process looks for violations now; Unavailable.
func (s *Store) RaiseCache(ctx context.Context, checker string, o placement.CacheRaise, judge placement.JudgeCache) (
	result placement.CacheRaiseResult, err error,
) {
	err = s.workOnHost(ctx, o.Host, func(w *hostWork) error {
		result = placement.CacheRaiseResult{}
		if w.epoch != o.PolicyEpoch {
			result.Stale = true
			return nil
		}
		if err := lockViolations(ctx, w.tx, checker); err != nil {
			return err
		}
		facts := placement.CacheFacts{Now: w.now, Host: placement.HostFacts{Host: &w.host, Used: w.used, Residents: w.residents, Cache: w.cache}}
		var b pgx.Batch
		queueReadCacheOrders(&b, w.key, &facts.Orders)
		queueReadPurged(&b, w.key, &facts)
		if err := w.tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		for _, d := range judge(facts) {
			if w.issue(d, w.now); d.Purge != nil {
				result.Ordered = append(result.Ordered, d.Purge.Digests...)
			}
		}
		if len(result.Ordered) == 0 {
			return nil
		}
		return queueAudit(&w.batch, w.key.NFVIPoPID, &placement.AuditRecord{
			ActorID: evictor, Action: "PURGE", ObjectID: w.key.HostID, Detail: map[string]string{"artefacts": strings.Join(result.Ordered, " ")},
		})
	})
	return result, err
}

// queueReadPurged reads what of a host's cache it was told to purge since it was seen there first, and whether whoever answers its
// directives answers none of that kind.
func queueReadPurged(b *pgx.Batch, key placement.HostKey, into *placement.CacheFacts) {
	const purgedSQL = `
		SELECT e.digest
		FROM cache_entry e
		WHERE e.nfvi_pop_id = $1 AND e.host_id = $2
		  AND EXISTS (SELECT FROM directive d
		              WHERE d.nfvi_pop_id = $1 AND d.host_id = $2 AND d.kind = 'PURGE' AND d.issued_at > e.observed_at
		                AND (d.body->>'all' = 'true' OR d.body->>'trustDomainId' = e.trust_domain_id AND e.trust_domain_id <> ''
		                     OR e.digest IN (SELECT json_array_elements_text(d.body->'digests'))))
		ORDER BY e.digest`
	const silentSQL = `SELECT NOT whole_host FROM directive_follower WHERE nfvi_pop_id = $1 AND host_id = $2`
	b.Queue(purgedSQL, key.NFVIPoPID, key.HostID).Query(func(rows pgx.Rows) (err error) {
		into.Purged, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	b.Queue(silentSQL, key.NFVIPoPID, key.HostID).Query(func(rows pgx.Rows) error {
		silent, err := pgx.CollectRows(rows, pgx.RowTo[bool])
		into.Silent = slices.Contains(silent, true)
		return err
	})
}
