package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"ringfence/internal/placement"
	"ringfence/migrations"
)

// migrationLockTimeout is how long a replica waits for another one that migrates.
const migrationLockTimeout = 10 * time.Minute

// Status is the state of a database's schema.
type Status struct {
	Version uint // 0: nothing was migrated yet
	Latest  uint // what this binary works with
	Dirty   bool // a migration failed half way
}

// Migrate brings the database to the newest schema. ownerURL names the role that owns the tables, on a direct
// connection. Several processes may call it at the same time: one migrates, the others wait for it.
func Migrate(ctx context.Context, ownerURL string) error {
	return withMigrations(ctx, ownerURL, func(m *migrate.Migrate) error {
		stopped := context.AfterFunc(ctx, func() { m.GracefulStop <- true })
		defer stopped()
		if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
			return placement.Wrap(placement.Internal, err, "the database's schema could not be brought up to date")
		}
		return ctx.Err()
	})
}

// Rollback takes back all migrations, and with them all data.
func Rollback(ctx context.Context, ownerURL string) error {
	return withMigrations(ctx, ownerURL, func(m *migrate.Migrate) error {
		if err := m.Down(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
			return placement.Wrap(placement.Internal, err, "the database's schema could not be taken back")
		}
		return nil
	})
}

// MigrationStatus reads the state of the database's schema.
func MigrationStatus(ctx context.Context, ownerURL string) (Status, error) {
	latest, err := migrations.Latest()
	if err != nil {
		return Status{}, err
	}
	status := Status{Latest: latest}
	err = withMigrations(ctx, ownerURL, func(m *migrate.Migrate) error {
		status.Version, status.Dirty, err = m.Version()
		if errors.Is(err, migrate.ErrNilVersion) {
			return nil
		}
		return err
	})
	return status, err
}

func withMigrations(ctx context.Context, ownerURL string, fn func(*migrate.Migrate) error) error {
	if _, err := url.Parse(ownerURL); err != nil {
		return invalidURL()
	}
	config, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return invalidURL()
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	if err := db.PingContext(ctx); err != nil {
		return translate(err)
	}
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{})
	if err != nil {
		return translate(err)
	}
	source, err := iofs.New(migrations.Files, ".")
	if err != nil {
		return fmt.Errorf("read the embedded migrations: %w", err)
	}
	m, err := migrate.NewWithInstance("iofs", source, "pgx5", driver)
	if err != nil {
		return fmt.Errorf("prepare the migrations: %w", err)
	}
	m.LockTimeout = migrationLockTimeout
	err = fn(m)
	sourceErr, databaseErr := m.Close()
	return errors.Join(err, sourceErr, databaseErr)
}
