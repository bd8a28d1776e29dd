package compliance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

const (
	evictionHosts = 100             // that are looked at for evictions at a time
	reopenEvery   = 5 * time.Second // how often it is tried again when there was no room to evict
)

// evict has hosts release what waits for it, as far as the limit allows. Each host is a transaction of its own, in which what waits
// is judged again: what ends in between, by a crash too, is taken up by the next check, here or in another process.
func (s *Service) evict(ctx context.Context, view *fleet.View) error {
	if s.settings.EvictionsPerMinute == 0 || time.Since(s.closed) < reopenEvery {
		return nil
	}
	hosts, err := s.store.PendingEvictions(ctx, evictionHosts)
	if err != nil {
		return fmt.Errorf("read what waits to be evicted: %w", err)
	}
	s.waiting = len(hosts) == evictionHosts
	judge, siblings := solver.Evict(view, s.settings.HostMappingMaxAge), solver.NeedsSiblings(view)
	var faults []error
	for _, host := range hosts {
		result, err := s.store.Evict(ctx, s.name, placement.EvictionOrder{
			Host: host, PolicyEpoch: view.Epoch, PerMinute: s.settings.EvictionsPerMinute, Siblings: siblings,
		}, judge)
		switch {
		case err != nil && placement.KindOf(err) == placement.NotFound: // the next check ends what is recorded of it
		case err != nil && placement.KindOf(err) == placement.Conflict:
			return err // another process checks now
		case err != nil:
			s.waiting = true
			faults = append(faults, fmt.Errorf("evict from host %s: %w", host.HostID, err))
		case len(result.Ordered) > 0:
			s.observer.Evicted(len(result.Ordered))
			s.log.WarnContext(ctx, "evicted by a rule", "hostId", host.HostID, "residencyIds", result.Ordered, "policyEpoch", view.Epoch)
		}
		if result.Stale || result.Waiting > 0 {
			if s.waiting = true; result.Waiting > 0 {
				s.closed = time.Now()
			}
			break
		}
	}
	return errors.Join(faults...)
}
