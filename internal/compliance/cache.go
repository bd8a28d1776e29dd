package compliance

import (
	"context"
	"errors"
	"fmt"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// raiseHosts is how many hosts are told at a time that something must not lie in their caches as it does.
const raiseHosts = 100

// weakEntry is an artefact in the cache of a host that lies there weaker than it must.
type weakEntry struct {
	host   placement.HostKey
	digest string
}

// note keeps, by what was found, which hosts are to be told about their caches; a check of everything replaces what was known. Whoever
// was told is not looked at again as long as the same is needed.
func (s *Service) note(found []placement.Violation, all bool) {
	told := s.told
	if all {
		s.told = map[weakEntry]string{}
	}
	for i := range found {
		v := &found[i]
		if v.Reason.Check != placement.CheckCacheEntry {
			continue
		}
		e, needed := weakEntry{placement.HostKey{NFVIPoPID: v.NFVIPoPID, HostID: v.HostID}, v.Object}, v.Reason.Params["needed"]
		if told[e] != needed {
			s.untold[e] = needed
			continue
		}
		s.told[e] = needed
	}
}

// raise tells hosts to purge what lies in their caches weaker than it must, some at a time. Each host is a transaction of its own, in
// which that is judged again; one that was told is not told again.
func (s *Service) raise(ctx context.Context, view *fleet.View) error {
	hosts := map[placement.HostKey]bool{}
	needs := solver.CacheNeeds(view, s.settings.HostMappingMaxAge)
	judge := func(f placement.CacheFacts) []placement.Directive {
		return directive.Raise(view.Catalogue, &f, needs(f.Now, f.Host))
	}
	var faults []error
	for e := range s.untold {
		if hosts[e.host] || len(hosts) == raiseHosts {
			continue
		}
		hosts[e.host] = true
		result, err := s.store.RaiseCache(ctx, s.name, placement.CacheRaise{Host: e.host, PolicyEpoch: view.Epoch}, judge)
		switch {
		case err != nil && placement.KindOf(err) == placement.Conflict:
			return err // another process checks now
		case err != nil && placement.KindOf(err) != placement.NotFound:
			faults = append(faults, fmt.Errorf("tell host %s about its cache: %w", e.host.HostID, err))
			continue
		case result.Stale:
			return errors.Join(faults...)
		case len(result.Ordered) > 0:
			s.log.WarnContext(ctx, "a cache is to be purged of what lies there weaker than it must", "hostId", e.host.HostID,
				"artefacts", result.Ordered, "policyEpoch", view.Epoch)
		}
		s.settle(e.host)
	}
	return errors.Join(faults...)
}

// settle notes that a host was told of everything.
func (s *Service) settle(host placement.HostKey) {
	for e, needed := range s.untold {
		if e.host == host {
			delete(s.untold, e)
			s.told[e] = needed
		}
	}
}
