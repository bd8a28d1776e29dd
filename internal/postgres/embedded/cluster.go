package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// VersionError says that the data is of a PostgreSQL major version that is not installed.
type VersionError struct {
	Cluster      string
	ClusterMajor int
	Binaries     Binaries
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the data in %s is of PostgreSQL %d, but the PostgreSQL found in %s is %s: install PostgreSQL %d again "+
		"(or name its folder in RINGFENCE_PG_BINDIR), or move the data over: `ringfence backup FILE` with version %d, move %s away, "+
		"`ringfence restore FILE` with version %d",
		e.Cluster, e.ClusterMajor, e.Binaries.Dir, e.Binaries.Version, e.ClusterMajor, e.ClusterMajor, e.Cluster, e.Binaries.Major)
}

// clusterMajor is the major version of the cluster in a folder; 0 when there is none.
func clusterMajor(cluster string) (int, error) {
	b, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s is damaged: %w", filepath.Join(cluster, "PG_VERSION"), err)
	}
	return major, nil
}

// ensureCluster initialises the cluster when there is none, and writes who may connect.
func (s *Server) ensureCluster(ctx context.Context) error {
	if !exists(s.layout.cluster) {
		if err := s.initCluster(ctx); err != nil {
			return err
		}
	}
	major, err := clusterMajor(s.layout.cluster)
	if err != nil {
		return err
	}
	if major != s.binaries.Major {
		return fmt.Errorf("%s is not a PostgreSQL %d cluster: move it away and start again", s.layout.cluster, s.binaries.Major)
	}
	return s.writeAccess()
}

// initCluster runs initdb beside the cluster's place and moves the result there, so that an interrupted initdb is
// never taken for a cluster.
func (s *Server) initCluster(ctx context.Context) error {
	fresh := s.layout.cluster + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove what an interrupted initialisation left: %w", err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("create the cluster's folder: %w", err)
	}
	if err := s.account.own(fresh); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "initialising a private PostgreSQL cluster", "version", s.binaries.Version, "directory", s.layout.cluster)
	cmd := s.account.command(ctx, s.layout.base, s.binaries.path("initdb"), initArgs(fresh)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialise the PostgreSQL cluster in %s: %w: %s", fresh, err, lastLines(out, 3))
	}
	if err := os.Rename(fresh, s.layout.cluster); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	return syncDir(s.layout.base)
}

// initArgs: locale C sorts by bytes, the same on every machine and after every upgrade of the C library.
func initArgs(dir string) []string {
	return []string{
		"-D", dir, "-U", adminRole, "--encoding=UTF8", "--locale=C", "--data-checksums",
		"--auth-local=peer", "--auth-host=reject", "--no-instructions",
	}
}

// writeAccess lets the server's account and root connect over the socket as any of the three roles, and nobody else,
// whatever the mode of the socket's folder.
func (s *Server) writeAccess() error {
	users := []string{s.account.name, "root"}
	slices.Sort(users)
	var ident strings.Builder
	ident.WriteString("# Written by ringfence at every start.\n")
	for _, u := range slices.Compact(users) {
		for _, role := range []string{adminRole, OwnerRole, AppRole} {
			fmt.Fprintf(&ident, "ringfence %q %s\n", u, role)
		}
	}
	const hba = "# Written by ringfence at every start.\nlocal all all peer map=ringfence\n"
	return errors.Join(s.writeConfig("pg_hba.conf", hba), s.writeConfig("pg_ident.conf", ident.String()))
}

// writeConfig replaces a configuration file of the cluster. The folder is the server account's, so root must not
// follow what it may have put there: write a new file, rename it.
func (s *Server) writeConfig(name, content string) error {
	f, err := os.CreateTemp(s.layout.cluster, name+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, s.account.ownFile(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(f.Name(), filepath.Join(s.layout.cluster, name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// syncDir makes a rename in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
