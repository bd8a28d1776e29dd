// Package inventory is the use case of the inventory: what the operator records of trust domains, sites, hosts,
// artefacts, VNF profiles and of what runs where, the evidence of verifiers and scrubbers, and documents that hold
// a whole fleet.
//
// It knows which record makes sense by itself and who may set which attribute. It decides nothing about placement,
// knows no wire format and no SQL; what a record refers to is checked by the store, under the store's locks.
package inventory

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// Store is what the inventory needs of the database. All writers take the client that acts, for the audit trail, and
// ifRevision: nil for no condition, the revision that the record must have, or 0 when there must be no such record.
// They tell whether a record was created. A write that changes what security rests on may be proposed instead of done: then the
// error is a placement.AwaitsApproval.
type Store interface {
	trustStore
	infrastructureStore
	artefactStore
	workloadStore
	evidenceStore
	documentStore
	pendingStore
}

// Fleet is the inventory as decisions see it: its rules say what a residency leaves behind, and a pending change is held against it.
type Fleet interface {
	// CatchUp waits until View holds everything that was committed before the call.
	CatchUp(ctx context.Context) error
	View() *fleet.View
}

// Options are the settings of a Service.
type Options struct {
	// AllowFacts lets an import set what verifiers, scrubbers and decisions set otherwise: attestation, residue,
	// dedication, and states of residencies. For the dev profile only.
	AllowFacts bool
	// Now is the clock; nil: the system's.
	Now func() time.Time
	// BreakGlassFor is for how long one person alone may have changed what security rests on.
	BreakGlassFor     time.Duration
	HostMappingMaxAge time.Duration // as decisions have it
	Log               *slog.Logger  // nil: nobody reads it
}

// Service answers for the inventory.
type Service struct {
	TrustDomains   Collection[placement.TrustDomain]
	TrustRelations Collection[placement.TrustRelation]
	NFVIPoPs       Collection[placement.NFVIPoP]
	ResourceZones  Collection[placement.ResourceZone]
	HostPools      Collection[placement.HostPool]
	RuntimeClasses Collection[placement.RuntimeClass]
	Hosts          Collection[placement.Host]
	Images         Collection[placement.Image]
	VNFProfiles    Collection[placement.VNFProfile]
	Residencies    Collection[placement.Residency]
	CacheEntries   Collection[placement.CacheEntry]

	store         Store
	fleet         Fleet
	allowFacts    bool
	now           func() time.Time
	breakGlassFor time.Duration
	mappingMaxAge time.Duration
	log           *slog.Logger

	previewing chan struct{} // holds one while a preview is computed
}

// New returns a service.
func New(store Store, f Fleet, opts Options) *Service {
	s := &Service{
		store: store, fleet: f, allowFacts: opts.AllowFacts, now: opts.Now, breakGlassFor: opts.BreakGlassFor, mappingMaxAge: opts.HostMappingMaxAge,
		log: cmp.Or(opts.Log, slog.New(slog.DiscardHandler)), previewing: make(chan struct{}, 1),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.recordTrust()
	s.recordInfrastructure()
	s.recordArtefacts()
	s.recordWorkloads()
	return s
}

// Now is the time that ages count from, in UTC and no finer than the database keeps it.
func (s *Service) Now() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// endRules say, by the view of this moment, what a residency that ends leaves behind.
func (s *Service) endRules() placement.EndRules {
	view := s.fleet.View()
	return placement.EndRules{
		Residue: func(r *placement.Residency, h *placement.Host, remaining []*placement.Residency, cache []placement.CacheEntry) []placement.Residue {
			return policy.Levels{Catalogue: view.Catalogue, Set: view.Policies}.ResidueOf(h, r, remaining, cache)
		},
		Purge: directive.PurgeAfter,
	}
}
