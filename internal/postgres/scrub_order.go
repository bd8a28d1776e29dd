package postgres

import (
	"context"
	"strconv"

	"ringfence/internal/placement"
)

// OrderScrub tells a host to clean itself, by what order says of the host under its lock, and returns the number of the directive. Kinds of
// errors: NotFound; Conflict, when the order is for a host that is out of service and without workloads, and this one is not; Unavailable.
func (s *Store) OrderScrub(ctx context.Context, hostID, actor string, order func(*placement.Host) placement.ScrubDirective) (seq int64, err error) {
	key, err := knownHostKey(ctx, s.pool, hostID)
	if err != nil {
		return 0, err
	}
	err = s.workOnHost(ctx, key, func(w *hostWork) error {
		scrub := order(&w.host)
		if scrub.EmptiesHost() {
			if err := w.mayBeEmptied(&scrub); err != nil {
				return err
			}
		}
		w.issue(placement.Directive{Kind: placement.DirectiveScrub, Scrub: &scrub}, w.now)
		seq = w.directives[len(w.directives)-1].Seq
		return queueAudit(&w.batch, key.NFVIPoPID, &placement.AuditRecord{
			ActorID: actor, Action: "ORDER_SCRUB", ObjectID: hostID, Detail: map[string]string{
				"level": scrub.Level.String(), "deviceReset": strconv.FormatBool(scrub.DeviceReset), "reason": scrub.Reason,
			},
		})
	})
	return seq, translate(err)
}

// mayBeEmptied says what is in the way of cleaning a host of more than images.
func (w *hostWork) mayBeEmptied(scrub *placement.ScrubDirective) error {
	if w.host.Lifecycle == placement.LifecycleInService {
		return placement.Errorf(placement.Conflict, "host %q is in service: cordon it before it is cleaned at the level %s", w.key.HostID, scrub.Level)
	}
	workloads := 0
	for _, r := range w.residents {
		if r.Kind == placement.ResidencyWorkload {
			workloads++
		}
	}
	if workloads > 0 {
		return placement.Errorf(placement.Conflict, "%d workloads are decided for host %q: have them moved or ended before it is cleaned at the level %s", workloads, w.key.HostID, scrub.Level)
	}
	return nil
}
