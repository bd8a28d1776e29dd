package notify

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// memory is an outbox of one delivery for each URI.
type memory struct {
	mu      sync.Mutex
	due     []placement.Delivery
	settled map[string]string // by notification: why it is dead; empty: delivered
	putOff  map[string]time.Duration

	suspended map[string]string // by subscription: why
}

func (m *memory) LeaseDeliveries(context.Context, int, time.Duration) ([]placement.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.due
	m.due = nil
	return list, nil
}

func (m *memory) SettleDelivery(_ context.Context, d placement.Delivery, why string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled[d.Event.ID] = why
	return nil
}

func (m *memory) PutOffDelivery(_ context.Context, d placement.Delivery, after time.Duration, _ string, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putOff[d.Event.ID] = after
	return nil
}

func (m *memory) SuspendSubscription(_ context.Context, id string, patience time.Duration, why string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if patience != 24*time.Hour || id == "works again" {
		return false, nil
	}
	m.suspended[id] = why
	return true, nil
}

func (m *memory) ForgetDeliveries(context.Context, int, time.Duration, time.Duration) (int, error) {
	return 0, nil
}

func (m *memory) CountDeliveries(context.Context) (placement.DeliveryCounts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return placement.DeliveryCounts{Pending: int64(len(m.due))}, nil
}

func newMemory(list ...placement.Delivery) *memory {
	return &memory{due: list, settled: map[string]string{}, putOff: map[string]time.Duration{}, suspended: map[string]string{}}
}

func due(id, uri string, at time.Time, attempts int) placement.Delivery {
	return placement.Delivery{
		Event: placement.PolicyEvent{ID: id, At: at}, Subscription: placement.PolicySubscription{ClientID: "vnfm", CallbackURI: uri}, Attempts: attempts,
	}
}

// empty renders every notification alike.
func empty(placement.Delivery) ([]byte, error) { return []byte("{}"), nil }

func deliver(t *testing.T, w *Worker) {
	t.Helper()
	if _, err := w.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWorkerSettlesWhatWasDelivered(t *testing.T) {
	t.Parallel()
	good, calls := subscriber(t, noContent)
	bad, _ := subscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	now := time.Now()
	m := newMemory(
		due("delivered", good, now, 0),
		due("later", bad, now, 3),
		due("dead", bad, now.Add(-25*time.Hour), 300),
	)
	w := NewWorker(m, NewCaller(&Guard{Developing: true}), empty, slog.New(slog.DiscardHandler))
	deliver(t, w)
	if why, ok := m.settled["delivered"]; !ok || why != "" || calls.Load() != 1 {
		t.Errorf("delivered: %q %t after %d calls", why, ok, calls.Load())
	}
	if after := m.putOff["later"]; after < 4*time.Second || after > 12*time.Second {
		t.Errorf("the fourth failure is put off for %s", after)
	}
	if why := m.settled["dead"]; why != "answered 503, 204 was expected" {
		t.Errorf("dead: %q", why)
	}
}

// TestWorkerLeavesSilentHostsAlone stops calling a host that fails again and again, and comes back to it.
func TestWorkerLeavesSilentHostsAlone(t *testing.T) {
	t.Parallel()
	uri, calls := subscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	w := NewWorker(nil, NewCaller(&Guard{Developing: true}), empty, slog.New(slog.DiscardHandler))
	now := time.Now()
	w.now = func() time.Time { return now }
	for range breakAfter + 3 {
		w.outbox = newMemory(due("n", uri, now, 0))
		deliver(t, w)
	}
	if calls.Load() != breakAfter {
		t.Errorf("%d calls to a host that fails", calls.Load())
	}
	now = now.Add(breakDuration + time.Second)
	w.outbox = newMemory(due("n", uri, now, 0))
	if deliver(t, w); calls.Load() != breakAfter+1 {
		t.Error("the host is never called again")
	}
}

// TestWorkerSparesAHost never has more calls to one host than it may.
func TestWorkerSparesAHost(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	uri, calls := subscriber(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond) // a call takes a while: others would come in meanwhile
		now.Add(-1)
		noContent(w, r)
	})
	var all []placement.Delivery
	for range batch {
		all = append(all, due("n", uri, time.Now(), 0))
	}
	deliver(t, NewWorker(newMemory(all...), NewCaller(&Guard{Developing: true}), empty, slog.New(slog.DiscardHandler)))
	if calls.Load() != batch || most.Load() > perHost {
		t.Errorf("%d calls, at most %d at the same time", calls.Load(), most.Load())
	}
}

// TestWorkerSuspendsWhatFailedForTooLong gives a subscription up after a day without a delivery, and not because one notification is old.
func TestWorkerSuspendsWhatFailedForTooLong(t *testing.T) {
	t.Parallel()
	bad, _ := subscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	good, _ := subscriber(t, noContent)
	now := time.Now()
	failing := func(id, uri string, since time.Duration) placement.Delivery {
		d := due(id, uri, now.Add(-time.Minute), 9)
		d.Subscription.ID, d.FailingSince = id, now.Add(-since)
		return d
	}
	m := newMemory(
		failing("for a day", bad, 24*time.Hour), failing("for less", bad, 23*time.Hour),
		failing("works again", bad, 48*time.Hour), failing("delivered", good, 48*time.Hour),
	)
	w := NewWorker(m, NewCaller(&Guard{Developing: true}), empty, slog.New(slog.DiscardHandler))
	w.now = func() time.Time { return now }
	deliver(t, w)
	if len(m.suspended) != 1 || m.suspended["for a day"] != "answered 404, 204 was expected" {
		t.Errorf("suspended %v", m.suspended)
	}
	if len(m.putOff) != 2 || m.putOff["for less"] == 0 || m.putOff["works again"] == 0 {
		t.Errorf("put off %v", m.putOff)
	}
	if _, ok := m.settled["delivered"]; !ok || len(m.settled) != 1 {
		t.Errorf("settled %v", m.settled)
	}
}

// TestWorkerStopsWhenItsLeaseMayEnd never begins a call that might still run when another replica may make it too.
func TestWorkerStopsWhenItsLeaseMayEnd(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	start := time.Now()
	uri, calls := subscriber(t, func(w http.ResponseWriter, r *http.Request) {
		clock.Add(int64(callTimeout)) // each call takes as long as it may
		noContent(w, r)
	})
	var all []placement.Delivery
	for range batch {
		all = append(all, due("n", uri, start, 0))
	}
	w := NewWorker(newMemory(all...), NewCaller(&Guard{Developing: true}), empty, slog.New(slog.DiscardHandler))
	w.now = func() time.Time { return start.Add(time.Duration(clock.Load())) }
	deliver(t, w)
	if most := int64(leaseTime/callTimeout) + perHost; calls.Load() == 0 || calls.Load() > most {
		t.Errorf("%d calls, at most %d end within a lease of %s", calls.Load(), most, leaseTime)
	}
}

// TestWorkerSweeps counts what is on its way when it starts.
func TestWorkerSweeps(t *testing.T) {
	t.Parallel()
	w := NewWorker(newMemory(due("n", "https://x/", time.Now(), 0)), NewCaller(&Guard{}), empty, slog.New(slog.DiscardHandler))
	if err := w.Sweep(t.Context()); err != nil || w.Counts().Pending != 1 {
		t.Errorf("%v, %+v", err, w.Counts())
	}
}
