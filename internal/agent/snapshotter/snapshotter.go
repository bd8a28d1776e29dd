// Package snapshotter keeps the unpacked images and the writable layers of a host's containers, each where it may lie. It is
// served to containerd as a proxy snapshotter, so that whoever pulls (the agent, a kubelet, a person) cannot but unpack there.
//
// A layer with a route does not pass containerd at all: it is read from where the route says and unpacked straight into the
// volume of its trust domain, and containerd is told that it is there already (the protocol of remote snapshotters). All else
// lies with its parent, or in the shared folder. A route that cannot be followed is an error, never the shared folder.
//
// The package must not decide what is routed where, and knows no directives.
package snapshotter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/errdefs"

	"ringfence/internal/agent/volume"
)

// Route says where a layer lies and what it is made from.
type Route struct {
	// Kind and TrustDomainID say in which volume.
	Kind          volume.Kind
	TrustDomainID string
	// DiffID is the digest of the layer as a plain tar stream.
	DiffID string
	// Open reads the plain tar stream.
	Open func(context.Context) (io.ReadCloser, error)
}

// Router knows the routes of layers by chain ID (OCI image specification: a layer and all below it).
type Router interface {
	// Route finds a route. An error means that nobody can tell whether there is one.
	Route(ctx context.Context, chainID string) (Route, bool, error)
}

// Shared is the name of the folder for what belongs to no trust domain.
const Shared = ""

// Snapshotter keeps snapshots on overlayfs. It implements snapshots.Snapshotter.
type Snapshotter struct {
	root    string
	volumes *volume.Store
	router  Router
	meta    *storage.MetaStore

	filling sync.Mutex // one layer is unpacked at a time: two pulls of an image unpack it once
}

var _ snapshots.Snapshotter = (*Snapshotter)(nil)

// Open finds the snapshots below a folder and removes what no record names: what was being made or removed when the agent
// was killed.
func Open(ctx context.Context, root string, volumes *volume.Store, router Router) (*Snapshotter, error) {
	s := &Snapshotter{root: root, volumes: volumes, router: router}
	if err := os.MkdirAll(s.shared(), 0o700); err != nil {
		return nil, fmt.Errorf("snapshotter: %w", err)
	}
	var err error
	if s.meta, err = storage.NewMetaStore(filepath.Join(root, "metadata.db")); err != nil {
		return nil, fmt.Errorf("snapshotter: %w", err)
	}
	if err := errors.Join(s.abandon(ctx), s.Cleanup(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("snapshotter: %w", err), s.meta.Close())
	}
	return s, nil
}

// abandon removes the layers that were being unpacked when the agent was killed.
func (s *Snapshotter) abandon(ctx context.Context) error {
	var keys []string
	err := s.Walk(ctx, func(_ context.Context, info snapshots.Info) error {
		if strings.HasPrefix(info.Name, unpacking) {
			keys = append(keys, info.Name)
		}
		return nil
	})
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	for _, key := range keys {
		if err := s.Remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshotter) shared() string { return filepath.Join(s.root, "snapshots") }

// folders are where snapshots can lie now, by the name of the volume.
func (s *Snapshotter) folders() map[string]string {
	folders := map[string]string{Shared: s.shared()}
	for _, v := range s.volumes.List() {
		folders[v.Name] = v.Folder
	}
	return folders
}

// find tells in which volume a snapshot lies. The bytes themselves are the record of that.
func (s *Snapshotter) find(id string) (volumeName, folder string, err error) {
	for name, home := range s.folders() {
		folder := filepath.Join(home, id)
		if _, err := os.Stat(folder); err == nil {
			return name, folder, nil
		}
	}
	return "", "", fmt.Errorf("snapshot %s lay in a volume whose key or memory is gone; remove the image and pull it again: %w", id, errdefs.ErrUnavailable)
}

// Stat describes a snapshot.
func (s *Snapshotter) Stat(ctx context.Context, key string) (info snapshots.Info, err error) {
	err = s.meta.WithTransaction(ctx, false, func(ctx context.Context) error {
		_, info, _, err = storage.GetInfo(ctx, key)
		return err
	})
	return info, err
}

// Update changes the labels of a snapshot.
func (s *Snapshotter) Update(ctx context.Context, info snapshots.Info, fieldpaths ...string) (updated snapshots.Info, err error) {
	err = s.meta.WithTransaction(ctx, true, func(ctx context.Context) error {
		updated, err = storage.UpdateInfo(ctx, info, fieldpaths...)
		return err
	})
	return updated, err
}

// Usage is what a snapshot takes, without its parents.
func (s *Snapshotter) Usage(ctx context.Context, key string) (snapshots.Usage, error) {
	var id string
	var info snapshots.Info
	var usage snapshots.Usage
	err := s.meta.WithTransaction(ctx, false, func(ctx context.Context) (err error) {
		id, info, usage, err = storage.GetInfo(ctx, key)
		return err
	})
	if err != nil || info.Kind != snapshots.KindActive {
		return usage, err
	}
	return s.measure(ctx, id)
}

// Mounts are how an active snapshot or a view is mounted.
func (s *Snapshotter) Mounts(ctx context.Context, key string) ([]mount.Mount, error) {
	var snapshot storage.Snapshot
	err := s.meta.WithTransaction(ctx, false, func(ctx context.Context) (err error) {
		snapshot, err = storage.GetSnapshot(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.mounts(snapshot)
}

// Prepare makes a writable snapshot on a parent. A layer with a route is unpacked at once, and answered ErrAlreadyExists.
func (s *Snapshotter) Prepare(ctx context.Context, key, parent string, opts ...snapshots.Opt) ([]mount.Mount, error) {
	var base snapshots.Info
	for _, opt := range opts {
		if err := opt(&base); err != nil {
			return nil, err
		}
	}
	if chainID := base.Labels[labelTarget]; chainID != "" {
		route, routed, err := s.router.Route(ctx, chainID)
		if err != nil {
			return nil, err
		}
		if routed {
			return nil, s.unpack(ctx, chainID, parent, route, base.Labels)
		}
	}
	snapshot, _, err := s.create(ctx, snapshots.KindActive, key, parent, nil, opts...)
	if err != nil {
		return nil, err
	}
	return s.mounts(snapshot)
}

// View makes a snapshot that is only read.
func (s *Snapshotter) View(ctx context.Context, key, parent string, opts ...snapshots.Opt) ([]mount.Mount, error) {
	snapshot, _, err := s.create(ctx, snapshots.KindView, key, parent, nil, opts...)
	if err != nil {
		return nil, err
	}
	return s.mounts(snapshot)
}

// Commit makes an active snapshot one that others can have as a parent.
func (s *Snapshotter) Commit(ctx context.Context, name, key string, opts ...snapshots.Opt) error {
	return s.meta.WithTransaction(ctx, true, func(ctx context.Context) error {
		id, _, _, err := storage.GetInfo(ctx, key)
		if err != nil {
			return err
		}
		usage, err := s.measure(ctx, id)
		if err != nil {
			return err
		}
		_, err = storage.CommitActive(ctx, key, name, usage, opts...)
		return err
	})
}

// Remove removes a snapshot that is nobody's parent, and its bytes.
func (s *Snapshotter) Remove(ctx context.Context, key string) error {
	var id string
	err := s.meta.WithTransaction(ctx, true, func(ctx context.Context) (err error) {
		id, _, err = storage.Remove(ctx, key)
		return err
	})
	if err != nil {
		return err
	}
	_, folder, err := s.find(id)
	if err != nil { // it went with its volume
		return nil //nolint:nilerr // there is nothing left to remove
	}
	return os.RemoveAll(folder)
}

// Walk calls a function for every snapshot that the filters let through.
func (s *Snapshotter) Walk(ctx context.Context, visit snapshots.WalkFunc, filters ...string) error {
	return s.meta.WithTransaction(ctx, false, func(ctx context.Context) error { return storage.WalkInfo(ctx, visit, filters...) })
}

// Close ends the use of the records.
func (s *Snapshotter) Close() error { return s.meta.Close() }

// Cleanup removes the folders of snapshots that no record names.
func (s *Snapshotter) Cleanup(ctx context.Context) error {
	// A transaction that may write excludes every other: nobody is making a snapshot meanwhile.
	return s.meta.WithTransaction(ctx, true, func(ctx context.Context) error {
		known, err := storage.IDMap(ctx)
		if err != nil && !errdefs.IsNotFound(err) {
			return err
		}
		var errs []error
		for _, home := range s.folders() {
			entries, err := os.ReadDir(home)
			errs = append(errs, err)
			for _, entry := range entries {
				if _, is := known[entry.Name()]; !is {
					errs = append(errs, os.RemoveAll(filepath.Join(home, entry.Name())))
				}
			}
		}
		return errors.Join(errs...)
	})
}
