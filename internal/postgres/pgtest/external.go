package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/postgres/embedded"
)

const (
	// externalPrefix starts the names of all databases that tests make on a server which is not theirs.
	externalPrefix = "ringfence_test_"
	// rolePassword is what the two roles get on such a server, which is a test server.
	rolePassword = "ringfence"
)

// external uses a running server. The run's databases carry its id, and the run holds an advisory lock on that id for
// as long as it lives: databases of an id that nobody holds were left by a killed run.
func external(ctx context.Context, adminURL string) (backend, error) {
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return backend{}, fmt.Errorf("%s: %w", URLVariable, err)
	}
	run := strings.ToLower(rand.Text()[:12])
	b := backend{adminURL: adminURL, password: rolePassword, prefix: externalPrefix + run + "_", strategy: "wal_log"}
	b.stop = func(ctx context.Context) error {
		return errors.Join(dropRun(ctx, conn, run), conn.Close(ctx))
	}
	if err := errors.Join(lockRun(ctx, conn, run), dropAbandoned(ctx, conn), prepareRoles(ctx, conn, adminURL)); err != nil {
		return backend{}, errors.Join(fmt.Errorf("%s: %w", URLVariable, err), conn.Close(ctx))
	}
	return b, nil
}

func lockRun(ctx context.Context, conn *pgx.Conn, run string) error {
	_, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, externalPrefix+run)
	return err
}

// prepareRoles makes the two roles and their password. Several test binaries may do so at the same time: one after
// the other.
func prepareRoles(ctx context.Context, conn *pgx.Conn, adminURL string) error {
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, externalPrefix); err != nil {
		return err
	}
	err := embedded.PrepareRoles(ctx, adminURL)
	for _, role := range []string{embedded.OwnerRole, embedded.AppRole} {
		if err == nil {
			_, err = conn.Exec(ctx, `ALTER ROLE `+quote(role)+` PASSWORD '`+rolePassword+`'`)
		}
	}
	_, unlockErr := conn.Exec(ctx, `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, externalPrefix)
	return errors.Join(err, unlockErr)
}

// dropAbandoned drops the databases of runs that no longer live.
func dropAbandoned(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT DISTINCT split_part(datname, '_', 3) FROM pg_database WHERE starts_with(datname, $1)`, externalPrefix)
	if err != nil {
		return err
	}
	runs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, run := range runs {
		var abandoned bool
		key := externalPrefix + run
		if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, key).Scan(&abandoned); err != nil {
			return err
		}
		if !abandoned {
			continue
		}
		err := dropRun(ctx, conn, run)
		_, unlockErr := conn.Exec(ctx, `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, key)
		if err := errors.Join(err, unlockErr); err != nil {
			return err
		}
	}
	return nil
}

// dropRun drops all databases of one run.
func dropRun(ctx context.Context, conn *pgx.Conn, run string) error {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, externalPrefix+run+"_")
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		_, dropErr := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+quote(name)+` WITH (FORCE)`)
		err = errors.Join(err, dropErr)
	}
	return err
}
