package cism

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"ringfence/api/client"
)

const (
	pollWait     = 20 * time.Second
	pollPause    = 200 * time.Millisecond // between polls that failed, doubled each time
	maxPollPause = 5 * time.Second
	saveEvery    = time.Second // while directives come one after the other
)

// feed follows the directives of the cluster's VIM connection into a table, and keeps both in a file.
type feed struct {
	service         *client.Client
	verifier        *client.Verifier
	vimConnectionID string
	maxSilence      time.Duration
	store           store
	log             *slog.Logger
	now             func() time.Time

	table  *table
	marker string
	saved  time.Time

	mu      sync.Mutex
	contact time.Time // when ringfence last said what is granted, or that nothing is new
	fault   error     // why it could not be followed last; nil: it could
}

// fresh says why the table cannot be relied on: it was never read to the end, or ringfence was silent for too long.
func (f *feed) fresh() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	silence := f.now().Sub(f.contact)
	switch {
	case f.contact.IsZero() && f.fault != nil:
		return fmt.Errorf("ringfence has not said yet what is granted (%w): nothing new starts until it has", f.fault)
	case f.contact.IsZero():
		return errors.New("ringfence has not said yet what is granted: nothing new starts until it has")
	case silence > f.maxSilence:
		return fmt.Errorf("ringfence has been silent for %s, so nobody knows whether the grant stands: nothing new starts until it answers; what runs stays",
			silence.Round(time.Second))
	}
	return nil
}

// run follows the feed until the context ends. What goes wrong is tried again.
func (f *feed) run(ctx context.Context) {
	pause := pollPause
	for ctx.Err() == nil {
		err := f.step(ctx)
		if err == nil {
			pause = pollPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		f.log.Error("directives could not be followed", "error", err.Error())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPollPause)
	}
}

// step reads the directives that follow and follows them.
func (f *feed) step(ctx context.Context) error {
	wait := min(pollWait, f.maxSilence/2) // so that an empty answer is no silence
	if !f.current() {
		wait = 0
	}
	list, next, err := f.service.VIMFeed(ctx, f.vimConnectionID, f.marker, wait)
	if err == nil {
		err = f.follow(ctx, list)
	}
	if _, gap := errors.AsType[*gapError](err); gap && f.table.isComplete() || client.HasStatus(err, http.StatusBadRequest) && f.marker != "" {
		f.log.Warn("what is granted is read again from the beginning", "why", err.Error())
		f.restart()
		return nil
	}
	if err != nil {
		f.failed(err)
		return err
	}
	f.marker = next
	if len(list) == 0 {
		f.table.finish()
	}
	if len(list) == 0 || f.fresh() == nil { // after a silence only the end of the feed says that nothing was missed
		f.reached()
	}
	if len(list) > 0 && f.now().Sub(f.saved) < saveEvery { // a file that is a moment behind costs a moment at the next start
		return nil
	}
	f.saved = f.now()
	return f.store.save(f)
}

// current tells whether the feed was read to its end and nothing went wrong since.
func (f *feed) current() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.contact.IsZero() && f.fault == nil
}

func (f *feed) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = err
}

// reached records that the table says what ringfence says now.
func (f *feed) reached() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.contact, f.fault = f.now(), nil
}

// restart forgets what was read. Nothing new starts until all of it was read again.
func (f *feed) restart() {
	f.marker = ""
	f.table.reset()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.contact, f.fault = time.Time{}, nil
}

// follow verifies directives and follows them, in their order.
func (f *feed) follow(ctx context.Context, list []json.RawMessage) error {
	for _, raw := range list {
		d, err := f.verifier.Verify(ctx, raw)
		if err != nil {
			return fmt.Errorf("a directive is not followed, and nothing after it: %w", err)
		}
		if err := f.table.apply(&d); err != nil {
			return err
		}
	}
	return nil
}
