package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"ringfence/internal/placement"
)

// Outbox holds what is to be delivered. Other replicas deliver from it too.
type Outbox interface {
	// LeaseDeliveries takes up to n deliveries that are due, and keeps others from taking them for a while. A delivery that is
	// neither settled nor put off within the lease is due again.
	LeaseDeliveries(ctx context.Context, n int, lease time.Duration) ([]placement.Delivery, error)
	// SettleDelivery ends a delivery: delivered, or dead when why says what went wrong.
	SettleDelivery(ctx context.Context, d placement.Delivery, why string) error
	// PutOffDelivery makes a delivery due again after a while. tried says that the subscriber was called and failed.
	PutOffDelivery(ctx context.Context, d placement.Delivery, after time.Duration, why string, tried bool) error
	// SuspendSubscription gives up a subscription that has failed for as long as patience, and what is on its way to it.
	SuspendSubscription(ctx context.Context, id string, patience time.Duration, why string) (suspended bool, err error)
	// ForgetDeliveries deletes some of what was delivered, or given up, so long ago, and of the events behind it.
	ForgetDeliveries(ctx context.Context, n int, delivered, dead time.Duration) (int, error)
	CountDeliveries(ctx context.Context) (placement.DeliveryCounts, error)
}

// The pace of deliveries.
const (
	batch         = 16
	leaseTime     = 20 * time.Second
	firstPause    = time.Second     // after the first failure; doubles, with jitter
	longestPause  = 5 * time.Minute // between two tries
	patience      = 24 * time.Hour  // with a subscriber that does not answer; then the delivery is dead
	perHost       = 2               // calls to one host at the same time
	pollInterval  = time.Second
	breakAfter    = 5                // failures in a row after which a host is left alone
	breakDuration = 30 * time.Second // for so long
)

// How long is kept what nobody waits for any more.
const (
	sweepInterval = 15 * time.Second
	sweepBatch    = 500
	keepDelivered = 7 * 24 * time.Hour
	keepDead      = 30 * 24 * time.Hour
)

// Render writes a notification as its subscriber reads it.
type Render func(placement.Delivery) ([]byte, error)

// Worker delivers.
type Worker struct {
	outbox Outbox
	caller *Caller
	render Render
	log    *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	hosts  map[string]*host
	counts placement.DeliveryCounts
}

// host is what is known of a callback's host.
type host struct {
	slots     chan struct{}
	failures  int       // in a row
	openUntil time.Time // until then it is not called
}

// NewWorker returns a worker.
func NewWorker(outbox Outbox, caller *Caller, render Render, log *slog.Logger) *Worker {
	return &Worker{outbox: outbox, caller: caller, render: render, log: log, now: time.Now, hosts: map[string]*host{}}
}

// Run delivers until the context ends.
func (w *Worker) Run(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var swept time.Time
	for {
		if now := w.now(); now.Sub(swept) >= sweepInterval {
			swept = now
			if err := w.Sweep(ctx); err != nil && ctx.Err() == nil {
				w.log.WarnContext(ctx, "old notifications could not be forgotten", "error", err.Error())
			}
		}
		n, err := w.Deliver(ctx)
		if err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "notifications could not be delivered", "error", err.Error())
		}
		if n == batch {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep forgets some of what nobody waits for any more, and counts what is left.
func (w *Worker) Sweep(ctx context.Context) error {
	if _, err := w.outbox.ForgetDeliveries(ctx, sweepBatch, keepDelivered, keepDead); err != nil {
		return err
	}
	counts, err := w.outbox.CountDeliveries(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts = counts
	return nil
}

// Counts is what the last sweep counted.
func (w *Worker) Counts() placement.DeliveryCounts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts
}

// Deliver tries what is due now, once each, and returns how many that were.
func (w *Worker) Deliver(ctx context.Context) (int, error) {
	leased := w.now() // before the lease begins, so that it ends no earlier than is believed here
	due, err := w.outbox.LeaseDeliveries(ctx, batch, leaseTime)
	if err != nil {
		return 0, err
	}
	errs := make(chan error, len(due))
	for _, d := range due {
		go func() { errs <- w.deliver(ctx, d, leased.Add(leaseTime)) }()
	}
	for range due {
		if e := <-errs; e != nil {
			err = e
		}
	}
	return len(due), err
}

// deliver tries one delivery while its lease lasts: after that, another replica may try it.
func (w *Worker) deliver(ctx context.Context, d placement.Delivery, until time.Time) error {
	sub := &d.Subscription
	body, err := w.render(d)
	if err != nil {
		return err
	}
	h := w.host(sub.CallbackURI)
	if wait := w.broken(h); wait > 0 {
		return w.outbox.PutOffDelivery(ctx, d, wait, "the host did not answer several times in a row and is left alone for a while", false)
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil // the lease ends by itself
	}
	if until.Sub(w.now()) < callTimeout {
		return nil // the host is slow: the call might outlast the lease, which ends by itself
	}
	err = w.caller.Post(ctx, *sub, body)
	if ctx.Err() != nil {
		return nil // stopped in the middle: it is delivered again
	}
	w.note(h, err == nil)
	if err != nil && !d.FailingSince.IsZero() && w.now().Sub(d.FailingSince) >= patience {
		suspended, failed := w.outbox.SuspendSubscription(ctx, sub.ID, patience, err.Error())
		if suspended {
			w.log.WarnContext(ctx, "a subscription is suspended: its callback has failed for too long", "subscription", sub.ID, "client", sub.ClientID, "error", err.Error())
		}
		if suspended || failed != nil {
			return failed
		}
	}
	switch {
	case err == nil:
		return w.outbox.SettleDelivery(ctx, d, "")
	case w.now().Sub(d.Event.At) >= patience:
		w.log.WarnContext(ctx, "a notification is given up", "subscription", sub.ID, "notification", d.Event.ID, "attempts", d.Attempts+1, "error", err.Error())
		return w.outbox.SettleDelivery(ctx, d, err.Error())
	}
	return w.outbox.PutOffDelivery(ctx, d, pause(d.Attempts), err.Error(), true)
}

// pause is how long to wait after the n-th failure, from 0.
func pause(n int) time.Duration {
	p := longestPause
	if n < 9 {
		p = min(firstPause<<n, longestPause)
	}
	return p/2 + rand.N(p)
}

func (w *Worker) host(uri string) *host {
	name := uri
	if u, err := url.Parse(uri); err == nil {
		name = u.Host
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	if h == nil {
		h = &host{slots: make(chan struct{}, perHost)}
		w.hosts[name] = h
	}
	return h
}

// broken tells for how long a host is left alone.
func (w *Worker) broken(h *host) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return h.openUntil.Sub(w.now())
}

func (w *Worker) note(h *host, answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if answered {
		h.failures = 0
		return
	}
	if h.failures++; h.failures >= breakAfter {
		h.failures, h.openUntil = 0, w.now().Add(breakDuration)
	}
}
