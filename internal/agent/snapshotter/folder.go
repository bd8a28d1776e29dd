package snapshotter

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/continuity/fs"
)

// Each snapshot is a folder with these two, as overlayfs wants them: its own files, and a place for the kernel to work in.
const (
	content = "fs"
	work    = "work"
)

// create records a snapshot and makes its folder: in the volume given, else where its parent lies.
func (s *Snapshotter) create(ctx context.Context, kind snapshots.Kind, key, parent string, home *string, opts ...snapshots.Opt) (snapshot storage.Snapshot, folder string, err error) {
	err = s.meta.WithTransaction(ctx, true, func(ctx context.Context) error {
		if snapshot, err = storage.CreateSnapshot(ctx, kind, key, parent, opts...); err != nil {
			return err
		}
		parentFolder := ""
		name := Shared
		if len(snapshot.ParentIDs) > 0 {
			if name, parentFolder, err = s.find(snapshot.ParentIDs[0]); err != nil {
				return err
			}
		}
		at := s.folders()[name]
		if home != nil {
			at = *home
		}
		folder = filepath.Join(at, snapshot.ID)
		return makeFolder(folder, parentFolder)
	})
	if err != nil && folder != "" {
		_ = os.RemoveAll(folder)
	}
	return snapshot, folder, err
}

// makeFolder makes the folder of a snapshot anew: one that is there is left over from a transaction that did not end.
func makeFolder(folder, parent string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	for _, name := range []string{folder, filepath.Join(folder, content), filepath.Join(folder, work)} {
		if err := os.Mkdir(name, 0o711); err != nil { // #nosec G301 -- a container's user passes through
			return err
		}
	}
	return inherit(filepath.Join(folder, content), parent)
}

// inherit gives the root of a snapshot the owner and the mode that its parent's root has.
func inherit(root, parent string) error {
	if parent == "" {
		return os.Chmod(root, 0o755) // #nosec G302 -- the root folder of a container, below a folder that only root enters
	}
	info, err := os.Stat(filepath.Join(parent, content))
	if err != nil {
		return err
	}
	if stat, is := info.Sys().(*syscall.Stat_t); is {
		if err := os.Lchown(root, int(stat.Uid), int(stat.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(root, info.Mode())
}

// mounts are how a snapshot is mounted: as overlay of its parents, or the folder itself when it has none.
func (s *Snapshotter) mounts(snapshot storage.Snapshot) ([]mount.Mount, error) {
	_, folder, err := s.find(snapshot.ID)
	if err != nil {
		return nil, err
	}
	lower, err := s.parents(snapshot)
	if err != nil {
		return nil, err
	}
	view := snapshot.Kind == snapshots.KindView
	switch {
	case view && len(lower) == 1:
		return []mount.Mount{{Type: "bind", Source: lower[0], Options: []string{"ro", "rbind"}}}, nil
	case len(lower) == 0 && view:
		return []mount.Mount{{Type: "bind", Source: filepath.Join(folder, content), Options: []string{"ro", "rbind"}}}, nil
	case len(lower) == 0:
		return []mount.Mount{{Type: "bind", Source: filepath.Join(folder, content), Options: []string{"rw", "rbind"}}}, nil
	}
	options := []string{"index=off"}
	if !view {
		options = append(options, "workdir="+filepath.Join(folder, work), "upperdir="+filepath.Join(folder, content))
	}
	options = append(options, "lowerdir="+strings.Join(lower, ":"))
	return []mount.Mount{{Type: "overlay", Source: "overlay", Options: options}}, nil
}

// parents are the files of the snapshots below, the nearest first.
func (s *Snapshotter) parents(snapshot storage.Snapshot) ([]string, error) {
	lower := make([]string, len(snapshot.ParentIDs))
	for i, id := range snapshot.ParentIDs {
		_, folder, err := s.find(id)
		if err != nil {
			return nil, err
		}
		lower[i] = filepath.Join(folder, content)
	}
	return lower, nil
}

// measure counts what the files of a snapshot take.
func (s *Snapshotter) measure(ctx context.Context, id string) (snapshots.Usage, error) {
	_, folder, err := s.find(id)
	if err != nil {
		return snapshots.Usage{}, err
	}
	usage, err := fs.DiskUsage(ctx, filepath.Join(folder, content))
	if err != nil {
		return snapshots.Usage{}, fmt.Errorf("measure snapshot %s: %w", id, err)
	}
	return snapshots.Usage{Size: usage.Size, Inodes: usage.Inodes}, nil
}
