package inventory

import (
	"context"

	"ringfence/internal/placement"
)

type infrastructureStore interface {
	ListNFVIPoPs(ctx context.Context, page placement.Page) ([]placement.NFVIPoP, error)
	GetNFVIPoP(ctx context.Context, id string) (placement.NFVIPoP, error)
	PutNFVIPoP(ctx context.Context, p placement.NFVIPoP, ifRevision *int64, actor string) (placement.NFVIPoP, bool, error)
	DeleteNFVIPoP(ctx context.Context, id string, ifRevision *int64, actor string) error

	ListResourceZones(ctx context.Context, page placement.Page) ([]placement.ResourceZone, error)
	GetResourceZone(ctx context.Context, id string) (placement.ResourceZone, error)
	PutResourceZone(ctx context.Context, z placement.ResourceZone, ifRevision *int64, actor string) (placement.ResourceZone, bool, error)
	DeleteResourceZone(ctx context.Context, id string, ifRevision *int64, actor string) error

	ListHostPools(ctx context.Context, page placement.Page) ([]placement.HostPool, error)
	GetHostPool(ctx context.Context, id string) (placement.HostPool, error)
	PutHostPool(ctx context.Context, p placement.HostPool, ifRevision *int64, actor string) (placement.HostPool, bool, error)
	DeleteHostPool(ctx context.Context, id string, ifRevision *int64, actor string) error

	ListRuntimeClasses(ctx context.Context, page placement.Page) ([]placement.RuntimeClass, error)
	GetRuntimeClass(ctx context.Context, name string) (placement.RuntimeClass, error)
	PutRuntimeClass(ctx context.Context, c placement.RuntimeClass, ifRevision *int64, actor string) (placement.RuntimeClass, bool, error)
	DeleteRuntimeClass(ctx context.Context, name string, ifRevision *int64, actor string) error

	ListHosts(ctx context.Context, page placement.Page) ([]placement.Host, error)
	GetHost(ctx context.Context, id string) (placement.Host, error)
	PutHost(ctx context.Context, h placement.Host, ifRevision *int64, actor string) (placement.Host, bool, error)
	DeleteHost(ctx context.Context, id string, ifRevision *int64, actor string) error
}

func (s *Service) recordInfrastructure() {
	s.NFVIPoPs = Collection[placement.NFVIPoP]{
		list: s.store.ListNFVIPoPs, get: one(s.store.GetNFVIPoP), put: s.store.PutNFVIPoP, remove: oneOf(s.store.DeleteNFVIPoP),
		key:      func(p *placement.NFVIPoP) Key { return ID(p.ID) },
		revision: func(p *placement.NFVIPoP) int64 { return p.Revision },
		check:    checkNFVIPoP,
	}
	s.ResourceZones = Collection[placement.ResourceZone]{
		list: s.store.ListResourceZones, get: one(s.store.GetResourceZone), put: s.store.PutResourceZone, remove: oneOf(s.store.DeleteResourceZone),
		key:      func(z *placement.ResourceZone) Key { return ID(z.ID) },
		revision: func(z *placement.ResourceZone) int64 { return z.Revision },
		check:    func(*placement.ResourceZone, *faults) {},
	}
	s.HostPools = Collection[placement.HostPool]{
		list: s.store.ListHostPools, get: one(s.store.GetHostPool), put: s.store.PutHostPool, remove: oneOf(s.store.DeleteHostPool),
		key:      func(p *placement.HostPool) Key { return ID(p.ID) },
		revision: func(p *placement.HostPool) int64 { return p.Revision },
		check:    checkHostPool,
	}
	s.RuntimeClasses = Collection[placement.RuntimeClass]{
		list: s.store.ListRuntimeClasses, get: one(s.store.GetRuntimeClass), put: s.store.PutRuntimeClass, remove: oneOf(s.store.DeleteRuntimeClass),
		key:      func(c *placement.RuntimeClass) Key { return ID(c.Name) },
		revision: func(c *placement.RuntimeClass) int64 { return c.Revision },
		check:    checkRuntimeClass,
	}
	s.Hosts = Collection[placement.Host]{
		list: s.store.ListHosts, get: one(s.store.GetHost), put: s.store.PutHost, remove: oneOf(s.store.DeleteHost),
		key:      func(h *placement.Host) Key { return ID(h.ID) },
		revision: func(h *placement.Host) int64 { return h.Revision },
		check:    checkHost, guard: s.guardHost,
	}
}

func checkNFVIPoP(p *placement.NFVIPoP, f *faults) {
	if p.ID == "-" {
		f.add(CodeInvalid, "/id", `the id "-" is kept for what belongs to no NFVI-PoP; choose another`)
	}
	checkCountry(p.Country, "/country", f)
}

func checkHostPool(p *placement.HostPool, f *faults) {
	checkDigests(p.FabricDigests, "/fabricDigests", f)
}

func checkRuntimeClass(c *placement.RuntimeClass, f *faults) {
	if c.Isolation == placement.IsolationNone || c.Isolation == placement.IsolationPhysical {
		f.add(CodeInvalid, "/isolation", "a runtime class isolates as OS_CONTAINER, SANDBOX, VM or CONFIDENTIAL_VM")
	}
	checkAmounts(c.Overhead, "/overhead", f)
}
