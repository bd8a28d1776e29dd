package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/jackc/pgx/v5"

	"ringfence/internal/postgres/embedded"
)

// backend is a running server with a migrated template database.
type backend struct {
	adminURL string // a superuser on the maintenance database
	password string // of the two roles; empty: none needed
	prefix   string // of the names of this run's databases
	strategy string // how CREATE DATABASE copies the template
	stop     func(context.Context) error
}

// start brings up the server that the environment asks for and makes the template database.
func (s *Server) start(ctx context.Context) (backend, error) {
	var b backend
	var err error
	if address := os.Getenv(URLVariable); address != "" {
		b, err = external(ctx, address)
	} else {
		b, err = private(ctx, s.Durable)
	}
	if err != nil {
		return backend{}, err
	}
	if err := b.makeTemplate(ctx, s.Migrate); err != nil {
		return backend{}, errors.Join(err, b.stop(ctx))
	}
	return b, nil
}

func (b backend) template() string { return b.prefix + "template" }

func (b backend) makeTemplate(ctx context.Context, migrate func(context.Context, string) error) error {
	if err := embedded.Prepare(ctx, b.adminURL, b.template()); err != nil {
		return err
	}
	if migrate == nil {
		return nil
	}
	if err := migrate(ctx, b.url(embedded.OwnerRole, b.template())); err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	return nil
}

// clone copies the template. What is granted on the database itself is not copied with it.
func (b backend) clone(ctx context.Context, name string) error {
	if err := b.exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(b.template())+" STRATEGY "+b.strategy); err != nil {
		return err
	}
	return embedded.GrantDatabase(ctx, b.adminURL, name)
}

func (b backend) drop(ctx context.Context, name string) error {
	return b.exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
}

func (b backend) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, b.adminURL)
	if err != nil {
		return fmt.Errorf("connect to the tests' PostgreSQL: %w", err)
	}
	_, err = conn.Exec(ctx, sql)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// url is the address of one of the server's databases as one of the two roles.
func (b backend) url(role, database string) string {
	u, err := url.Parse(b.adminURL)
	if err != nil {
		panic("pgtest: the server's address was a URL when it was connected to: " + err.Error())
	}
	u.User = url.User(role)
	if b.password != "" {
		u.User = url.UserPassword(role, b.password)
	}
	u.Path = "/" + database
	return u.String()
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
