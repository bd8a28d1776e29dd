package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// counters are what the database counts of itself.
type counters struct {
	commits, inserted, updated, wal float64
}

func (c counters) since(before counters) counters {
	return counters{c.commits - before.commits, c.inserted - before.inserted, c.updated - before.updated, c.wal - before.wal}
}

// settle is how long the database's processes may keep counts to themselves before they report them.
const settle = 1200 * time.Millisecond

func readCounters(ctx context.Context, db *pgxpool.Pool) (c counters, err error) {
	const countersSQL = `
		SELECT d.xact_commit, d.tup_inserted, d.tup_updated, w.wal_bytes
		FROM pg_stat_database d, pg_stat_wal w
		WHERE d.datname = current_database()`
	if err := sleepUntil(ctx, time.Now().Add(settle)); err != nil {
		return c, err
	}
	err = db.QueryRow(ctx, countersSQL).Scan(&c.commits, &c.inserted, &c.updated, &c.wal)
	return c, err
}

// bare is the floor of a durable grant: what the same database does of transactions that only insert.
type bare struct {
	rate float64
	p50  time.Duration
}

// bareInserts commits transactions of one statement each, which inserts as many rows as a grant does, on as many connections as
// there are clients.
func bareInserts(ctx context.Context, db *pgxpool.Pool, rows int, duration time.Duration) (bare, error) {
	const makeSQL = `CREATE SCHEMA bench_floor; CREATE TABLE bench_floor.row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)`
	const insertSQL = `INSERT INTO bench_floor.row (body) SELECT repeat('x', 200) FROM generate_series(1, $1)`
	const dropSQL = `DROP SCHEMA bench_floor CASCADE`
	if _, err := db.Exec(ctx, makeSQL); err != nil {
		return bare{}, err
	}
	var (
		mu   sync.Mutex
		all  latencies
		errs []error
		wg   sync.WaitGroup
	)
	start := time.Now()
	for range clients {
		wg.Go(func() {
			var mine latencies
			var err error
			for err == nil && time.Since(start) < duration {
				began := time.Now()
				_, err = db.Exec(ctx, insertSQL, rows)
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all, errs = append(all, mine...), append(errs, err)
		})
	}
	wg.Wait()
	took := time.Since(start)
	_, err := db.Exec(ctx, dropSQL)
	return bare{rate: float64(len(all)) / took.Seconds(), p50: all.sort().quantile(0.5)}, errors.Join(append(errs, err)...)
}
