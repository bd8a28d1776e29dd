// Package compliance is the use case of holding what runs against the rules in force: after every change it looks for what a rule
// would refuse now, records it, and has hosts release what a rule evicts. It refuses and moves nothing, and ends nothing by itself.
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
	RecordViolations(ctx context.Context, checker string, c placement.ViolationCheck) (placement.ViolationRecord, error)
	// RecordUnsettled records the directives that failed, and those without an answer that are older than a duration. Conflict when
	// another process checks now.
	RecordUnsettled(ctx context.Context, checker string, overdueAfter time.Duration, policyEpoch int64) (placement.UnsettledRecord, error)
	// TellEnforcement tells hosts that came behind a VIM connection of another mode than they were told last, and how many it told.
	TellEnforcement(ctx context.Context) (int64, error)
	// PendingEvictions lists hosts on which something waits to be evicted, those first where it has waited longest.
	PendingEvictions(ctx context.Context, limit int) ([]placement.HostKey, error)
	// Evict has a host release those who wait for it and whom judge still sends away. Conflict when another process checks now,
	// NotFound for a host that is gone.
	Evict(ctx context.Context, checker string, o placement.EvictionOrder, judge placement.JudgeEviction) (placement.EvictionResult, error)
	// RaiseCache tells a host what judge orders about its cache. Conflict and NotFound as Evict.
	RaiseCache(ctx context.Context, checker string, o placement.CacheRaise, judge placement.JudgeCache) (placement.CacheRaiseResult, error)
	// CountViolations counts those that stand by rule, and PruneViolations removes those that ended long ago.
	CountViolations(ctx context.Context, limit int) ([]placement.ViolationCount, error)
	PruneViolations(ctx context.Context, after time.Duration, limit int) (int, error)
	ListViolations(ctx context.Context, page placement.Page) ([]placement.Violation, error)
	GetViolation(ctx context.Context, id string) (placement.Violation, error)
	// UnconfirmedBreakGlass returns the policies that one person alone put in force and that nobody has confirmed in time.
	UnconfirmedBreakGlass(ctx context.Context) ([]placement.PolicyRecord, error)
	// UnconfirmedChanges returns the changes of the inventory that one person alone applied and that nobody has confirmed in time.
	UnconfirmedChanges(ctx context.Context) ([]placement.PendingChange, error)
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

// Settings are what the operator decides about it.
type Settings struct {
	HostMappingMaxAge  time.Duration // a CIS-node VM whose host was seen longer ago has an unknown host; 0: no limit
	EvictionsPerMinute int           // residencies in the whole fleet, by rules that evict; 0: none
	OverdueAfter       time.Duration // a directive without an answer is a violation after that; 0: never
	Keep               time.Duration // for how long a violation that has ended is kept; 0: for ever
}

// Observer is told what was found and done, for the metrics.
type Observer interface {
	// Violations tells how many violations stand, by rule and enforcement, and how many of their residencies wait to be evicted;
	// nil from a process that does not check.
	Violations(open map[string]map[string]int, pending int)
	// ViolationsEnded counts violations that have ended.
	ViolationsEnded(enforcement string, n int)
	// Evicted counts residencies that their hosts were told to release.
	Evicted(n int)
}

// Service checks and lists.
type Service struct {
	store    Store
	fleet    Fleet
	settings Settings
	observer Observer
	log      *slog.Logger
	name     string // of this process, as the one that checks

	leader  bool
	leased  time.Time // when the lease was last asked for
	checked *fleet.View
	full    time.Time // when everything was checked last
	waiting bool      // somebody waits to be evicted
	closed  time.Time // when there was no room to evict any more
	pending int       // violations whose residencies wait for their eviction, when that was last counted

	unsettled time.Time // when directives were last looked at

	told   map[weakEntry]string // what hosts were told to purge, and the mode that is needed
	untold map[weakEntry]string // what they are still to be told
}

// New returns a service.
func New(store Store, f Fleet, settings Settings, observer Observer, log *slog.Logger) *Service {
	return &Service{store: store, fleet: f, settings: settings, observer: observer, log: log, name: uuid.NewString(), told: map[weakEntry]string{}, untold: map[weakEntry]string{}}
}

// List returns a page of violations.
func (s *Service) List(ctx context.Context, page placement.Page) ([]placement.Violation, error) {
	return s.store.ListViolations(ctx, page)
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

// Check records the violations of what has changed since the last check, and evicts, if this process is the one that does. It is
// called by one goroutine.
func (s *Service) Check(ctx context.Context) error {
	mine, err := s.lease(ctx)
	if err != nil || !mine {
		return err
	}
	view := s.fleet.View()
	err = s.record(ctx, view)
	if err == nil && s.waiting {
		err = s.evict(ctx, view)
	}
	if err == nil && len(s.untold) > 0 {
		err = s.raise(ctx, view)
	}
	if err == nil {
		err = s.recordUnsettled(ctx, view.Epoch)
	}
	if placement.KindOf(err) == placement.Conflict && err != nil {
		s.resign()
		return nil //nolint:nilerr // that another replica checks now is how it should be
	}
	return err
}

// record records the violations of what has changed since the last check.
func (s *Service) record(ctx context.Context, view *fleet.View) error {
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
	done, err := s.store.RecordViolations(ctx, s.name, c)
	if err != nil {
		return fmt.Errorf("record violations: %w", err)
	}
	s.checked, s.waiting, s.pending = view, done.Pending > 0, done.Pending
	if s.note(c.Found, last == nil); last == nil {
		s.full = time.Now()
	}
	if err := s.tell(ctx, &done, last == nil); err != nil {
		return err
	}
	if last == nil {
		return s.prune(ctx)
	}
	return nil
}

// mostRules bounds the rules that have a metric of their own.
const mostRules = 100

// tell tells what a check has changed.
func (s *Service) tell(ctx context.Context, done *placement.ViolationRecord, all bool) error {
	ended := 0
	for e, n := range done.Ended {
		s.observer.ViolationsEnded(string(e), n)
		ended += n
	}
	if !all && done.Opened+ended == 0 {
		return nil
	}
	if done.Opened+ended > 0 {
		s.log.WarnContext(ctx, "what runs was held against the policies",
			"policyEpoch", s.checked.Epoch, "newViolations", done.Opened, "endedViolations", ended, "pendingEvictions", done.Pending)
	}
	return s.count(ctx)
}

// count tells the metrics what stands.
func (s *Service) count(ctx context.Context) error {
	open, err := s.store.CountViolations(ctx, mostRules)
	if err != nil {
		return fmt.Errorf("count violations: %w", err)
	}
	counts := map[string]map[string]int{}
	for _, v := range open {
		if counts[v.RuleID] == nil {
			counts[v.RuleID] = map[string]int{}
		}
		counts[v.RuleID][string(v.Enforcement)] = v.Count
	}
	s.observer.Violations(counts, s.pending)
	return nil
}

// pruneBatch is how many violations are removed at a time.
const pruneBatch = 5000

// prune removes what ended long ago.
func (s *Service) prune(ctx context.Context) error {
	if s.settings.Keep == 0 {
		return nil
	}
	n, err := s.store.PruneViolations(ctx, s.settings.Keep, pruneBatch)
	if err != nil {
		return fmt.Errorf("remove violations that ended long ago: %w", err)
	}
	if n > 0 {
		s.log.InfoContext(ctx, "violations that ended long ago were removed", "count", n)
	}
	return nil
}

// resign says that another process checks now.
func (s *Service) resign() {
	s.leader, s.checked, s.waiting, s.unsettled = false, nil, false, time.Time{}
	clear(s.told)
	clear(s.untold)
	s.observer.Violations(nil, 0)
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
	if s.leased = time.Now(); !mine && s.leader {
		s.resign()
	}
	if mine && !s.leader {
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
		slots, ids = withSiblings(view, last, slots, ids)
		slots, ids = withCaches(view, last, slots, ids)
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
	changes, err := s.store.UnconfirmedChanges(ctx)
	if err != nil {
		return c, fmt.Errorf("read unconfirmed changes: %w", err)
	}
	for i := range changes {
		c.Found = append(c.Found, unconfirmedChange(&changes[i], view.Epoch))
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
				found[i] = solver.Check(view, parts[i], now, s.settings.HostMappingMaxAge)
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
	return placement.Violation{PolicyEpoch: epoch, Enforcement: placement.Enforced, Eviction: placement.EvictionNone, Reason: placement.Reason{
		PolicyID: p.ID, RuleID: placement.RuleBreakGlass, Check: placement.RuleBreakGlass,
		Params: map[string]string{"by": p.BreakGlass.By, "version": p.SelectedVersion, "until": p.BreakGlass.Until.Format(time.RFC3339), "why": p.BreakGlass.Reason},
	}}
}

// unconfirmedChange is the violation of a change of the inventory that one person alone applied too long ago. It stands in the place
// of a policy.
func unconfirmedChange(p *placement.PendingChange, epoch int64) placement.Violation {
	g := p.Decision.BreakGlass
	return placement.Violation{PolicyEpoch: epoch, Enforcement: placement.Enforced, Eviction: placement.EvictionNone, Reason: placement.Reason{
		PolicyID: p.ID, RuleID: placement.RuleBreakGlass, Check: placement.RuleBreakGlass,
		Params: map[string]string{"by": g.By, "change": p.ID, "until": g.Until.Format(time.RFC3339), "why": g.Reason},
	}}
}
