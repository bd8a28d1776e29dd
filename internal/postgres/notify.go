package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	feedChannel    = "ringfence_feed"
	notifyInterval = 50 * time.Millisecond  // at most one NOTIFY per replica in this time
	pollInterval   = 250 * time.Millisecond // how long a reader waits at most, notified or not
)

// notifier tells the readers of the change feed that there is something new. It does so apart from the transactions
// that made it, and at most once per interval: a NOTIFY within them would make all commits queue for one lock.
type notifier struct {
	pool   *pgxpool.Pool
	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

func startNotifier(pool *pgxpool.Pool) *notifier {
	ctx, cancel := context.WithCancel(context.Background())
	n := &notifier{pool: pool, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	go n.run(ctx)
	return n
}

// changed says that a transaction was committed.
func (n *notifier) changed() {
	select {
	case n.wake <- struct{}{}:
	default: // a NOTIFY is due already
	}
}

func (n *notifier) run(ctx context.Context) {
	defer close(n.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		}
		_, _ = n.pool.Exec(ctx, `NOTIFY `+feedChannel) // readers poll: a lost wake-up costs time, not changes
		if sleep(ctx, notifyInterval) != nil {
			return
		}
	}
}

func (n *notifier) stop() {
	n.cancel()
	<-n.done
}

// listener waits for notifications on a connection of its own, which it opens when it is first needed.
type listener struct {
	config *pgx.ConnConfig

	mu   sync.Mutex
	conn *pgx.Conn
}

// WaitFeed returns when the change feed may have grown: when a replica says so, or after a short time. It is a hint
// only, so it reports no errors but the context's; where LISTEN does not work, it waits. One caller at a time.
func (s *Store) WaitFeed(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, pollInterval)
	defer cancel()
	if !s.listener.wait(wait) {
		<-wait.Done()
	}
	return ctx.Err()
}

// wait tells whether a notification arrived.
func (l *listener) wait(ctx context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil && !l.connect(ctx) {
		return false
	}
	_, err := l.conn.WaitForNotification(ctx)
	if l.conn.IsClosed() {
		l.conn = nil
	}
	return err == nil
}

func (l *listener) connect(ctx context.Context) bool {
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return false
	}
	if _, err := conn.Exec(ctx, `LISTEN `+feedChannel); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return false
	}
	l.conn = conn
	return true
}

func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close(context.Background())
		l.conn = nil
	}
}
