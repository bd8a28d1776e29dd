package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/jackc/pgx/v5"
)

const (
	restoringDatabase = DatabaseName + "_restoring" // what a restore fills
	replacedDatabase  = DatabaseName + "_replaced"  // what it took the place of, for a moment
)

// NotEmptyError says that a restore would replace data.
type NotEmptyError struct{ DataDir string }

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("the database in %s holds tables already: back it up, then restore with --force to replace it", e.DataDir)
}

// Backup writes the database of opts.DataDir to a file, which it creates or replaces when everything is on disk. The
// content is that of one instant. A ringfence that runs on the data directory goes on running.
func Backup(ctx context.Context, opts Options, file string) error {
	l, err := newLayout(opts.DataDir)
	if err != nil {
		return err
	}
	if !exists(l.cluster) {
		return fmt.Errorf("%s holds no PostgreSQL database: nothing to back up", l.dataDir)
	}
	server, err := Start(ctx, opts)
	if inUse, ok := errors.AsType[*InUseError](err); ok {
		return backupRunning(ctx, opts, l, inUse, file)
	}
	if err != nil {
		return err
	}
	dumpErr := dump(ctx, server.binaries, server.account, l, l.socketDir, file)
	return errors.Join(dumpErr, server.Stop(context.WithoutCancel(ctx)))
}

// backupRunning backs up through the server that another ringfence process runs.
func backupRunning(ctx context.Context, opts Options, l layout, inUse *InUseError, file string) error {
	running := readPostmaster(l.cluster)
	if running.socketDir == "" {
		return fmt.Errorf("the ringfence process %d has not started its database yet: try again", inUse.PID)
	}
	binaries, err := chooseBinaries(ctx, opts.BinDir, l)
	if err != nil {
		return err
	}
	a, err := chooseAccount(l.cluster)
	if err != nil {
		return err
	}
	return dump(ctx, binaries, a, l, running.socketDir, file)
}

func dump(ctx context.Context, b Binaries, a account, l layout, socketDir, file string) error {
	return writeArchive(file, func(w io.Writer) error {
		cmd := a.command(ctx, l.base, b.path("pg_dump"), "--format=custom", "--compress=0", "--no-password",
			"--dbname="+socketURL(socketDir, adminRole, DatabaseName))
		cmd.Stdout = w
		return runClient(cmd)
	})
}

// runClient runs one of PostgreSQL's client programs and makes an error of what it complains about.
func runClient(cmd *exec.Cmd) error {
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	err := cmd.Run()
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("PostgreSQL's client programs are missing, install them too (package postgresql-client): %w", err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", cmd.Path, err, lastLines(complaints.Bytes(), 3))
	}
	return nil
}

// Restore replaces the database of opts.DataDir by the content of a backup file: whole or not at all. The file is
// checked to its last byte before anything else happens, and restored into a database of its own, which takes the
// present one's place only when it is complete. It fails with *InUseError while a ringfence process uses the data
// directory, and with *NotEmptyError when there is data and force is not set.
func Restore(ctx context.Context, opts Options, file string, force bool) error {
	if err := verifyArchive(ctx, file); err != nil {
		return err
	}
	server, err := Start(ctx, opts)
	if err != nil {
		return err
	}
	return errors.Join(server.restore(ctx, file, force), server.Stop(context.WithoutCancel(ctx)))
}

func (s *Server) restore(ctx context.Context, file string, force bool) error {
	if !force {
		if err := s.mustBeEmpty(ctx); err != nil {
			return err
		}
	}
	// An earlier restore may have been killed.
	if err := errors.Join(s.drop(ctx, restoringDatabase), s.drop(ctx, replacedDatabase)); err != nil {
		return err
	}
	if err := s.fill(ctx, restoringDatabase, file); err != nil {
		return errors.Join(err, s.drop(context.WithoutCancel(ctx), restoringDatabase))
	}
	if err := s.swap(ctx); err != nil {
		return errors.Join(err, s.drop(context.WithoutCancel(ctx), restoringDatabase))
	}
	return s.drop(ctx, replacedDatabase)
}

func (s *Server) mustBeEmpty(ctx context.Context) error {
	return withConn(ctx, s.url(adminRole, DatabaseName), func(conn *pgx.Conn) error {
		const sql = `SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')`
		var filled bool
		if err := conn.QueryRow(ctx, sql).Scan(&filled); err != nil {
			return fmt.Errorf("look for tables: %w", err)
		}
		if filled {
			return &NotEmptyError{DataDir: s.layout.dataDir}
		}
		return nil
	})
}

// fill restores a backup file into a new database.
func (s *Server) fill(ctx context.Context, database, file string) error {
	if err := Prepare(ctx, s.AdminURL(), database); err != nil {
		return err
	}
	address := s.url(adminRole, database)
	err := readArchive(file, func(r io.Reader) error {
		cmd := s.account.command(ctx, s.layout.base, s.binaries.path("pg_restore"), "--format=custom", "--single-transaction",
			"--exit-on-error", "--no-password", "--dbname="+address)
		cmd.Stdin = r
		return runClient(cmd)
	})
	if err != nil {
		return err
	}
	return withConn(ctx, address, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `ANALYZE`); err != nil { // a dump carries no statistics
			return fmt.Errorf("analyse the restored database: %w", err)
		}
		return nil
	})
}

// swap puts the restored database in the present one's place, both renames at once.
func (s *Server) swap(ctx context.Context) error {
	return withConn(ctx, s.AdminURL(), func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, rename := range [][2]string{{DatabaseName, replacedDatabase}, {restoringDatabase, DatabaseName}} {
				if _, err := tx.Exec(ctx, `ALTER DATABASE `+quote(rename[0])+` RENAME TO `+quote(rename[1])); err != nil {
					return fmt.Errorf("put the restored database in place: %w", err)
				}
			}
			return nil
		})
	})
}

func (s *Server) drop(ctx context.Context, database string) error {
	return withConn(ctx, s.AdminURL(), func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+quote(database)+` WITH (FORCE)`); err != nil {
			return fmt.Errorf("drop database %s: %w", database, err)
		}
		return nil
	})
}
