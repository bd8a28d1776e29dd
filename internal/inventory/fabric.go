package inventory

import (
	"context"
	"slices"
	"strconv"

	"ringfence/internal/placement"
)

// checkFabric checks that the pool of the host lists the images of a FABRIC residency. poolOf returns the pool of a host;
// the store reports a host that does not exist.
func (s *Service) checkFabric(ctx context.Context, r *placement.Residency, f *faults,
	poolOf func(ctx context.Context, hostID string) (placement.HostPool, bool, error),
) error {
	if r.Kind != placement.ResidencyFabric {
		return nil
	}
	pool, found, err := poolOf(ctx, r.HostID)
	if err != nil || !found {
		return err
	}
	for i, digest := range r.Workload.Images {
		if !slices.Contains(pool.FabricDigests, digest) {
			f.add(CodeNotAllowed, "/images/"+strconv.Itoa(i), "the pool %q of host %q does not list this digest among its fabricDigests; record the residency as a WORKLOAD", pool.ID, r.HostID)
		}
	}
	return nil
}

// hostPoolOf returns the stored pool of a stored host; a host without a pool has one that lists nothing.
func (s *Service) hostPoolOf(ctx context.Context, hostID string) (pool placement.HostPool, found bool, err error) {
	h, err := s.store.GetHost(ctx, hostID)
	if placement.KindOf(err) == placement.NotFound {
		return pool, false, nil
	}
	if err != nil || h.HostPoolID == "" {
		return pool, err == nil, err
	}
	pool, err = s.store.GetHostPool(ctx, h.HostPoolID)
	if placement.KindOf(err) == placement.NotFound {
		return pool, false, nil // removed meanwhile, and the host with it
	}
	return pool, err == nil, err
}

// checkFabricOf checks FABRIC residencies against pools, as they will be.
func (s *Service) checkFabricOf(ctx context.Context, doc *placement.Inventory, f *faults) error {
	isFabric := func(r placement.Residency) bool { return r.Kind == placement.ResidencyFabric }
	if !slices.ContainsFunc(doc.Residencies, isFabric) {
		return nil
	}
	pools := newPoolLookup(s, doc)
	for i := range doc.Residencies {
		if !isFabric(doc.Residencies[i]) {
			continue
		}
		f.prefix = "/residencies/" + strconv.Itoa(i)
		err := s.checkFabric(ctx, &doc.Residencies[i], f, pools.of)
		f.prefix = ""
		if err != nil {
			return err
		}
	}
	return nil
}

// poolLookup finds the pool of a host, in a document first.
type poolLookup struct {
	service *Service
	hosts   map[string]string // host -> pool
	pools   map[string]*placement.HostPool
	stored  map[string]*placement.HostPool // by host; nil: there is no such host
}

func newPoolLookup(s *Service, doc *placement.Inventory) *poolLookup {
	l := &poolLookup{service: s, hosts: make(map[string]string, len(doc.Hosts)), pools: map[string]*placement.HostPool{}, stored: map[string]*placement.HostPool{}}
	for i := range doc.Hosts {
		l.hosts[doc.Hosts[i].ID] = doc.Hosts[i].HostPoolID
	}
	for i := range doc.HostPools {
		l.pools[doc.HostPools[i].ID] = &doc.HostPools[i]
	}
	return l
}

func (l *poolLookup) of(ctx context.Context, hostID string) (placement.HostPool, bool, error) {
	if poolID, ok := l.hosts[hostID]; ok {
		return l.pool(ctx, poolID)
	}
	if _, looked := l.stored[hostID]; !looked {
		pool, found, err := l.service.hostPoolOf(ctx, hostID)
		if err != nil {
			return pool, false, err
		}
		l.stored[hostID] = nil
		if found {
			l.stored[hostID] = &pool
		}
	}
	pool := l.stored[hostID]
	if pool == nil {
		return placement.HostPool{}, false, nil
	}
	if inDocument := l.pools[pool.ID]; inDocument != nil {
		pool = inDocument
	}
	return *pool, true, nil
}

// pool returns a pool by its id; no id is no pool, which lists nothing.
func (l *poolLookup) pool(ctx context.Context, id string) (placement.HostPool, bool, error) {
	if id == "" {
		return placement.HostPool{}, true, nil
	}
	if l.pools[id] == nil {
		pool, err := l.service.store.GetHostPool(ctx, id)
		if placement.KindOf(err) == placement.NotFound {
			return pool, false, nil // the store reports it
		}
		if err != nil {
			return pool, false, err
		}
		l.pools[id] = &pool
	}
	return *l.pools[id], true, nil
}
