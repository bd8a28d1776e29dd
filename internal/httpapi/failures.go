package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ringfence/internal/auth"
)

// failuresEvery is how often refused callers are logged: by their number, so that a flood of them neither hides nor fills the log.
const failuresEvery = time.Minute

var errForbidden = errors.New("a role is missing")

// failures counts the callers who were refused, by the reason. Nothing of what they sent is kept.
type failures struct {
	mu     sync.Mutex
	counts map[string]int
}

func (f *failures) add(err error) {
	reason := err.Error()
	if _, known := errors.AsType[*auth.InvalidError](err); !known && !errors.Is(err, errForbidden) {
		for _, kind := range []error{auth.ErrMissing, auth.ErrMalformed, auth.ErrUnavailable} {
			if errors.Is(err, kind) {
				reason = kind.Error()
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	f.counts[reason]++
}

func (f *failures) take() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := f.counts
	f.counts = nil
	return counts
}

// LogFailures logs until the context ends how many callers were refused, and why.
func (s *Server) LogFailures(ctx context.Context) error {
	tick := time.NewTicker(failuresEvery)
	defer tick.Stop()
	for {
		var ended bool
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		for reason, count := range s.failures.take() {
			s.log.LogAttrs(ctx, slog.LevelWarn, "callers were refused", slog.String("reason", reason), slog.Int("count", count))
		}
		if ended {
			return nil
		}
	}
}
