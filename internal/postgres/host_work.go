package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/placement"
)

// hostWork is what happens on one locked host to what was decided before: reservations are confirmed, expire, end.
type hostWork struct {
	*lockedHost

	tx        pgx.Tx
	epoch     int64
	now       time.Time // the database's, after the lock
	overheads map[string]placement.Resources
	batch     pgx.Batch
	missed    misses
	outdated  bool // somebody ended by the rules of another policy epoch
	changes   []placement.Change
}

// workOnHost locks a host, reads everything on it in statements after the lock, lets fn change what it wants to, and
// writes it. The epoch is held meanwhile, because the overhead of runtime classes is part of what a host has in use. When
// fn changes nothing, nothing is written.
func (s *Store) workOnHost(ctx context.Context, key placement.HostKey, fn func(*hostWork) error) error {
	return s.inTx(ctx, grantTx, func(tx pgx.Tx) error {
		w, err := lockForWork(ctx, tx, key)
		if err != nil {
			return err
		}
		if err := fn(w); err != nil {
			return err
		}
		return w.write(ctx)
	})
}

func lockForWork(ctx context.Context, tx pgx.Tx, key placement.HostKey) (*hostWork, error) {
	var b pgx.Batch
	var overtaken bool
	var hosts []*lockedHost
	w := &hostWork{tx: tx}
	keys := []placement.HostKey{key}
	queueEpoch(&b, &w.epoch)
	queueTurn(&b, keys)
	queueLockHosts(&b, keys, &overtaken)
	queueReadHosts(&b, keys, nil, &hosts, &w.now)
	w.overheads = queueOverheads(&b)
	switch err := tx.SendBatch(ctx, &b).Close(); {
	case err != nil:
		return nil, err
	case len(hosts) == 0:
		return nil, notFound("host", key.HostID)
	case overtaken:
		return nil, errOvertaken
	}
	w.lockedHost = hosts[0]
	return w, nil
}

// enter brings a resident into a state.
func (w *hostWork) enter(r *placement.Residency, state placement.ResidencyState) {
	if r.State != state {
		r.State, r.StateSince = state, w.now
	}
	r.Revision++
	queueState(&w.batch, r, &w.missed)
	w.changes = append(w.changes, residencyChange(r))
}

// end removes a resident with everything that follows: its capacity and claims are free, what it leaves behind is noted
// against the host, and what must go from the cache is ordered.
func (w *hostWork) end(r *placement.Residency, rules placement.EndRules) {
	w.outdated = w.outdated || rules.PolicyEpoch != 0 && rules.PolicyEpoch != w.epoch
	queueEnd(&w.batch, r, &w.missed)
	w.remove(r, w.overheads[r.Workload.Runtime])
	w.changes = append(w.changes, residencyGone(r.NFVIPoPID, r.ID))
	w.follows(r, rules)
}

// follows notes and orders what follows from the end of somebody who is not among the residents any more.
func (w *hostWork) follows(r *placement.Residency, rules placement.EndRules) {
	w.leave(r, rules)
	if rules.Purge == nil {
		return
	}
	for _, d := range rules.Purge(r, w.residents) {
		w.issue(d, w.now)
	}
}

// resident returns the resident with the id, or nil.
func (w *hostWork) resident(id string) *placement.Residency {
	for _, r := range w.residents {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// write sends what was queued, and appends the host to the feed if its record changed.
func (w *hostWork) write(ctx context.Context) error {
	if err := w.flush(ctx); err != nil || !w.changed {
		return err
	}
	return feedHost(ctx, w.tx, w.key)
}

// flush sends what was queued. A row that was not found as it was read was changed by somebody without the lock: start
// again.
func (w *hostWork) flush(ctx context.Context) error {
	if w.outdated {
		return placement.Wrap(placement.Unavailable, placement.ErrRulesOutdated, "the policies changed meanwhile, and what is left behind is judged by the new ones; retry")
	}
	if w.batch.Len() == 0 && len(w.directives) == 0 && !w.changed {
		return nil
	}
	if len(w.changes) > 0 || len(w.directives) > 0 || w.changed {
		queueHostUpdate(&w.batch, w.lockedHost, hostGuard{}, &w.missed)
	}
	queueResidue(&w.batch, w.key, w.left...)
	if err := queueDirectives(&w.batch, w.lockedHost); err != nil {
		return err
	}
	if len(w.changes) > 0 {
		if err := queueChanges(&w.batch, w.changes...); err != nil {
			return err
		}
	}
	if err := w.tx.SendBatch(ctx, &w.batch).Close(); err != nil {
		return err
	}
	if len(w.missed) > 0 {
		return errOvertaken
	}
	return nil
}
