package placement

import "time"

// ArtefactKind says what an artefact is.
type ArtefactKind string

// The kinds of artefact.
const (
	ArtefactContainerImage ArtefactKind = "CONTAINER_IMAGE"
	ArtefactVMImage        ArtefactKind = "VM_IMAGE"
	ArtefactSnapshot       ArtefactKind = "SNAPSHOT"
	ArtefactCheckpoint     ArtefactKind = "CHECKPOINT"
	ArtefactVMTemplate     ArtefactKind = "VM_TEMPLATE"
	ArtefactHelmChart      ArtefactKind = "HELM_CHART"
	ArtefactModel          ArtefactKind = "MODEL"
)

// Image is an artefact that a host may keep in its cache.
type Image struct {
	Digest          string
	Reference       string // name:tag in the registry
	Kind            ArtefactKind
	Layers          []Layer
	Sensitivity     int
	ContainsSecrets bool // judged as key material by cache rules
	PublicBase      bool // may lie in a shared cache
	Signature       string
	Revision        int64 // grows with every change of the record; the ETag
}

// Layer is one layer of an image. The encrypted and the plain form of a layer share their DiffID.
type Layer struct {
	Digest    string
	DiffID    string
	SizeBytes int64
}

// CacheEntry records that an artefact lies in the cache of a host, and how.
type CacheEntry struct {
	NFVIPoPID     string
	HostID        string
	Digest        string
	Mode          CacheMode
	TrustDomainID string // empty for SHARED entries
	ObservedAt    time.Time
	Revision      int64
}
