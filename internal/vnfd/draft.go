package vnfd

import (
	"io"
	"strings"

	"ringfence/internal/placement"
)

// Draft is what a descriptor says of a VNF, before the operator adds what no descriptor can say.
type Draft struct {
	VNFDID          string // descriptor_id
	Version         string // descriptor_version
	Provider        string
	ProductName     string
	SoftwareVersion string
	VNFMInfo        []string
	Entry           string // the file of the package that the descriptor begins with
	Components      []Component
	AffinityRules   []placement.AffinityRule
	Flavours        []Flavour
	Storages        []Storage
	MCIOPs          []MCIOP
}

// ComponentKind says what a component of a draft is in SOL001.
type ComponentKind string

// The kinds of component.
const (
	KindCompute        ComponentKind = "COMPUTE"         // Vdu.Compute: a virtual machine
	KindDeployableUnit ComponentKind = "DEPLOYABLE_UNIT" // Vdu.OsContainerDeployableUnit: a pod
	KindContainer      ComponentKind = "CONTAINER"       // Vdu.OsContainer: one container of pods
)

// Component is a VDU or an OS container. VNFMs name pods by either, so both become components of the VNF profile; a deployable
// unit uses what its containers use together.
type Component struct {
	ID           string
	Kind         ComponentKind
	Name         string
	Description  string
	PartOf       []string // deployable units that a container belongs to
	MinInstances int64
	MaxInstances int64
	Resources    placement.Resources
	CutThrough   placement.CutThroughs
	Privileged   placement.Privileges // as manifests ask for it
	Labels       map[string]string    // nfvi_constraints and requested additional capabilities
	Images       []SoftwareImage
	MCIO         MCIO
	at           place
}

// MCIO identifies the object of a cluster that a deployable unit becomes (mcio_identification_data).
type MCIO struct {
	Name string
	Type string
}

// SoftwareImage is one software image that a component starts from.
type SoftwareImage struct {
	ID              string // in the descriptor, as SOL003's vnfdSoftwareImageId names it
	Name            string
	Version         string
	ContainerFormat string
	DiskFormat      string
	Algorithm       string // of the checksum, such as sha-256
	Checksum        string
	SizeBytes       int64
	File            string // within the package; empty: elsewhere
}

// Digest is the image's checksum as the inventory names artefacts; empty where it is none: the checksum of an archive of a
// container image is not the digest of the image.
func (i *SoftwareImage) Digest() string {
	if i.Checksum == "" || i.ContainerFormat == "docker" {
		return ""
	}
	return strings.ReplaceAll(strings.ToLower(i.Algorithm), "-", "") + ":" + strings.ToLower(i.Checksum)
}

// Storage is a virtual storage of its own, which is no part of a host's capacity.
type Storage struct {
	ID        string
	Kind      string // BLOCK, OBJECT or FILE
	SizeBytes int64
	Images    []SoftwareImage
}

// MCIOP is a package of manifests for a cluster, a Helm chart, with the deployable units that come from it.
type MCIOP struct {
	ID           string
	ComponentIDs []string
	File         string // of the chart, within the package
}

// Flavour is one deployment flavour with its sizes.
type Flavour struct {
	ID           string
	Description  string
	ComponentIDs []string
	DefaultLevel string
	Levels       []Level
	Aspects      []Aspect
	Initial      map[string]int64 // instances at scale level 0, by component
}

// Level is one instantiation level: how many instances of each component.
type Level struct {
	ID        string
	Instances map[string]int64 // by component
	Scale     map[string]int64 // scale level by aspect
}

// Aspect is one scaling aspect.
type Aspect struct {
	ID       string
	Name     string
	MaxLevel int64
	Steps    []string                    // the delta of each step, from level 0 on
	Deltas   map[string]map[string]int64 // instances that a delta adds, by delta and component
}

// Read reads a package or a single descriptor of so many bytes. The draft is nil when a finding is an ERROR that leaves none.
// File names it in findings when it is a single descriptor.
func Read(r io.ReaderAt, size int64, file string, charts Charts) (*Draft, []Finding) {
	rep := &report{}
	draft := read(r, size, file, charts, rep)
	return draft, rep.sorted()
}

func read(r io.ReaderAt, size int64, file string, charts Charts, rep *report) *Draft {
	if size > MaxPackageBytes {
		rep.fail(CodeTooLarge, place{}, "the package has %d bytes, at most %d are read", size, MaxPackageBytes)
		return nil
	}
	if !IsArchive(r) {
		return readSingle(r, size, file, rep)
	}
	a := openZip(r, size, rep)
	if a == nil {
		return nil
	}
	entry := a.entryDefinitions()
	if entry == "" {
		return nil
	}
	draft := a.load(entry, charts).draft(entry)
	a.verify()
	return draft
}

// readSingle reads a descriptor that is no package: it imports nothing but what SOL001 defines.
func readSingle(r io.ReaderAt, size int64, file string, rep *report) *Draft {
	if size > maxTextBytes {
		rep.fail(CodeTooLarge, place{file: file}, "it is no archive, and a descriptor has at most %d bytes, not %d", maxTextBytes, size)
		return nil
	}
	text := make([]byte, size)
	if n, err := r.ReadAt(text, 0); n < len(text) {
		rep.fail(CodeArchive, place{file: file}, "it cannot be read: %s", err)
		return nil
	}
	a := &archive{report: rep, text: map[string][]byte{file: text}, sums: map[string]string{}}
	return a.load(file, Charts{}).draft(file)
}

// IsArchive tells whether bytes begin as a zip archive does.
func IsArchive(r io.ReaderAt) bool {
	var magic [4]byte
	n, _ := r.ReadAt(magic[:], 0)
	return n == len(magic) && (string(magic[:]) == "PK\x03\x04" || string(magic[:]) == "PK\x05\x06")
}
