package containerd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/opencontainers/go-digest"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"ringfence/internal/agent"
	"ringfence/internal/agent/volume"
)

// doom is what has to go with images that are purged: what no other image needs.
type doom struct {
	images []*stored
	blobs  map[digest.Digest]bool
	chains []string // tops before what they stand on
}

// Purge removes images under all their names, what only they need, and looks whether it is gone.
func (s *Store) Purge(ctx context.Context, digests []string) (agent.Freed, error) {
	all, err := s.list(ctx)
	if err != nil {
		return agent.Freed{}, err
	}
	d := condemn(all, digests)
	if err := s.clear(ctx, d); err != nil {
		return agent.Freed{}, err
	}
	spaces, err := s.spaces(ctx)
	if err != nil {
		return agent.Freed{}, err
	}
	snapshotters, err := s.snapshotters(ctx)
	if err != nil {
		return agent.Freed{}, err
	}
	freed := agent.Freed{Images: len(d.images)}
	s.measure(spaces, snapshotters, d, &freed)
	var errs []error
	for _, inside := range spaces {
		errs = append(errs, s.remove(inside, snapshotters, d))
	}
	for _, inside := range spaces {
		errs = append(errs, s.collect(inside))
	}
	if err := errors.Join(errs...); err != nil {
		return agent.Freed{}, fmt.Errorf("purge: %w", err)
	}
	for _, folder := range s.o.TrimFolders {
		errs = append(errs, volume.Trim(folder))
	}
	return freed, errors.Join(append(errs, s.prove(ctx, spaces, snapshotters, d))...)
}

// condemn works out what goes with the digests: their images, and what none of the others needs.
func condemn(all []*stored, digests []string) *doom {
	d := &doom{blobs: map[digest.Digest]bool{}}
	for _, name := range digests {
		d.blobs[digest.Digest(name)] = true
	}
	kept := map[string]bool{}
	for _, image := range all {
		if d.blobs[image.target] || image.manifest != "" && slices.Contains(digests, image.manifest.String()) {
			d.images = append(d.images, image)
			continue
		}
		for _, blob := range image.blobs {
			kept[blob.String()] = true
		}
		for _, l := range image.layers {
			kept[l.chainID] = true
		}
	}
	for _, image := range d.images {
		for _, blob := range image.blobs {
			d.blobs[blob] = true
		}
		for _, l := range slices.Backward(image.layers) {
			if !kept[l.chainID] && !slices.Contains(d.chains, l.chainID) {
				d.chains = append(d.chains, l.chainID)
			}
		}
	}
	maps.DeleteFunc(d.blobs, func(blob digest.Digest, _ bool) bool { return kept[blob.String()] })
	return d
}

// clear removes the stopped containers that stand on what has to go. A running one is in the way.
func (s *Store) clear(ctx context.Context, d *doom) error {
	found, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var stopped []container
	for _, c := range found {
		uses := slices.ContainsFunc(d.images, func(i *stored) bool { return i.carries(c) }) || slices.Contains(d.chains, c.parent)
		switch {
		case uses && c.running:
			return fmt.Errorf("%s of namespace %s: %w", c.record.ID, c.space, agent.ErrInUse)
		case uses:
			stopped = append(stopped, c)
		}
	}
	for _, c := range stopped {
		if err := s.discard(ctx, c); err != nil {
			return fmt.Errorf("remove the stopped container %s of namespace %s: %w", c.record.ID, c.space, err)
		}
	}
	return nil
}

// discard removes a container that does not run, with what it wrote.
func (s *Store) discard(ctx context.Context, c container) error {
	var err error
	switch {
	case c.record.Labels[labelKind] == kindSandbox:
		_, err = s.pods.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: c.record.ID})
		if err == nil {
			_, err = s.pods.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: c.record.ID})
		}
	case c.record.Labels[labelKind] != "":
		_, err = s.pods.RemoveContainer(ctx, &cri.RemoveContainerRequest{ContainerId: c.record.ID})
	default:
		var spaces map[string]context.Context
		if spaces, err = s.spaces(ctx); err != nil {
			return err
		}
		ctx = spaces[c.space]
		_, err = s.client.TaskService().Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: c.record.ID})
		if err = errgrpc.ToNative(err); err != nil && !errdefs.IsNotFound(err) {
			return err
		}
		if err = s.client.ContainerService().Delete(ctx, c.record.ID); err == nil && c.record.SnapshotKey != "" {
			err = s.client.SnapshotService(c.record.Snapshotter).Remove(ctx, c.record.SnapshotKey)
		}
	}
	if errdefs.IsNotFound(errgrpc.ToNative(err)) {
		return nil
	}
	return err
}

// Sweep removes every container that does not run, and gives what is free back to the device.
func (s *Store) Sweep(ctx context.Context) error {
	found, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range found {
		if !c.running {
			errs = append(errs, s.discard(ctx, c))
		}
	}
	for _, folder := range s.o.TrimFolders {
		errs = append(errs, volume.Trim(folder))
	}
	return errors.Join(errs...)
}

// measure counts what will be freed. What is in several namespaces lies on disk once.
func (s *Store) measure(spaces map[string]context.Context, snapshotters []string, d *doom, freed *agent.Freed) {
	blobs := map[digest.Digest]int64{}
	layers := map[string]int64{}
	for _, inside := range spaces {
		for blob := range d.blobs {
			if size, there := exists(inside, s.client.ContentStore(), blob); there {
				blobs[blob] = size
			}
		}
		for _, name := range snapshotters {
			for _, chainID := range d.chains {
				if usage, err := s.client.SnapshotService(name).Usage(inside, chainID); err == nil {
					layers[name+"/"+chainID] = usage.Size
				}
			}
		}
	}
	freed.Layers = len(layers)
	for _, size := range blobs {
		freed.Bytes += size
	}
	for _, size := range layers {
		freed.Bytes += size
	}
}

// remove takes names, leases, layers and blobs out of one namespace.
func (s *Store) remove(ctx context.Context, snapshotters []string, d *doom) error {
	var errs []error
	ours, err := s.client.ImageService().List(ctx)
	errs = append(errs, err)
	for _, record := range ours {
		if slices.ContainsFunc(d.images, func(i *stored) bool { return i.target == record.Target.Digest }) {
			errs = append(errs, absent(s.client.ImageService().Delete(ctx, record.Name, images.SynchronousDelete())))
		}
	}
	errs = append(errs, s.unlease(ctx, d))
	for _, name := range snapshotters {
		for _, chainID := range d.chains {
			errs = append(errs, absent(s.client.SnapshotService(name).Remove(ctx, chainID)))
		}
	}
	for blob := range d.blobs {
		errs = append(errs, absent(s.client.ContentStore().Delete(ctx, blob)))
	}
	return errors.Join(errs...)
}

// absent is an error, unless it says that something is not there.
func absent(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// unlease ends the leases that keep what has to go, those of a pull that was killed among them.
func (s *Store) unlease(ctx context.Context, d *doom) error {
	manager := s.client.LeasesService()
	all, err := manager.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, lease := range all {
		resources, err := manager.ListResources(ctx, lease)
		if err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, err)
		}
		if slices.ContainsFunc(resources, func(r leases.Resource) bool { return d.blobs[digest.Digest(r.ID)] || slices.Contains(d.chains, r.ID) }) {
			errs = append(errs, absent(manager.Delete(ctx, lease)))
		}
	}
	return errors.Join(errs...)
}

// collect has containerd remove now what nothing refers to: the end of a lease that is deleted synchronously does. containerd
// looks through a snapshotter only after a snapshot of it was removed, so one is made for that: otherwise layers would stay
// whose removal fell into a restart of the agent.
func (s *Store) collect(ctx context.Context) error {
	snapshots := s.client.SnapshotService(Snapshotter)
	key := "ringfence-collect-" + rand.Text()
	if _, err := snapshots.Prepare(ctx, key, ""); err != nil {
		return err
	}
	if err := snapshots.Remove(ctx, key); err != nil {
		return err
	}
	lease, err := s.client.LeasesService().Create(ctx, leases.WithRandomID())
	if err != nil {
		return err
	}
	return s.client.LeasesService().Delete(ctx, lease, leases.SynchronousDelete)
}

// errRemains says that something that was purged is still there.
var errRemains = errors.New("it is still there")

// prove looks for everything that had to go.
func (s *Store) prove(ctx context.Context, spaces map[string]context.Context, snapshotters []string, d *doom) error {
	for space, inside := range spaces {
		for blob := range d.blobs {
			if _, there := exists(inside, s.client.ContentStore(), blob); there {
				return fmt.Errorf("purge: blob %s in namespace %s: %w", blob, space, errRemains)
			}
		}
		for _, name := range snapshotters {
			for _, chainID := range d.chains {
				if _, err := s.client.SnapshotService(name).Stat(inside, chainID); err == nil {
					return fmt.Errorf("purge: layer %s in namespace %s of %s: %w", chainID, space, name, errRemains)
				}
			}
		}
	}
	placed, err := s.placer.Placed(ctx)
	if err != nil {
		return err
	}
	for _, p := range placed {
		if slices.Contains(d.chains, p.ChainID) {
			return fmt.Errorf("purge: layer %s on disk: %w", p.ChainID, errRemains)
		}
	}
	return nil
}
