package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ringfence/internal/postgres"
	"ringfence/internal/postgres/embedded"
	"ringfence/internal/telemetry"
)

func newMigrate(p process) *cobra.Command {
	return subcommands(
		&cobra.Command{
			Use: "migrate", Short: "Bring a database's schema up to date, or show its state",
			Long: "Bring the schema of a database of your own up to date, or show its state. Do it before you start a newer version.",
		},
		databaseCommand(p, "up", "Bring the schema to the version of this program", func(ctx context.Context, url string) error {
			if err := postgres.Migrate(ctx, url); err != nil {
				return err
			}
			return showStatus(ctx, p, url)
		}),
		databaseCommand(p, "status", "Show the version of the schema", func(ctx context.Context, url string) error { return showStatus(ctx, p, url) }),
	)
}

// databaseCommand runs fn with the URL of the role that owns the schema.
func databaseCommand(p process, use, short string, fn func(ctx context.Context, url string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: takes(),
		Long:    short + ".\n\nThe database is RINGFENCE_DATABASE_URL, as the role that owns the schema and on a direct connection.\nA private database is migrated by `ringfence serve` itself.",
		Example: "  RINGFENCE_DATABASE_URL=postgres://ringfence_owner@db/ringfence ringfence migrate " + use,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, _ := cmd.Flags().GetString("database-url")
			if url == "" {
				url = p.getenv("RINGFENCE_DATABASE_URL")
			}
			if url == "" {
				return fmt.Errorf("set RINGFENCE_DATABASE_URL to the database to migrate; a private database is migrated when it is served")
			}
			return fn(cmd.Context(), url)
		},
	}
	cmd.Flags().String("database-url", "", "database to migrate, as its owner [RINGFENCE_DATABASE_URL]")
	return cmd
}

func showStatus(ctx context.Context, p process, url string) error {
	st, err := postgres.MigrationStatus(ctx, url)
	if err != nil {
		return err
	}
	state := "up to date"
	switch {
	case st.Dirty:
		state = "a migration failed half way; restore a backup or repair it by hand"
	case st.Version < st.Latest:
		state = "older than this program; run ringfence migrate up"
	case st.Version > st.Latest:
		state = "newer than this program"
	}
	_, err = fmt.Fprintf(p.stdout, "schema version %d, this program's is %d: %s\n", st.Version, st.Latest, state)
	return err
}

func newBackup(p process) *cobra.Command {
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Back up the private database", Args: takes("FILE"),
		Long:    "Write a consistent backup of the private database of the data directory, also while it is served.\nFor a database of your own use pg_dump.",
		Example: "  ringfence backup /var/backups/ringfence.dump",
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := embeddedOptions(cmd, p)
			if err != nil {
				return err
			}
			if err := embedded.Backup(cmd.Context(), opts, args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, "backup written to", args[0])
			return err
		},
	}
	addSettings(cmd, "data-dir", "pg-bindir", "log-format")
	return cmd
}

func newRestore(p process) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Restore the private database from a backup", Args: takes("FILE"),
		Long:    "Restore the private database of the data directory, whole or not at all. The service must not run.\nA database that holds something is replaced only with --force.",
		Example: "  ringfence restore /var/backups/ringfence.dump",
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := embeddedOptions(cmd, p)
			if err != nil {
				return err
			}
			if err := embedded.Restore(cmd.Context(), opts, args[0], force); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, "restored from", args[0])
			return err
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace what the database holds")
	addSettings(cmd, "data-dir", "pg-bindir", "log-format")
	return cmd
}

func embeddedOptions(cmd *cobra.Command, p process) (embedded.Options, error) {
	c, err := loadSettings(cmd, p, true)
	if err != nil {
		return embedded.Options{}, err
	}
	if c.DatabaseURL != "" {
		return embedded.Options{}, fmt.Errorf("RINGFENCE_DATABASE_URL is set: back that database up with pg_dump; this command is for the private one")
	}
	log, err := telemetry.NewLogger(p.stderr, "warn", c.LogFormat)
	if err != nil {
		return embedded.Options{}, err
	}
	return embedded.Options{DataDir: c.DataDir, BinDir: c.PGBinDir, Logger: log}, nil
}
