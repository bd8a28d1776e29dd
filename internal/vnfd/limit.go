package vnfd

// The bounds of a package. They are far above what packages need and keep hostile ones cheap.
const (
	// MaxPackageBytes is how large a package may be, as it is sent.
	MaxPackageBytes = 512 << 20

	maxFiles          = 10_000
	maxDirectoryBytes = 4 << 20 // of the archive's central directory
	maxContentBytes   = 2 << 30 // of all files together, unpacked
	maxRatio          = 1000    // of one file, unpacked to packed, where it is large
	ratioFrom         = 16 << 20
	maxNameBytes      = 512
	maxTextBytes      = 4 << 20 // of a file that is read as text
	maxDocuments      = 256     // YAML files of one descriptor
	maxDepth          = 64      // of values within each other
	maxNodes          = 500_000 // values of all documents together
	maxTypeChain      = 32      // types derived from each other
	maxFindings       = 1_000
	maxComponents     = 1_000
	maxChartBytes     = 16 << 20 // of a Helm chart, packed and unpacked
	maxChartFiles     = 2_000
	maxChartDepth     = 4 // of charts within each other
)
