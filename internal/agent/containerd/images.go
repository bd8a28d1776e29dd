package containerd

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	inventory "ringfence/api/inventory"
	"ringfence/internal/agent"
	"ringfence/internal/agent/snapshotter"
	"ringfence/internal/agent/volume"
)

// stored is one image of a namespace under all its names there.
type stored struct {
	space    string
	target   digest.Digest
	manifest digest.Digest   // for this host; empty: it does not lie here
	blobs    []digest.Digest // all that hangs from the target, layers included
	layers   []layer
	names    []string
}

// layer is one layer of an image with the chain ID by which its snapshot goes.
type layer struct {
	blob      digest.Digest
	encrypted bool
	diffID    string
	chainID   string
}

// top is the chain ID of the whole image.
func (i *stored) top() string {
	if len(i.layers) == 0 {
		return ""
	}
	return i.layers[len(i.layers)-1].chainID
}

// described are the layers as the agent reports them.
func (i *stored) described() []agent.Layer {
	var layers []agent.Layer
	for _, l := range i.layers {
		layers = append(layers, agent.Layer{Digest: l.blob.String(), DiffID: l.diffID, ChainID: l.chainID})
	}
	return layers
}

// list reads the images of all namespaces.
func (s *Store) list(ctx context.Context) ([]*stored, error) {
	spaces, err := s.spaces(ctx)
	if err != nil {
		return nil, err
	}
	var all []*stored
	for space, ctx := range spaces {
		records, err := s.client.ImageService().List(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the images of %s: %w", space, err)
		}
		found := map[digest.Digest]*stored{}
		for _, record := range records {
			image := found[record.Target.Digest]
			if image == nil {
				image = &stored{space: space, target: record.Target.Digest}
				if err := s.dissect(ctx, image, record); err != nil {
					return nil, err
				}
				found[image.target] = image
				all = append(all, image)
			}
			image.names = append(image.names, record.Name)
		}
	}
	slices.SortFunc(all, func(a, b *stored) int {
		return slices.Compare([]string{a.target.String(), a.space}, []string{b.target.String(), b.space})
	})
	return all, nil
}

// dissect works out what an image consists of, as far as its documents lie here.
func (s *Store) dissect(ctx context.Context, image *stored, record images.Image) error {
	blobs := s.client.ContentStore()
	handler := images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		image.blobs = append(image.blobs, d.Digest)
		children, err := images.Children(ctx, blobs, d)
		if errdefs.IsNotFound(err) {
			return nil, nil
		}
		return children, err
	})
	if err := images.Walk(ctx, handler, record.Target); err != nil {
		return fmt.Errorf("read what %s consists of: %w", record.Name, err)
	}
	manifest, err := images.Manifest(ctx, blobs, record.Target, s.platform)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the manifest of %s: %w", record.Name, err)
	}
	diffIDs, err := images.RootFS(ctx, blobs, manifest.Config)
	if errdefs.IsNotFound(err) || err == nil && len(diffIDs) != len(manifest.Layers) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the configuration of %s: %w", record.Name, err)
	}
	chain := identity.ChainIDs(slices.Clone(diffIDs))
	for i, d := range manifest.Layers {
		image.layers = append(image.layers, layer{
			blob: d.Digest, encrypted: agent.IsEncrypted(d.MediaType), diffID: diffIDs[i].String(), chainID: chain[i].String(),
		})
	}
	return s.findManifest(ctx, image, record)
}

// findManifest notes which manifest an index leads to.
func (s *Store) findManifest(ctx context.Context, image *stored, record images.Image) error {
	if !images.IsIndexType(record.Target.MediaType) {
		image.manifest = image.target
		return nil
	}
	children, err := images.LimitManifests(images.ChildrenHandler(s.client.ContentStore()), s.platform, 1)(ctx, record.Target)
	if err != nil {
		return fmt.Errorf("read the index of %s: %w", record.Name, err)
	}
	if len(children) > 0 {
		image.manifest = children[0].Digest
	}
	return nil
}

// snapshotters are the names of all snapshotters of containerd: what is unpacked by another than ours lies in the open.
func (s *Store) snapshotters(ctx context.Context) ([]string, error) {
	plugins, err := s.client.IntrospectionService().Plugins(ctx, `type==io.containerd.snapshotter.v1`)
	if err != nil {
		return nil, fmt.Errorf("list the snapshotters of containerd: %w", err)
	}
	var names []string
	for _, plugin := range plugins.Plugins {
		if plugin.InitErr == nil {
			names = append(names, plugin.ID)
		}
	}
	return names, nil
}

// form is a form in which something lies on the host; the zero value: it does not.
type form struct {
	mode          inventory.CacheMode
	trustDomainID string
}

// rank orders forms, weakest first.
var rank = map[inventory.CacheMode]int{inventory.CacheModeSHARED: 1, inventory.CacheModeENCRYPTED: 2, inventory.CacheModeNOSTORE: 3}

func weakest(a, b form) form {
	if a.mode == "" || b.mode != "" && rank[b.mode] < rank[a.mode] {
		return b
	}
	return a
}

// forms knows in which form each layer lies.
type forms struct {
	placed map[string]form // by chain ID, of our snapshotter
	open   map[string]bool // chain IDs that another snapshotter has
	blobs  map[string]bool // blobs in the content store
}

// forms looks where the layers of images lie.
func (s *Store) forms(ctx context.Context, all []*stored) (*forms, error) {
	placed, err := s.placer.Placed(ctx)
	if err != nil {
		return nil, fmt.Errorf("look where layers lie: %w", err)
	}
	f := &forms{placed: map[string]form{}, open: map[string]bool{}, blobs: map[string]bool{}}
	for _, p := range placed {
		if !p.Lost {
			f.placed[p.ChainID] = weakest(f.placed[p.ChainID], formOf(p))
		}
	}
	names, err := s.snapshotters(ctx)
	if err != nil {
		return nil, err
	}
	spaces, err := s.spaces(ctx)
	if err != nil {
		return nil, err
	}
	for _, image := range all {
		ctx := spaces[image.space]
		for _, l := range image.layers {
			if _, err := s.client.ContentStore().Info(ctx, l.blob); err == nil {
				f.blobs[l.blob.String()] = true
			}
			for _, name := range names {
				if name == Snapshotter || f.open[l.chainID] {
					continue
				}
				if _, err := s.client.SnapshotService(name).Stat(ctx, l.chainID); err == nil {
					f.open[l.chainID] = true
				}
			}
		}
	}
	return f, nil
}

func formOf(p snapshotter.Placed) form {
	switch p.Volume.Kind {
	case volume.Encrypted:
		return form{inventory.CacheModeENCRYPTED, p.Volume.TrustDomainID}
	case volume.Memory:
		return form{inventory.CacheModeNOSTORE, p.Volume.TrustDomainID}
	}
	return form{mode: inventory.CacheModeSHARED}
}

// of is the weakest form in which a layer lies.
func (f *forms) of(l layer) form {
	weak := f.placed[l.chainID]
	if f.open[l.chainID] {
		weak = weakest(weak, form{mode: inventory.CacheModeSHARED})
	}
	if f.blobs[l.blob.String()] {
		if l.encrypted {
			// The blob adds nothing to a layer that lies unpacked under the key of its domain.
			if weak.mode == "" || weak.mode == inventory.CacheModeNOSTORE {
				weak = form{inventory.CacheModeENCRYPTED, weak.trustDomainID}
			}
		} else {
			weak = weakest(weak, form{mode: inventory.CacheModeSHARED})
		}
	}
	return weak
}

// artefacts are the images of which anything but their documents lies here, in the weakest form of what they share with no
// other image: a base that lies in the open by right of another image says nothing about what is on top of it.
func (s *Store) artefacts(ctx context.Context, all []*stored) ([]agent.Artefact, error) {
	f, err := s.forms(ctx, all)
	if err != nil {
		return nil, err
	}
	users := map[string]map[digest.Digest]bool{}
	for _, image := range all {
		for _, l := range image.layers {
			if users[l.chainID] == nil {
				users[l.chainID] = map[digest.Digest]bool{}
			}
			users[l.chainID][image.target] = true
		}
	}
	byDigest := map[string]*agent.Artefact{}
	var artefacts []agent.Artefact
	for _, image := range all {
		var own, any form
		for _, l := range image.layers {
			any = weakest(any, f.of(l))
			if len(users[l.chainID]) == 1 {
				own = weakest(own, f.of(l))
			}
		}
		if own.mode == "" {
			own = any
		}
		if own.mode == "" {
			continue
		}
		a := byDigest[image.target.String()]
		if a == nil {
			a = &agent.Artefact{Digest: image.target.String(), Mode: own.mode, TrustDomainID: own.trustDomainID, Layers: image.described()}
			byDigest[a.Digest] = a
		}
		if image.manifest != image.target {
			a.Manifest = image.manifest.String()
		}
		weak := weakest(form{a.Mode, a.TrustDomainID}, own)
		a.Mode, a.TrustDomainID = weak.mode, weak.trustDomainID
		a.Names = append(a.Names, image.names...)
	}
	for _, image := range all {
		if a := byDigest[image.target.String()]; a != nil {
			artefacts = append(artefacts, *a)
			delete(byDigest, a.Digest)
		}
	}
	return artefacts, nil
}

// Lost lists the images of which a layer was unpacked where the key or the memory is gone.
func (s *Store) Lost(ctx context.Context) ([]string, error) {
	placed, err := s.placer.Placed(ctx)
	if err != nil {
		return nil, fmt.Errorf("look where layers lie: %w", err)
	}
	lost := map[string]bool{}
	for _, p := range placed {
		if p.Lost {
			lost[p.ChainID] = true
		}
	}
	if len(lost) == 0 {
		return nil, nil
	}
	all, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	var digests []string
	for _, image := range all {
		if slices.ContainsFunc(image.layers, func(l layer) bool { return lost[l.chainID] }) {
			digests = append(digests, image.target.String())
		}
	}
	slices.Sort(digests)
	return slices.Compact(digests), nil
}

// exists tells whether a blob lies in the content store of a namespace.
func exists(ctx context.Context, store content.Store, d digest.Digest) (int64, bool) {
	info, err := store.Info(ctx, d)
	return info.Size, err == nil
}
