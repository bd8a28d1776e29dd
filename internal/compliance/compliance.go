// Package compliance is the use case of holding what runs against the rules in force: after every change it looks for what a rule
// would refuse now, and records it. It refuses, moves and ends nothing.
//
// It is a package of its own because no other use case looks at residencies that nobody asks about.
package compliance

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/solver"
)

// Store is what compliance needs of the database.
type Store interface {
	// LeaseCompliance makes a process the one that checks, for a while, and tells whether it is.
	LeaseCompliance(ctx context.Context, checker string, lease time.Duration) (bool, error)
	// RecordViolations opens what is new and ends what was not found again. Conflict when another process checks now.
	RecordViolations(ctx context.Context, checker string, c placement.ViolationCheck) (opened, ended int, err error)
	ListViolations(ctx context.Context, f placement.ViolationFilter, page placement.Page) ([]placement.Violation, error)
	GetViolation(ctx context.Context, id string) (placement.Violation, error)
	// UnconfirmedBreakGlass returns the policies that one person alone put in force and that nobody has confirmed in time.
	UnconfirmedBreakGlass(ctx context.Context) ([]placement.PolicyRecord, error)
}

// Fleet is the current view, and the database's time.
type Fleet interface {
	View() *fleet.View
	Now() time.Time
}

const (
	hostsAtOnce = 4096 // that one goroutine takes at a time

	interval   = 250 * time.Millisecond // how often a change is looked for
	restFactor = 4                      // of the time that a check took: granting comes first
	leaseFor   = 15 * time.Second       // after which another replica takes over
	leaseSlot  = 5 * time.Second        // how often the lease is renewed, or tried for
	fullEvery  = time.Minute            // how often everything is checked again, because time alone violates rules: attestations age, exceptions end
)

// Service checks and lists.
type Service struct {
	store      Store
	fleet      Fleet
	mappingAge time.Duration
	log        *slog.Logger
	name       string // of this process, as the one that checks

	leader  bool
	leased  time.Time // when the lease was last asked for
	checked *fleet.View
	full    time.Time // when everything was checked last
}

// New returns a service. A CIS-node VM whose host was seen longer ago than mappingMaxAge has an unknown host; 0: no limit.
func New(store Store, f Fleet, mappingMaxAge time.Duration, log *slog.Logger) *Service {
	return &Service{store: store, fleet: f, mappingAge: mappingMaxAge, log: log, name: uuid.NewString()}
}

// List returns a page of violations.
func (s *Service) List(ctx context.Context, f placement.ViolationFilter, page placement.Page) ([]placement.Violation, error) {
	return s.store.ListViolations(ctx, f, page)
}

// Get returns a violation, whether it stands or not.
func (s *Service) Get(ctx context.Context, id string) (placement.Violation, error) {
	return s.store.GetViolation(ctx, id)
}

// Run checks until the context ends: at once what has changed, all of it now and then. Of several replicas one does.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		start := time.Now()
		if err := s.Check(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "what runs could not be held against the policies", "error", err.Error())
		}
		tick.Reset(max(interval, restFactor*time.Since(start)))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Check records the violations of what has changed since the last check, if this process is the one that does. It is called by
// one goroutine.
func (s *Service) Check(ctx context.Context) error {
	mine, err := s.lease(ctx)
	if err != nil || !mine {
		return err
	}
	view := s.fleet.View()
	last := s.checked
	switch {
	case last == nil, last.Epoch != view.Epoch, time.Since(s.full) >= fullEvery:
		last = nil
	case last.Position == view.Position:
		return nil
	}
	c, err := s.check(ctx, view, last)
	if err != nil {
		return err
	}
	opened, ended, err := s.store.RecordViolations(ctx, s.name, c)
	if placement.KindOf(err) == placement.Conflict && err != nil {
		s.leader, s.checked = false, nil
		return nil //nolint:nilerr // that another replica checks now is how it should be
	}
	if err != nil {
		return fmt.Errorf("record violations: %w", err)
	}
	s.checked = view
	if last == nil {
		s.full = time.Now()
	}
	if opened+ended > 0 {
		s.log.WarnContext(ctx, "what runs was held against the policies", "policyEpoch", view.Epoch, "newViolations", opened, "endedViolations", ended)
	}
	return nil
}

// lease tells whether this process is the one that checks. One that becomes it checks everything first.
func (s *Service) lease(ctx context.Context) (bool, error) {
	if time.Since(s.leased) < leaseSlot {
		return s.leader, nil
	}
	mine, err := s.store.LeaseCompliance(ctx, s.name, leaseFor)
	if err != nil {
		return false, err
	}
	if s.leased = time.Now(); mine && !s.leader {
		s.checked = nil
	}
	s.leader = mine
	return mine, nil
}

// check looks at the hosts that changed since another view, or with none at all of them and at the policies themselves.
func (s *Service) check(ctx context.Context, view, last *fleet.View) (placement.ViolationCheck, error) {
	c := placement.ViolationCheck{Position: view.Position, PolicyEpoch: view.Epoch}
	if last != nil {
		slots, ids := changed(view, last)
		c.HostIDs, c.Found = ids, s.inspect(view, slots)
		return c, nil
	}
	all := make([]int, len(view.Blocks)*fleet.BlockSize)
	for i := range all {
		all[i] = i
	}
	c.Found = s.inspect(view, all)
	alone, err := s.store.UnconfirmedBreakGlass(ctx)
	if err != nil {
		return c, fmt.Errorf("read unconfirmed policies: %w", err)
	}
	for i := range alone {
		c.Found = append(c.Found, unconfirmed(&alone[i], view.Epoch))
	}
	return c, nil
}

// changed lists the hosts whose record or residents differ between two views: their numbers, and their ids, those that are gone
// included, which have no violations any more. The ids are never nil.
func changed(view, last *fleet.View) (slots []int, ids []string) {
	ids = []string{}
	var none fleet.Block
	for i, b := range view.Blocks {
		old := &none
		if i < len(last.Blocks) {
			old = last.Blocks[i]
		}
		if b == old {
			continue
		}
		for j, h := range b.Hosts {
			if h == old.Hosts[j] && same(b.Residents[j], old.Residents[j]) {
				continue
			}
			if h != nil {
				slots, ids = append(slots, i*fleet.BlockSize+j), append(ids, h.ID)
			}
			if o := old.Hosts[j]; o != nil && (h == nil || o.ID != h.ID) {
				ids = append(ids, o.ID)
			}
		}
	}
	return slots, ids
}

// same tells whether two lists of residents are one: a list that was published is never changed.
func same(a, b []*placement.Residency) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// inspect judges hosts on all processors. The order of what is found is that of the hosts.
func (s *Service) inspect(view *fleet.View, slots []int) []placement.Violation {
	now, parts := s.fleet.Now(), slices.Collect(slices.Chunk(slots, hostsAtOnce))
	found := make([][]placement.Violation, len(parts))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(parts); i = int(next.Add(1)) - 1 {
				found[i] = solver.Check(view, parts[i], now, s.mappingAge)
			}
		})
	}
	group.Wait()
	var all []placement.Violation
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// unconfirmed is the violation of a policy that one person alone put in force for too long.
func unconfirmed(p *placement.PolicyRecord, epoch int64) placement.Violation {
	return placement.Violation{PolicyEpoch: epoch, Reason: placement.Reason{
		PolicyID: p.ID, RuleID: placement.RuleBreakGlass, Check: placement.RuleBreakGlass,
		Params: map[string]string{"by": p.BreakGlass.By, "version": p.SelectedVersion, "until": p.BreakGlass.Until.Format(time.RFC3339), "why": p.BreakGlass.Reason},
	}}
}
