package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"ringfence/internal/placement"
)

const (
	maxAttempts     = 8                    // of one transaction, when the database asks to try again
	retryPause      = 5 * time.Millisecond // before the second attempt; doubles, with jitter
	rollbackTimeout = 5 * time.Second
)

// The transactions of the store. Writers use READ COMMITTED, because a statement must see what the lock that it
// waited for has protected; at a higher level it would read the old snapshot.
var (
	readWrite = pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}
	readOnly  = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
)

// errOvertaken says that a transaction with a later id has already changed a host that this one locked. Committing
// would put the two changes into the feed in the wrong order, so inTx starts again, with a new transaction id.
var errOvertaken = errors.New("overtaken by a later transaction")

// inTx runs fn in a transaction and commits it. It starts again when the database asks for it (serialization failure,
// deadlock) or the transaction was overtaken, so fn must not have effects outside of the transaction. All errors are
// translated. An error of kind Unavailable after fn has returned may mean that the transaction is committed.
func (s *Store) inTx(ctx context.Context, opts pgx.TxOptions, fn func(pgx.Tx) error) error {
	pause := retryPause
	for attempt := 1; ; attempt++ {
		err := s.tryTx(ctx, opts, fn)
		if err == nil && opts.AccessMode == pgx.ReadWrite {
			s.notifier.changed()
		}
		if !retryable(err) {
			return translate(err)
		}
		if attempt == maxAttempts {
			return placement.Wrap(placement.Unavailable, err, "too many changes at the same time: try again")
		}
		if err := sleep(ctx, rand.N(pause)+pause/2); err != nil {
			return translate(err)
		}
		pause *= 2
	}
}

func (s *Store) tryTx(ctx context.Context, opts pgx.TxOptions, fn func(pgx.Tx) error) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, opts)
	if err != nil {
		conn.Release()
		return err
	}
	committing := false
	defer func() { // also when fn panics
		if !committing {
			rollback(ctx, tx)
			conn.Release()
		}
	}()
	if opts.AccessMode == pgx.ReadOnly {
		if err := become(ctx, tx); err != nil {
			return err
		}
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err // nobody waits for the answer any more: last chance to say no
	}
	committing = true
	return commit(ctx, tx, conn)
}

// rollback ends a transaction in any case. An error closes the connection, which rolls back as well.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// commit does not let the caller's deadline reach the COMMIT: cancelling it while it waits for the synchronous standby
// would make the transaction visible without replication. The caller stops waiting at its deadline, the COMMIT does not.
// The connection is given back when what the server said during the COMMIT was read: it may be another's at once.
func commit(ctx context.Context, tx pgx.Tx, conn *pgxpool.Conn) error {
	done := make(chan error, 1)
	go func() {
		defer conn.Release()
		said := conn.Conn().PgConn().CustomData()
		delete(said, warningKey)
		err := tx.Commit(context.WithoutCancel(ctx))
		if err == nil && said[warningKey] != nil {
			err = errors.New("the wait for the synchronous standby was cancelled")
		}
		done <- commitError(err)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return unknownOutcome(ctx.Err())
	}
}

// commitError tells a refused commit from one of which nothing is known.
func commitError(err error) error {
	var pgErr *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return err
	case errors.As(err, &pgErr) && pgErr.SeverityUnlocalized == "ERROR":
		return err // the server refused; a cancelled wait for a standby is no ERROR, and a shutdown is FATAL
	}
	return unknownOutcome(err)
}

func unknownOutcome(cause error) error {
	return placement.Wrap(placement.Unavailable, cause, "outcome unknown: the database did not confirm the commit; ask again to learn what became of it")
}

func retryable(err error) bool {
	if errors.Is(err, errOvertaken) {
		return true
	}
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "40001" || pgErr.Code == "40P01")
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
