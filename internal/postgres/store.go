// Package postgres stores the state of ringfence in PostgreSQL: the inventory, policies, grants with everything that
// follows from them, and the change feed that keeps the in-memory fleets of all replicas current.
//
// It holds all SQL. Statements stand next to the function that runs them, rows have private types, and errors of the
// database are translated in one place (errors.go). It must not decide anything: what a commit verifies under its
// locks is a function that it is given.
//
// Locks are taken in one order everywhere, which is what keeps writers from deadlocking: the inventory's advisory lock
// (inventory writers only), the epoch's advisory lock, the turns of decisions on hosts (advisory), the idempotency row,
// scope rows, host rows ascending by (NFVI-PoP, id). A lock and the read that it protects are separate statements.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"ringfence/internal/placement"
	"ringfence/internal/seal"
	"ringfence/migrations"
)

// minServerVersion is the oldest PostgreSQL that ringfence works with.
const minServerVersion = 150000

// Options are the settings of a Store. The zero value is fit for production.
type Options struct {
	// MaxConns limits the pool; 0: what the URL says (pool_max_conns), else pgx's default.
	MaxConns int32
	// DirectURL reaches the server past a transaction pooler, for LISTEN. Empty: the store's own URL.
	DirectURL string
	// AllowUnsafe accepts a server that may lose acknowledged commits (fsync, full_page_writes or
	// synchronous_commit off). For tests only.
	AllowUnsafe bool
	// Traces makes a span for every query; nil: none.
	Traces trace.TracerProvider
	// OnePerson lets a client change alone what of the inventory security rests on: where there is only one principal.
	OnePerson bool
	// ApprovalFor is for how long such a change, once proposed, can be approved; 0: 7 days.
	ApprovalFor time.Duration
	// Secrets seal what the database holds of secrets; nil: a key of this Store alone, whose secrets no other opens.
	Secrets *seal.Keys
	// OnNotice sees what the server reports beside results: severity, SQLSTATE, text. Nil: nobody does.
	OnNotice func(severity, code, message string)
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	pool     *pgxpool.Pool
	listener *listener
	notifier *notifier

	onePerson   bool
	approvalFor time.Duration
	secrets     *seal.Keys
}

// Open connects to a migrated database and checks that the server keeps what it acknowledges.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	config, err := poolConfig(url, opts)
	if err != nil {
		return nil, err
	}
	if opts.Secrets == nil {
		if opts.Secrets, err = seal.Generate(); err != nil {
			return nil, err
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, translate(err)
	}
	if err := checkSchema(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	listenConfig := config.ConnConfig
	if opts.DirectURL != "" {
		if listenConfig, err = pgx.ParseConfig(opts.DirectURL); err != nil {
			pool.Close()
			return nil, invalidURL()
		}
	}
	return &Store{
		pool: pool, listener: &listener{config: listenConfig}, notifier: startNotifier(pool),
		onePerson: opts.OnePerson, approvalFor: cmp.Or(opts.ApprovalFor, defaultApproval), secrets: opts.Secrets,
	}, nil
}

// Address is where the database server listens: host:port, or the path of its socket's folder.
func (s *Store) Address() string {
	c := s.pool.Config().ConnConfig
	if strings.HasPrefix(c.Host, "/") {
		return c.Host
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// Close waits for running transactions and closes all connections. It does not wait for ever: a commit that waits for a
// standby which has gone ends by itself, with the process or after it.
func (s *Store) Close() {
	s.notifier.stop()
	s.listener.close()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.pool.Close()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	select {
	case <-closed:
	case <-ctx.Done():
	}
}

const closeTimeout = 5 * time.Second

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return translate(s.pool.Ping(ctx)) }

// PoolStat returns the pool's counters: connections in use, connections, and the most that it opens.
func (s *Store) PoolStat() (acquired, total, limit int32) {
	st := s.pool.Stat()
	return st.AcquiredConns(), st.TotalConns(), st.MaxConns()
}

func poolConfig(url string, opts Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, invalidURL()
	}
	if opts.MaxConns > 0 {
		config.MaxConns = opts.MaxConns
	}
	if opts.Traces != nil {
		config.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(opts.Traces))
	}
	config.ConnConfig.OnNotice = func(conn *pgconn.PgConn, n *pgconn.Notice) {
		noteWarning(conn, n)
		if opts.OnNotice != nil {
			opts.OnNotice(n.SeverityUnlocalized, n.Code, n.Message)
		}
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return prepareConn(ctx, conn, opts.AllowUnsafe) }
	return config, nil
}

// invalidURL does not repeat the URL or pgx's error: both may hold a password.
func invalidURL() error {
	return placement.Errorf(placement.Invalid, "the database URL cannot be read: expected postgres://user@host:port/database?options")
}

// prepareConn checks a new connection's server, which after a failover may be another one than before, and keeps a
// replica that stands still from holding its locks, and the change feed's readers, for longer than a minute.
func prepareConn(ctx context.Context, conn *pgx.Conn, allowUnsafe bool) error {
	const checkSQL = `
		SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('full_page_writes'),
		       current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
		       set_config('idle_in_transaction_session_timeout', '60s', false)`
	var version int
	var fsync, fullPages, syncCommit, standbys, timeout string
	if err := conn.QueryRow(ctx, checkSQL).Scan(&version, &fsync, &fullPages, &syncCommit, &standbys, &timeout); err != nil {
		return fmt.Errorf("check the database server's settings: %w", err)
	}
	if version < minServerVersion {
		return placement.Errorf(placement.Unavailable, "the database server is PostgreSQL %d: ringfence needs version 15 or newer", version/10000)
	}
	if allowUnsafe {
		return nil
	}
	for setting, value := range map[string]string{"fsync": fsync, "full_page_writes": fullPages, "synchronous_commit": syncCommit} {
		if value == "off" {
			return placement.Errorf(placement.Unavailable, "the database server has %s = off and may lose grants that were answered: switch it on", setting)
		}
	}
	if syncCommit == "local" && standbys != "" {
		return placement.Errorf(placement.Unavailable,
			"the database server has synchronous standbys, but synchronous_commit = local: a failover would lose grants; set it to on")
	}
	return nil
}

// checkSchema compares the database's schema with the one that this binary works with.
func checkSchema(ctx context.Context, pool *pgxpool.Pool) error {
	want, err := migrations.Latest()
	if err != nil {
		return err
	}
	const versionSQL = `SELECT version, dirty FROM schema_migrations`
	var have int64
	var dirty bool
	err = pool.QueryRow(ctx, versionSQL).Scan(&have, &dirty)
	var pgErr *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows) || errors.As(err, &pgErr) && pgErr.Code == "42P01":
		return placement.Errorf(placement.Unavailable, "the database has no schema yet: run `ringfence migrate up`")
	case err != nil:
		return translate(err)
	case dirty:
		return placement.Errorf(placement.Unavailable,
			"the migration of the database to version %d failed half way: mend it as its error says, then run `ringfence migrate up`", have)
	case have != int64(want):
		return placement.Errorf(placement.Unavailable, "the database has schema version %d, this ringfence works with %d: run `ringfence migrate up` of the newer version",
			have, want)
	}
	return nil
}

// noteWarning marks a connection on which the server gave a warning of class 01000. During COMMIT it is the only sign
// that waiting for the synchronous standby was cancelled: the transaction is committed here, perhaps nowhere else.
func noteWarning(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.Code == "01000" && n.SeverityUnlocalized == "WARNING" {
		conn.CustomData()[warningKey] = true
	}
}

const warningKey = "ringfence.warning"
