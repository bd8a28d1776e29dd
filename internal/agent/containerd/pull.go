package containerd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	cd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/containerd/containerd/v2/pkg/reference"
	"github.com/containerd/errdefs"
	"github.com/containers/ocicrypt"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"ringfence/internal/agent"
)

// maxManifest bounds what is read into memory of an image.
const maxManifest = 8 << 20

// byDigest is a reference that leads to one content only, and the name with a tag that people gave it, if they did.
func byDigest(ref, dgst string) (pinned, name string, err error) {
	spec, err := reference.Parse(ref)
	if err != nil {
		return "", "", fmt.Errorf("%q is no reference of an image in a registry: %w", ref, err)
	}
	tag, _, _ := strings.Cut(spec.Object, "@")
	if tag != "" {
		name = spec.Locator + ":" + tag
	}
	return spec.Locator + "@" + dgst, name, nil
}

func (s *Store) resolver() remotes.Resolver {
	return docker.NewResolver(docker.ResolverOptions{Hosts: s.registry})
}

// Resolve reads the manifest for this host and its configuration, and works out the chain IDs.
func (s *Store) Resolve(ctx context.Context, ref, dgst string) (agent.Image, error) {
	pinned, _, err := byDigest(ref, dgst)
	if err != nil {
		return agent.Image{}, err
	}
	resolver := s.resolver()
	name, target, err := resolver.Resolve(ctx, pinned)
	if err != nil {
		return agent.Image{}, err
	}
	if target.Digest.String() != dgst {
		return agent.Image{}, fmt.Errorf("%s leads to %s", pinned, target.Digest)
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return agent.Image{}, err
	}
	manifest, err := s.manifest(ctx, fetcher, target)
	if err != nil {
		return agent.Image{}, err
	}
	var c ocispec.Image
	if err := fetchJSON(ctx, fetcher, manifest.Config, &c); err != nil {
		return agent.Image{}, err
	}
	return describe(ref, dgst, manifest, c.RootFS.DiffIDs)
}

// manifest follows an index to the manifest for this host.
func (s *Store) manifest(ctx context.Context, fetcher remotes.Fetcher, target ocispec.Descriptor) (ocispec.Manifest, error) {
	var manifest ocispec.Manifest
	if !images.IsIndexType(target.MediaType) {
		return manifest, fetchJSON(ctx, fetcher, target, &manifest)
	}
	var index ocispec.Index
	if err := fetchJSON(ctx, fetcher, target, &index); err != nil {
		return manifest, err
	}
	var best *ocispec.Descriptor
	for i, d := range index.Manifests {
		if d.Platform == nil || !s.platform.Match(*d.Platform) {
			continue
		}
		if best == nil || s.platform.Less(*d.Platform, *best.Platform) {
			best = &index.Manifests[i]
		}
	}
	if best == nil {
		return manifest, fmt.Errorf("%s has no image for this host's platform", target.Digest)
	}
	return manifest, fetchJSON(ctx, fetcher, *best, &manifest)
}

// fetchJSON reads a document of the registry, and believes it only if it has its digest.
func fetchJSON(ctx context.Context, fetcher remotes.Fetcher, d ocispec.Descriptor, into any) error {
	stream, err := fetcher.Fetch(ctx, d)
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()
	data, err := io.ReadAll(io.LimitReader(stream, maxManifest))
	if err != nil {
		return err
	}
	if digest.FromBytes(data) != d.Digest {
		return fmt.Errorf("the registry answers something else than %s", d.Digest)
	}
	return json.Unmarshal(data, into)
}

// describe joins the layers of a manifest with what their configuration says about their content.
func describe(ref, dgst string, manifest ocispec.Manifest, diffIDs []digest.Digest) (agent.Image, error) {
	if len(diffIDs) != len(manifest.Layers) {
		return agent.Image{}, fmt.Errorf("%s has %d layers, and its configuration describes %d", dgst, len(manifest.Layers), len(diffIDs))
	}
	image := agent.Image{Digest: dgst, Reference: ref}
	chain := identity.ChainIDs(append([]digest.Digest(nil), diffIDs...))
	for i, layer := range manifest.Layers {
		image.Layers = append(image.Layers, agent.Layer{
			Digest: layer.Digest.String(), MediaType: layer.MediaType, Size: layer.Size, Annotations: layer.Annotations,
			DiffID: diffIDs[i].String(), ChainID: chain[i].String(),
		})
	}
	return image, nil
}

// Pull fetches an image by its digest and unpacks it, and gives it the name of its reference too. Of an image whose layers
// are routed only encrypted blobs come into the content store: the snapshotter reads the others itself.
func (s *Store) Pull(ctx context.Context, image agent.Image) error {
	pinned, name, err := byDigest(image.Reference, image.Digest)
	if err != nil {
		return err
	}
	ctx, release, err := s.client.WithLease(s.own(ctx))
	if err != nil {
		return err
	}
	defer func() { _ = release(context.WithoutCancel(ctx)) }()
	if image.Encrypted() {
		if _, err := s.client.Fetch(ctx, pinned, cd.WithResolver(s.resolver()), cd.WithPlatformMatcher(s.platform), cd.WithImageHandlerWrapper(onlyEncrypted)); err != nil {
			return err
		}
	}
	pulled, err := s.client.Pull(ctx, pinned, cd.WithResolver(s.resolver()), cd.WithPullUnpack, cd.WithPullSnapshotter(Snapshotter))
	if err != nil {
		return err
	}
	if got := pulled.Target().Digest.String(); got != image.Digest {
		return fmt.Errorf("%s leads to %s", pinned, got)
	}
	if name == "" {
		return nil
	}
	named := images.Image{Name: name, Target: pulled.Target(), Labels: pulled.Labels()}
	_, err = s.client.ImageService().Create(ctx, named)
	if errdefs.IsAlreadyExists(err) {
		_, err = s.client.ImageService().Update(ctx, named, "target")
	}
	return err
}

// onlyEncrypted leaves out the layers that are plaintext.
func onlyEncrypted(handler images.Handler) images.Handler {
	return images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		children, err := handler.Handle(ctx, d)
		kept := children[:0]
		for _, child := range children {
			if !images.IsLayerType(child.MediaType) || agent.IsEncrypted(child.MediaType) {
				kept = append(kept, child)
			}
		}
		return kept, err
	})
}

// Open reads a layer as a plain tar stream: from the content store if it lies there, else from the registry; decrypted with
// the keys of the trust domain, and unpacked. Whoever reads it must compare its digest.
func (s *Store) Open(ctx context.Context, image agent.Image, layer agent.Layer, trustDomainID string) (io.ReadCloser, error) {
	d := ocispec.Descriptor{MediaType: layer.MediaType, Digest: digest.Digest(layer.Digest), Size: layer.Size, Annotations: layer.Annotations}
	blob, err := s.blob(ctx, image, d)
	if err != nil {
		return nil, err
	}
	var stream io.Reader = blob
	if agent.IsEncrypted(layer.MediaType) {
		keys, err := s.keys(trustDomainID)
		if err != nil {
			return nil, errors.Join(err, blob.Close())
		}
		if stream, _, err = ocicrypt.DecryptLayer(keys, blob, d, false); err != nil {
			return nil, errors.Join(fmt.Errorf("decrypt layer %s for %s: %w", layer.Digest, trustDomainID, err), blob.Close())
		}
	}
	plain, err := compression.DecompressStream(stream)
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return &layered{Reader: plain, closers: []io.Closer{plain, blob}}, nil
}

// blob is a layer as it is stored.
func (s *Store) blob(ctx context.Context, image agent.Image, d ocispec.Descriptor) (io.ReadCloser, error) {
	reader, err := s.client.ContentStore().ReaderAt(s.own(ctx), d)
	if err == nil {
		return &layered{Reader: content.NewReader(reader), closers: []io.Closer{reader}}, nil
	}
	pinned, _, err := byDigest(image.Reference, image.Digest)
	if err != nil {
		return nil, err
	}
	fetcher, err := s.resolver().Fetcher(ctx, pinned)
	if err != nil {
		return nil, err
	}
	return fetcher.Fetch(ctx, d)
}

// layered is a stream on top of others that end with it.
type layered struct {
	io.Reader
	closers []io.Closer
}

// Close ends all streams.
func (l *layered) Close() error {
	var errs []error
	for _, c := range l.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
