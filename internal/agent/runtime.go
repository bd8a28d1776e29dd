package agent

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	inventory "ringfence/api/inventory"
)

// Image is an image for this host's platform, as its manifest describes it.
type Image struct {
	// Digest is what the directive named: of the manifest, or of an index that leads to it.
	Digest string `json:"digest"`
	// Reference is where it was found, name and tag.
	Reference string  `json:"reference"`
	Layers    []Layer `json:"layers"`
}

// Layer is one layer of an image.
type Layer struct {
	Digest      string            `json:"digest"`
	MediaType   string            `json:"mediaType"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"` // hold the wrapped keys of an encrypted layer
	DiffID      string            `json:"diffId"`                // digest of the plain tar stream
	ChainID     string            `json:"chainId"`               // names the layer on top of those below it
}

// Workload is a pod, or a container that belongs to none, that runs on the host.
type Workload struct {
	// ID is what the container runtime calls it; for pods their uid.
	ID string
	// Labels are its labels and annotations.
	Labels map[string]string
	// Runtime is the runtime class that it really runs with.
	Runtime string
	// Images are the digests of the images of its running containers.
	Images []string
}

// Artefact is an image that lies on the host.
type Artefact struct {
	Digest string
	// Manifest is the digest of the manifest for this host, where Digest is that of an index.
	Manifest string
	// Names are all names of the image in the store.
	Names []string
	// Layers are what it consists of, lowest first; nil: not known.
	Layers []Layer
	// Mode is the weakest form in which any part of it lies there, and TrustDomainID whose volume it is in.
	Mode          inventory.CacheMode
	TrustDomainID string
}

// Observation is what a look at the host found.
type Observation struct {
	// At is when the look began.
	At        time.Time
	Workloads []Workload
	Artefacts []Artefact
}

// Freed is the proof of a purge: what was removed, after it was looked for again and not found.
type Freed struct {
	Images, Layers int
	Bytes          int64
}

// ErrInUse says that something cannot be removed because a container that runs uses it.
var ErrInUse = errors.New("a running container uses it")

// ImageStore is what the agent asks of the host's container runtime. All methods may be repeated after a crash.
type ImageStore interface {
	// Observe looks at what runs and what lies in the store.
	Observe(ctx context.Context) (Observation, error)
	// Resolve reads what an image consists of, from where the reference leads. Its content has the digest.
	Resolve(ctx context.Context, reference, digest string) (Image, error)
	// Pull fetches and unpacks an image. Layers that are routed go where their route says.
	Pull(ctx context.Context, image Image) error
	// Open reads a layer as a plain tar stream, decrypted with the keys of the trust domain.
	Open(ctx context.Context, image Image, layer Layer, trustDomainID string) (io.ReadCloser, error)
	// Purge removes images under all their names with everything that only they need, and looks whether it is gone. It
	// removes stopped containers that stand in the way; for a running one it is ErrInUse. Without digests it removes what
	// nothing refers to any more.
	Purge(ctx context.Context, digests []string) (Freed, error)
	// Lost lists the images that were unpacked where the key or the memory is gone: after a restart of the host.
	Lost(ctx context.Context) ([]string, error)
	// Sweep removes every stopped container with what it wrote, and has the device forget what was removed.
	Sweep(ctx context.Context) error
	// Stop ends a workload.
	Stop(ctx context.Context, w Workload) error
}

// Volumes are the places of trust domains.
type Volumes interface {
	// Unavailable says why a mode cannot be provided on this host; nil: it can.
	Unavailable(mode inventory.CacheMode) error
	// Erase destroys the volumes of a trust domain, or all when it is empty, and returns how many there were.
	Erase(trustDomainID string) (int, error)
}

// IsEncrypted tells by its media type whether a layer is ciphertext (OCI image encryption).
func IsEncrypted(mediaType string) bool { return strings.HasSuffix(mediaType, "+encrypted") }

// Encrypted tells whether any layer of the image is ciphertext.
func (i Image) Encrypted() bool {
	return slices.ContainsFunc(i.Layers, func(l Layer) bool { return IsEncrypted(l.MediaType) })
}
