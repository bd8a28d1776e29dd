// Package delivery is the use case of bringing directives to the NFVI and hearing back: the feed per host and
// per VIM, acknowledgements, and the state that hosts observe. It decides nothing about placement.
package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// MaxWait bounds how long a poll may wait for new directives.
const MaxWait = 60 * time.Second

// pollInterval is how often a waiting poll looks at the database, for directives that other replicas issued.
const pollInterval = 500 * time.Millisecond

// Limit is how many directives one poll returns at most.
const Limit = 100

// Store is what delivery needs of the database. The functions given to its writers are pure and run inside of
// the transaction that ends a residency.
type Store interface {
	Operations

	// HostDirectives returns directives of a host after a sequence number, in order. NotFound for an unknown host.
	HostDirectives(ctx context.Context, hostID string, after int64, limit int) ([]placement.Directive, error)
	// Directives returns directives over all hosts of a VIM connection (empty: all), after an opaque marker; withoutLI those of hosts for
	// lawful interception left out, as if they were not there.
	Directives(ctx context.Context, vimConnectionID, marker string, withoutLI bool, limit int) ([]placement.Directive, string, error)
	// RecordAck records an acknowledgement once. Invalid for a directive that the host was never given, Conflict
	// for one that contradicts an earlier acknowledgement other than FAILED.
	RecordAck(ctx context.Context, ack placement.Ack, actor string, end EndRules) error
	// PutObservedState evaluates a report, and stores it unless the digest is the stored one. PreconditionFailed
	// when the condition does not hold, Conflict for a report that is older than the stored one.
	PutObservedState(ctx context.Context, state placement.ObservedState, digest string, cond placement.ObservationCondition, end EndRules,
		drift placement.JudgeDrift) (placement.ObservationResult, error)
	// ReleaseReservation ends a reservation and returns it as it was.
	ReleaseReservation(ctx context.Context, id, reason string, ifRevision *int64, actor string, end EndRules) (placement.Residency, error)
	ExpireReservations(ctx context.Context, limit int) (int, error)
	// OrderScrub tells a host to clean itself, by what order says of the host under its lock, and returns the directive's number.
	OrderScrub(ctx context.Context, hostID, actor string, order func(*placement.Host) placement.ScrubDirective) (int64, error)
}

// EndRules say what a residency that ends leaves behind; see placement.EndRules.
type EndRules = placement.EndRules

// Fleet gives the view that says which host is behind which VIM connection, and what a residency leaves behind.
type Fleet interface {
	View() *fleet.View
	// CatchUp returns once the view includes everything that was committed before the call.
	CatchUp(ctx context.Context) error
}

// Service delivers.
type Service struct {
	store Store
	fleet Fleet

	mu      sync.Mutex
	waiting map[chan struct{}]bool

	drain    sync.Once
	draining chan struct{} // closed when polls shall wait no longer
}

// New returns a service.
func New(store Store, f Fleet) *Service {
	return &Service{store: store, fleet: f, waiting: map[chan struct{}]bool{}, draining: make(chan struct{})}
}

// Drain ends all waiting: polls that wait are answered at once with what there is, later ones do not wait. It is
// called before the server stops, and may be called again.
func (s *Service) Drain() { s.drain.Do(func() { close(s.draining) }) }

// VIMConnection is the VIM connection that a host is behind; empty for one without, and for an unknown host.
func (s *Service) VIMConnection(hostID string) string {
	view := s.fleet.View()
	if slot, ok := view.Slot(hostID); ok {
		return view.Host(slot).VIMConnectionID
	}
	return ""
}

// LIHost tells whether a host is in a pool that admits lawful interception.
func (s *Service) LIHost(hostID string) bool {
	view := s.fleet.View()
	slot, ok := view.Slot(hostID)
	return ok && view.Catalogue.LIHostPools()[view.Host(slot).HostPoolID]
}

// Wake tells waiting polls that this replica issued directives.
func (s *Service) Wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.waiting {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// HostDirectives returns the directives of a host after a sequence number, waiting up to wait for the first.
func (s *Service) HostDirectives(ctx context.Context, hostID string, after int64, wait time.Duration) ([]placement.Directive, error) {
	var out []placement.Directive
	err := s.poll(ctx, wait, func() (bool, error) {
		var err error
		out, err = s.store.HostDirectives(ctx, hostID, after, Limit)
		return len(out) > 0, err
	})
	return out, err
}

// Directives returns the directives of a VIM connection after a marker, and the marker to go on with. What is left out for a reader
// without clearance (withoutLI) neither shortens a page nor ends a wait.
func (s *Service) Directives(ctx context.Context, vimConnectionID, marker string, withoutLI bool, wait time.Duration) ([]placement.Directive, string, error) {
	var out []placement.Directive
	next := marker
	err := s.poll(ctx, wait, func() (bool, error) {
		var err error
		out, next, err = s.store.Directives(ctx, vimConnectionID, marker, withoutLI, Limit)
		return len(out) > 0, err
	})
	return out, next, err
}

// poll calls read until it finds something, the wait is over, the caller gives up or the server stops.
func (s *Service) poll(ctx context.Context, wait time.Duration, read func() (bool, error)) error {
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	s.waiting[wake] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, wake)
		s.mu.Unlock()
	}()
	deadline := time.NewTimer(min(wait, MaxWait))
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if found, err := read(); err != nil || found || wait <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.draining:
			return nil
		case <-deadline.C:
			return nil
		case <-wake:
		case <-tick.C:
		}
	}
}

// Acknowledge records what became of a directive. A PLACE that was applied confirms its reservation; a RELEASE
// that was applied ends its residency.
func (s *Service) Acknowledge(ctx context.Context, actor string, ack placement.Ack) error {
	defer s.Wake()
	return s.ending(ctx, func(end EndRules) error { return s.store.RecordAck(ctx, ack, actor, end) })
}

// Observe takes what a host reports of itself, and returns the digest of the report, which is its entity tag, with
// what followed from it.
func (s *Service) Observe(ctx context.Context, state placement.ObservedState, cond placement.ObservationCondition) (string, placement.ObservationResult, error) {
	digest := Digest(&state)
	defer s.Wake()
	var result placement.ObservationResult
	err := s.ending(ctx, func(end EndRules) (err error) {
		result, err = s.store.PutObservedState(ctx, state, digest, cond, end, Drift(s.fleet.View()))
		return err
	})
	return digest, result, err
}

// Release ends a reservation by hand and returns it as it was. With ifRevision it must have that revision.
func (s *Service) Release(ctx context.Context, actor, id, reason string, ifRevision *int64) (placement.Residency, error) {
	defer s.Wake()
	var r placement.Residency
	err := s.ending(ctx, func(end EndRules) (err error) {
		r, err = s.store.ReleaseReservation(ctx, id, reason, ifRevision, actor, end)
		return err
	})
	return r, err
}

// mostEndings is how often something is ended again by newer rules.
const mostEndings = 4

// ending calls a writer with the rules of what is left behind, and again with newer ones when they were outdated.
func (s *Service) ending(ctx context.Context, write func(EndRules) error) error {
	for attempt := 1; ; attempt++ {
		err := write(s.endRules())
		if !errors.Is(err, placement.ErrRulesOutdated) || attempt == mostEndings {
			return err
		}
		if err := s.fleet.CatchUp(ctx); err != nil {
			return err
		}
	}
}

// Scrub tells a host to clean itself and returns the number of the directive. What belongs to its own trusted base stays. Kinds of errors:
// NotFound, Conflict when the level is for a host that is out of service and empty, Unavailable.
func (s *Service) Scrub(ctx context.Context, actor, hostID string, order placement.ScrubDirective) (int64, error) {
	defer s.Wake()
	pools := s.fleet.View().Catalogue.HostPools
	return s.store.OrderScrub(ctx, hostID, actor, func(h *placement.Host) placement.ScrubDirective {
		order.FabricDigests = pools[h.HostPoolID].FabricDigests
		return order
	})
}

// Expire makes reservations that were not confirmed in time UNCONFIRMED, at most limit of them. They separate
// and count as before.
func (s *Service) Expire(ctx context.Context, limit int) (int, error) {
	return s.store.ExpireReservations(ctx, limit)
}

// endRules binds the rules of residue and purging to the view of this moment.
func (s *Service) endRules() EndRules {
	view := s.fleet.View()
	return EndRules{
		PolicyEpoch: view.Epoch,
		Residue: func(r *placement.Residency, h *placement.Host, remaining []*placement.Residency, cache []placement.CacheEntry) []placement.Residue {
			return policy.Levels{Catalogue: view.Catalogue, Set: view.Policies}.ResidueOf(h, r, remaining, cache)
		},
		Purge: directive.PurgeAfter,
	}
}

// Digest identifies the content of an observed state, whatever the order of its lists and the time it was made.
func Digest(st *placement.ObservedState) string {
	lines := make([]string, 0, len(st.Residencies)+len(st.Cache))
	for i := range st.Residencies {
		o := &st.Residencies[i]
		lines = append(lines, fmt.Sprintf("residency %q %q %q %q %q %q %q %q %q",
			o.ResidencyID, o.VNFInstanceID, o.ComponentID, o.ResourceDefinitionID, o.VIMResourceID, o.CISNodeID, o.Runtime, slices.Sorted(slices.Values(o.Images)), o.BreakGlass))
	}
	for i := range st.Cache {
		e := &st.Cache[i]
		lines = append(lines, fmt.Sprintf("cache %q %s %q %q %v", e.Digest, e.Mode, e.TrustDomainID, slices.Sorted(slices.Values(e.References)), e.Layers))
	}
	for i := range st.Unavailable {
		lines = append(lines, fmt.Sprintf("unavailable %s %q", st.Unavailable[i].Capability.Names(), st.Unavailable[i].Reason))
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, l := range lines {
		_, _ = fmt.Fprintln(h, l)
	}
	return hex.EncodeToString(h.Sum(nil))
}
