package snapshotter

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/storage"
	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/containerd/errdefs"

	"ringfence/internal/agent/volume"
)

// labelTarget is the label by which containerd says which chain ID a snapshot is to become.
const labelTarget = "containerd.io/snapshot.ref"

// unpacking begins the keys of snapshots that are being filled.
const unpacking = "unpacking/"

// unpack makes the committed snapshot of a routed layer, unless it is there, and then says ErrAlreadyExists: containerd
// looks it up by its label and its parent, and fetches nothing.
func (s *Snapshotter) unpack(ctx context.Context, chainID, parent string, route Route, labels map[string]string) error {
	s.filling.Lock()
	defer s.filling.Unlock()
	name := routedName(chainID, parent)
	if _, err := s.Stat(ctx, name); err == nil {
		return fmt.Errorf("snapshot %s: %w", chainID, errdefs.ErrAlreadyExists)
	}
	home, err := s.volumes.Ensure(route.Kind, route.TrustDomainID)
	if err != nil {
		return err
	}
	key := unpacking + rand.Text()
	snapshot, folder, err := s.create(ctx, snapshots.KindActive, key, parent, &home.Folder)
	if err != nil {
		return err
	}
	if err := s.fill(ctx, snapshot, folder, route); err != nil {
		return errors.Join(fmt.Errorf("unpack layer %s of %s: %w", route.DiffID, route.TrustDomainID, err), s.Remove(context.WithoutCancel(ctx), key))
	}
	if err := s.Commit(ctx, name, key, snapshots.WithLabels(labels)); err != nil {
		return errors.Join(err, s.Remove(context.WithoutCancel(ctx), key))
	}
	return fmt.Errorf("snapshot %s: %w", chainID, errdefs.ErrAlreadyExists)
}

// fill writes the files of a layer, and checks that it was that layer.
func (s *Snapshotter) fill(ctx context.Context, snapshot storage.Snapshot, folder string, route Route) error {
	lower, err := s.parents(snapshot)
	if err != nil {
		return err
	}
	layer, err := route.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = layer.Close() }()
	sum := sha256.New()
	stream := io.TeeReader(layer, sum)
	if _, err := archive.Apply(ctx, filepath.Join(folder, content), stream,
		archive.WithConvertWhiteout(archive.OverlayConvertWhiteout), archive.WithParents(lower)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != route.DiffID {
		return fmt.Errorf("its content has the digest %s", got)
	}
	return nil
}

// routedName is the name of the committed snapshot of a routed layer. The same layer on another parent is another one.
func routedName(chainID, parent string) string {
	sum := sha256.Sum256([]byte(parent))
	return "routed/" + hex.EncodeToString(sum[:8]) + "/" + chainID
}

// Placed is where a committed snapshot lies.
type Placed struct {
	ChainID string
	// Volume is the zero value for the shared folder.
	Volume volume.Volume
	// Lost snapshots went with the key or the memory of their volume.
	Lost bool
}

// Placed lists where the unpacked layers of this host lie.
func (s *Snapshotter) Placed(ctx context.Context) ([]Placed, error) {
	var all []Placed
	err := s.meta.WithTransaction(ctx, false, func(ctx context.Context) error {
		return storage.WalkInfo(ctx, func(ctx context.Context, info snapshots.Info) error {
			if info.Kind != snapshots.KindCommitted {
				return nil
			}
			id, _, _, err := storage.GetInfo(ctx, info.Name)
			if err != nil {
				return err
			}
			placed := Placed{ChainID: info.Name[strings.LastIndex(info.Name, "/")+1:]}
			name, _, err := s.find(id)
			placed.Lost = err != nil
			placed.Volume, _ = s.volumes.Get(name)
			all = append(all, placed)
			return nil
		})
	})
	if errdefs.IsNotFound(err) { // there are no records yet
		return nil, nil
	}
	return all, err
}
