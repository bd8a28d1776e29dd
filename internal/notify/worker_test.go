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

func (m *memory) PutOffDelivery(_ context.Context, d placement.Delivery, after time.Duration, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putOff[d.Event.ID] = after
	return nil
}

func newMemory(list ...placement.Delivery) *memory {
	return &memory{due: list, settled: map[string]string{}, putOff: map[string]time.Duration{}}
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
