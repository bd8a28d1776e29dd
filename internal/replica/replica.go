// Package replica keeps this process's fleet current: it loads the inventory at start, follows the change feed,
// and knows how far behind it is. It is the only writer of the fleet and decides nothing.
//
// It is a package of its own because the fleet does no I/O, and every use case needs the same view.
package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// Source is the database as a replica sees it.
type Source interface {
	// Snapshot calls fn with the whole present state and returns the position from which the feed goes on, and the
	// position at which state and feed agree: only then is the state a prefix of the feed.
	Snapshot(ctx context.Context, fn func(placement.Change) error) (resume, settled placement.FeedPosition, err error)
	ReadFeed(ctx context.Context, after placement.FeedPosition, limit int) ([]placement.Change, error)
	// FeedHead returns the newest position that ReadFeed can return, and whether committed changes wait behind a
	// transaction that is still running.
	FeedHead(ctx context.Context) (head placement.FeedPosition, pending bool, err error)
	// FeedNewest returns the position of the newest committed change, whether ReadFeed returns it yet or not.
	FeedNewest(ctx context.Context) (placement.FeedPosition, error)
	// WaitFeed returns when the feed may have grown.
	WaitFeed(ctx context.Context) error
	Clock(ctx context.Context) (time.Time, error)
}

const (
	batchSize     = 2000                   // rows of the feed applied before a view is published
	clockInterval = 30 * time.Second       // how often the database's clock is compared with ours
	retryPause    = 200 * time.Millisecond // after an error of the database
	pendingPause  = 2 * time.Millisecond   // at first, while committed changes wait for an older transaction
	longestPause  = 50 * time.Millisecond  // of these, since that transaction may be long, and of another database
	staleAfter    = 10 * time.Second       // without a successful read of the feed, the replica is not ready
)

// Replica follows the feed.
type Replica struct {
	source Source
	fleet  *fleet.Fleet
	log    *slog.Logger

	wake chan struct{} // somebody waits for newer changes

	mu       sync.Mutex
	advanced chan struct{} // closed and replaced at every publication
	loaded   bool
	readAt   time.Time // of the last successful read of the feed
	atHead   time.Time // when the view last had everything that the feed has
	lastErr  error
	offset   time.Duration // database's clock minus ours
}

// New returns a replica with an empty fleet; Load fills it.
func New(source Source, log *slog.Logger) *Replica {
	return &Replica{source: source, fleet: fleet.New(), log: log, wake: make(chan struct{}, 1), advanced: make(chan struct{})}
}

// View returns the newest view.
func (r *Replica) View() *fleet.View { return r.fleet.View() }

// Now is the database's time, as well as this process knows it.
func (r *Replica) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.offset).UTC().Truncate(time.Microsecond)
}

// Load reads the present state and follows the feed until the state is exactly a prefix of it.
func (r *Replica) Load(ctx context.Context) error {
	if err := r.setClock(ctx); err != nil {
		return err
	}
	start := time.Now()
	resume, settled, err := r.source.Snapshot(ctx, func(c placement.Change) error { return r.fleet.Apply(c) })
	if err != nil {
		return fmt.Errorf("load the inventory: %w", err)
	}
	r.fleet.Advance(resume)
	r.fleet.Publish()
	for {
		if _, err := r.step(ctx); err != nil {
			return fmt.Errorf("load the inventory: %w", err)
		}
		reached, err := r.reached(ctx, settled)
		if err != nil {
			return fmt.Errorf("load the inventory: %w", err)
		}
		if reached {
			break
		}
		if err := pause(ctx, pendingPause); err != nil {
			return err
		}
	}
	v := r.fleet.View()
	r.log.InfoContext(ctx, "inventory loaded", "hosts", v.Size, "residencies", v.Residencies(), "policies", len(v.Policies.Policies),
		"changeSeq", v.Position.String(), "tookMs", time.Since(start).Milliseconds())
	r.mu.Lock()
	r.loaded, r.readAt = true, time.Now()
	r.mu.Unlock()
	return nil
}

// reached tells whether nothing at or before a position can still appear in the feed.
func (r *Replica) reached(ctx context.Context, settled placement.FeedPosition) (bool, error) {
	if r.fleet.View().Position.Compare(settled) >= 0 {
		return true, nil
	}
	head, pending, err := r.source.FeedHead(ctx)
	return err == nil && !pending && r.fleet.View().Position.Compare(head) >= 0, err
}

// Run follows the feed until the context ends.
func (r *Replica) Run(ctx context.Context) error {
	go r.keepTime(ctx)
	go r.listen(ctx)
	for ctx.Err() == nil {
		n, err := r.step(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "the change feed could not be read", "error", err.Error())
			_ = pause(ctx, retryPause)
			continue
		}
		if n > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
		}
	}
	return nil
}

// listen wakes the reader when the database says so, and now and then.
func (r *Replica) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.source.WaitFeed(ctx); err != nil {
			_ = pause(ctx, retryPause)
		}
		r.nudge()
	}
}

func (r *Replica) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// step applies what the feed has, up to a batch, and publishes a view of it.
func (r *Replica) step(ctx context.Context) (int, error) {
	changes, err := r.source.ReadFeed(ctx, r.fleet.View().Position, batchSize)
	if err == nil && len(changes) > 0 {
		err = r.fleet.Apply(changes...)
		r.fleet.Publish()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastErr = err
	if err == nil {
		r.readAt = time.Now()
		if len(changes) < batchSize {
			r.atHead = r.readAt
		}
		close(r.advanced)
		r.advanced = make(chan struct{})
	}
	return len(changes), err
}

// CatchUp returns once the view includes every change that was committed before the call.
func (r *Replica) CatchUp(ctx context.Context) error {
	newest, err := r.source.FeedNewest(ctx)
	if err != nil {
		return err
	}
	return r.await(ctx, newest)
}

// await returns once the view has reached a position.
func (r *Replica) await(ctx context.Context, p placement.FeedPosition) error {
	for wait := pendingPause; ; wait = min(wait+wait/2, longestPause) {
		r.mu.Lock()
		advanced := r.advanced
		r.mu.Unlock()
		if r.fleet.View().Position.Compare(p) >= 0 {
			return nil
		}
		r.nudge()
		again := time.NewTimer(wait) // what is committed may wait for an older transaction, which no notice tells
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return placement.Wrap(placement.Unavailable, ctx.Err(), "the view could not catch up with the change feed in time; retry")
		case <-advanced:
			again.Stop()
		}
	}
}

// keepTime compares the clocks now and then.
func (r *Replica) keepTime(ctx context.Context) {
	for pause(ctx, clockInterval) == nil {
		if err := r.setClock(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "the database's clock could not be read", "error", err.Error())
		}
	}
}

func (r *Replica) setClock(ctx context.Context) error {
	before := time.Now()
	there, err := r.source.Clock(ctx)
	if err != nil {
		return err
	}
	half := time.Since(before) / 2
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offset = there.Sub(before.Add(half))
	return nil
}

// Ready tells whether decisions can be made: the inventory is loaded and the feed was read lately.
func (r *Replica) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.loaded:
		return errors.New("the inventory is not loaded yet")
	case time.Since(r.readAt) > staleAfter && r.lastErr != nil:
		return fmt.Errorf("the change feed was last read %s ago: %w", time.Since(r.readAt).Round(time.Second), r.lastErr)
	case time.Since(r.readAt) > staleAfter:
		return fmt.Errorf("the change feed was last read %s ago", time.Since(r.readAt).Round(time.Second))
	}
	return nil
}

// Age is how long ago the feed was last read: the most that the view can be behind.
func (r *Replica) Age() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.readAt.IsZero() {
		return 0
	}
	return time.Since(r.readAt)
}

// Lag is for how long the view has not had everything that the feed has; it grows while more is read than one
// batch takes, or the feed cannot be read.
func (r *Replica) Lag() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.atHead.IsZero() {
		return 0
	}
	return time.Since(r.atHead)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
