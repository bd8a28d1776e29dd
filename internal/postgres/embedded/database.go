package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// Prepare creates the roles and a database for them, or completes what an interrupted call left. adminURL names a
// superuser, or a role that may create roles and databases.
func Prepare(ctx context.Context, adminURL, database string) error {
	if err := PrepareRoles(ctx, adminURL); err != nil {
		return err
	}
	err := withConn(ctx, adminURL, func(conn *pgx.Conn) error { return ensureDatabase(ctx, conn, database) })
	if err != nil {
		return err
	}
	return GrantDatabase(ctx, adminURL, database)
}

// PrepareRoles creates the owner role, the app role and the role of callers where they are missing. They have no password: over the private
// server's socket they need none.
func PrepareRoles(ctx context.Context, adminURL string) error {
	return withConn(ctx, adminURL, func(conn *pgx.Conn) error {
		if err := errors.Join(ensureRole(ctx, conn, OwnerRole, `LOGIN`), ensureRole(ctx, conn, AppRole, `LOGIN`),
			ensureRole(ctx, conn, CallerRole, `NOLOGIN`)); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `GRANT `+quote(CallerRole)+` TO `+quote(AppRole)); err != nil {
			return fmt.Errorf("let role %s become %s: %w", AppRole, CallerRole, err)
		}
		return nil
	})
}

// withConn runs a function on a connection of its own.
func withConn(ctx context.Context, url string, use func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	return errors.Join(use(conn), conn.Close(context.WithoutCancel(ctx)))
}

func ensureRole(ctx context.Context, conn *pgx.Conn, role, login string) error {
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role).Scan(&there); err != nil {
		return fmt.Errorf("look for role %s: %w", role, err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, `CREATE ROLE `+quote(role)+` `+login); err != nil {
		return fmt.Errorf("create role %s: %w", role, err)
	}
	return nil
}

func ensureDatabase(ctx context.Context, conn *pgx.Conn, name string) error {
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if there {
		return nil
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+quote(name)); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// GrantDatabase gives the owner role the database's schema and lets the app role connect; nobody else may. It can be
// repeated. A copy of a database (CREATE DATABASE ... TEMPLATE) needs it again.
func GrantDatabase(ctx context.Context, adminURL, name string) error {
	there, err := withDatabase(adminURL, name)
	if err != nil {
		return err
	}
	return withConn(ctx, there, func(conn *pgx.Conn) error {
		db := quote(name)
		_, err := conn.Exec(ctx, `
			REVOKE ALL ON DATABASE `+db+` FROM PUBLIC;
			GRANT CONNECT, CREATE, TEMPORARY ON DATABASE `+db+` TO `+OwnerRole+`;
			GRANT CONNECT ON DATABASE `+db+` TO `+AppRole+`;
			ALTER SCHEMA public OWNER TO `+OwnerRole+`;
			REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
		if err != nil {
			return fmt.Errorf("grant database %s: %w", name, err)
		}
		return nil
	})
}

// withDatabase is a connection address with another database in it.
func withDatabase(address, database string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("the database address is not a URL") // the parse error would repeat a password
	}
	u.Path = "/" + database
	return u.String(), nil
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
