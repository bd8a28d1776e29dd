package inventory

import (
	"context"
	"slices"
	"strconv"

	"ringfence/internal/placement"
)

type workloadStore interface {
	ListResidencies(ctx context.Context, page placement.Page) ([]placement.Residency, error)
	GetResidency(ctx context.Context, id string) (placement.Residency, error)
	PutResidency(ctx context.Context, r placement.Residency, ifRevision *int64, actor string) (placement.Residency, bool, error)
	// DeleteResidency ends a residency that no grant decided.
	DeleteResidency(ctx context.Context, id string, ifRevision *int64, end placement.EndRules, actor string) error

	ListCacheEntries(ctx context.Context, page placement.Page) ([]placement.CacheEntry, error)
	GetCacheEntry(ctx context.Context, hostID, digest string) (placement.CacheEntry, error)
	PutCacheEntry(ctx context.Context, e placement.CacheEntry, ifRevision *int64, actor string) (placement.CacheEntry, bool, error)
	DeleteCacheEntry(ctx context.Context, hostID, digest string, ifRevision *int64, actor string) error
}

func (s *Service) recordWorkloads() {
	s.Residencies = Collection[placement.Residency]{
		list: s.store.ListResidencies, get: one(s.store.GetResidency), put: s.store.PutResidency,
		remove: func(ctx context.Context, k Key, ifRevision *int64, actor string) error {
			return s.store.DeleteResidency(ctx, k[0], ifRevision, s.endRules(), actor)
		},
		key:      func(r *placement.Residency) Key { return ID(r.ID) },
		revision: func(r *placement.Residency) int64 { return r.Revision },
		check:    checkResidency, guard: s.guardResidency,
	}
	s.CacheEntries = Collection[placement.CacheEntry]{
		list: s.store.ListCacheEntries, get: two(s.store.GetCacheEntry), put: s.store.PutCacheEntry, remove: twoOf(s.store.DeleteCacheEntry),
		key: func(e *placement.CacheEntry) Key { return Key{e.HostID, e.Digest} }, between: "/",
		revision: func(e *placement.CacheEntry) int64 { return e.Revision },
		check:    checkCacheEntry,
	}
}

func checkResidency(r *placement.Residency, f *faults) {
	w := &r.Workload
	if r.Kind != placement.ResidencyFabric {
		for _, a := range []struct{ pointer, value string }{
			{"/vnfInstanceId", w.NF.VNFInstanceID}, {"/componentId", w.ComponentID}, {"/trustDomainId", w.TrustDomainID},
		} {
			if a.value == "" {
				f.add(CodeMissing, a.pointer, "a WORKLOAD names its %s", a.pointer[1:])
			}
		}
	}
	if r.Kind == placement.ResidencyFabric && len(w.Images) == 0 {
		f.add(CodeMissing, "/images", "FABRIC names its images: they are what makes it trusted, by the fabricDigests of the host's pool")
	}
	checkDigests(w.Images, "/images", f)
	checkAmounts(w.Resources, "/resources", f)
}

// guardResidency refuses what only grants set, and FABRIC that nothing supports.
func (s *Service) guardResidency(ctx context.Context, stored, next *placement.Residency, f *faults) error {
	if stored != nil && stored.GrantID != "" {
		return placement.Errorf(placement.Conflict, "the residency %q belongs to grant %s, which decided it: release its reservation with POST /placement/v1/reservations/{residencyId}/release",
			stored.ID, stored.GrantID)
	}
	checkDecided(next, false, f)
	return s.checkFabric(ctx, next, f, s.hostPoolOf)
}

// checkDecided refuses what only a decision makes of a residency that none decided.
func checkDecided(r *placement.Residency, anyState bool, f *faults) {
	if r.GrantID != "" {
		f.add(CodeNotAllowed, "/grantId", "grants are made by POST /grant/v1/grants; what is recorded here has none, leave grantId out")
	}
	if !r.ExpiresAt.IsZero() {
		f.add(CodeNotAllowed, "/expiresAt", "only the reservation of a grant expires; leave expiresAt out")
	}
	if !anyState && r.State != placement.StateRunning && r.State != placement.StateTerminating {
		f.add(CodeNotAllowed, "/state", "what is recorded is RUNNING or TERMINATING; only grants reserve")
	}
}

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

func checkCacheEntry(e *placement.CacheEntry, f *faults) {
	checkDigest(e.Digest, "/digest", f)
	if e.Mode == placement.CacheUnset {
		f.add(CodeMissing, "/mode", "a cache entry says in which form the artefact lies there")
	}
	if e.Mode == placement.CacheShared && e.TrustDomainID != "" {
		f.add(CodeInvalid, "/trustDomainId", "a SHARED entry belongs to nobody; leave trustDomainId out")
	}
}
