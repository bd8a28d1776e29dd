package postgres

import (
	"context"
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
