package placement

import "time"

// VNFPackageState is how far the onboarding of a VNF package is.
type VNFPackageState string

// The states of a VNF package. What is not onboarded exists for nobody but who sends it, and is forgotten when that breaks off.
const (
	VNFPackageUploading VNFPackageState = "UPLOADING"
	VNFPackageOnboarded VNFPackageState = "ONBOARDED"
)

// VNFPackage is a package, or a single descriptor, that was sent here, with what was read in it.
type VNFPackage struct {
	ID              string
	VNFDID          string
	State           VNFPackageState
	Archive         bool // a CSAR; otherwise a single descriptor
	VNFDVersion     string
	Provider        string
	ProductName     string
	SoftwareVersion string
	SizeBytes       int64
	SHA256          string // of the content, in hexadecimal
	Draft           []byte // what the VNFD says of the VNF profile, in the form of internal/packages
	Findings        []byte // what was found in it, likewise
	CreatedBy       string // the client
	OnboardedAt     time.Time
	HasProfile      bool // there is a VNF profile for its VNFD
	InUse           bool // workloads of its VNFD are recorded
}
