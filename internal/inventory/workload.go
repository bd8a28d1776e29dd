package inventory

import (
	"context"

	"ringfence/internal/placement"
)

type workloadStore interface {
	ListResidencies(ctx context.Context, page placement.Page) ([]placement.Residency, error)
	GetResidency(ctx context.Context, id string) (placement.Residency, error)
	PutResidency(ctx context.Context, r placement.Residency, ifRevision *int64, end placement.EndRules, actor string) (placement.Residency, bool, error)
	// DeleteResidency ends a residency that no grant decided.
	DeleteResidency(ctx context.Context, id string, ifRevision *int64, end placement.EndRules, actor string) error

	ListCacheEntries(ctx context.Context, page placement.Page) ([]placement.CacheEntry, error)
	GetCacheEntry(ctx context.Context, hostID, digest string) (placement.CacheEntry, error)
	PutCacheEntry(ctx context.Context, e placement.CacheEntry, ifRevision *int64, actor string) (placement.CacheEntry, bool, error)
	DeleteCacheEntry(ctx context.Context, hostID, digest string, ifRevision *int64, actor string) error
}

func (s *Service) recordWorkloads() {
	s.Residencies = Collection[placement.Residency]{
		list: s.store.ListResidencies, get: one(s.store.GetResidency),
		put: func(ctx context.Context, r placement.Residency, ifRevision *int64, actor string) (placement.Residency, bool, error) {
			return s.store.PutResidency(ctx, r, ifRevision, s.endRules(), actor)
		},
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

func checkCacheEntry(e *placement.CacheEntry, f *faults) {
	checkDigest(e.Digest, "/digest", f)
	if e.Mode == placement.CacheUnset {
		f.add(CodeMissing, "/mode", "a cache entry says in which form the artefact lies there")
	}
	if e.Mode == placement.CacheShared && e.TrustDomainID != "" {
		f.add(CodeInvalid, "/trustDomainId", "a SHARED entry belongs to nobody; leave trustDomainId out")
	}
}
