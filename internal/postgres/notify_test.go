package postgres

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"ringfence/internal/placement"
)

// TestWaitFeed wakes a reader by another replica's change, long before it would have looked by itself.
func TestWaitFeed(t *testing.T) {
	t.Parallel()
	_, appURL := testServer.NewDatabase(t)
	open := func(opts Options) *Store {
		t.Helper()
		opts.AllowUnsafe = true
		s, err := Open(t.Context(), appURL, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	writer, reader := open(Options{}), open(Options{DirectURL: appURL})
	start := time.Now()
	if err := reader.WaitFeed(t.Context()); err != nil || time.Since(start) < pollInterval/2 {
		t.Errorf("without a change the reader waited %v: %v", time.Since(start), err)
	}
	waited := make(chan bool, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		waited <- reader.listener.wait(ctx)
	}()
	eventually(t, func() bool {
		must2(writer.PutNFVIPoP(t.Context(), placement.NFVIPoP{ID: "LON", Country: time.Now().Format("150405.000000000")}, nil, tester))(t)
		select {
		case notified := <-waited:
			if !notified {
				t.Error("the reader was not notified")
			}
			return true
		default:
			return false
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := reader.WaitFeed(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the caller has gone", err)
	}
}

// TestWaitFeedWithoutListen waits where nobody can be notified.
func TestWaitFeedWithoutListen(t *testing.T) {
	t.Parallel()
	_, appURL := testServer.NewDatabase(t)
	s, err := Open(t.Context(), appURL, Options{AllowUnsafe: true, DirectURL: "postgres://u@127.0.0.1:1/x"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	start := time.Now()
	if err := s.WaitFeed(t.Context()); err != nil || time.Since(start) < pollInterval/2 {
		t.Errorf("waited %v: %v", time.Since(start), err)
	}
	_, err = Open(t.Context(), appURL, Options{AllowUnsafe: true, DirectURL: "postgres://["})
	wantKind(t, err, placement.Invalid)
}

// TestNotificationsAreCoalesced makes many changes at once, and few notifications of them.
func TestNotificationsAreCoalesced(t *testing.T) {
	t.Parallel()
	s, ownerURL := newStoreAndOwner(t)
	listening := connect(t, ownerURL)
	exec := func(sql string) {
		t.Helper()
		if _, err := listening.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`LISTEN ` + feedChannel)
	const changes = 200
	start := time.Now()
	for i := range changes {
		must2(s.PutNFVIPoP(t.Context(), placement.NFVIPoP{ID: "LON", Country: strconv.Itoa(i)}, nil, tester))(t)
	}
	took := time.Since(start)
	eventually(t, func() bool { return len(s.notifier.wake) == 0 })
	exec(`SELECT pg_notify('` + feedChannel + `', 'end')`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	count := 0
	for {
		n := must(listening.WaitForNotification(ctx))(t)
		if n.Payload == "end" {
			break
		}
		count++
	}
	if most := int(took/notifyInterval) + 2; count < 1 || count > most {
		t.Errorf("%d notifications of %d changes within %v, want 1 to %d", count, changes, took, most)
	}
}
