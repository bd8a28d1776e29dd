package placement

import (
	"slices"
	"strings"
)

// Resources is an amount per capacity dimension, in the unit that the dimension's name ends with. A dimension
// that is absent is 0.
type Resources map[string]int64

// The known capacity dimensions. Any other name must start with ExtPrefix.
const (
	DimCPUMillis           = "cpuMillis"
	DimMemoryMiB           = "memoryMiB"
	DimEphemeralStorageMiB = "ephemeralStorageMiB"
	DimHugePages2Mi        = "hugePages2Mi"
	DimHugePages1Gi        = "hugePages1Gi"
	DimSRIOVVFs            = "sriovVfs"
	DimGPUs                = "gpus"
	DimTEEGuests           = "teeGuests"
	ExtPrefix              = "ext."
)

// Dimensions lists the known dimensions in the order in which they are reported.
func Dimensions() []string {
	return []string{
		DimCPUMillis, DimMemoryMiB, DimEphemeralStorageMiB, DimHugePages2Mi, DimHugePages1Gi, DimSRIOVVFs, DimGPUs, DimTEEGuests,
	}
}

// KnownDimension tells whether a name may be used as a dimension.
func KnownDimension(name string) bool {
	return slices.Contains(Dimensions(), name) || strings.HasPrefix(name, ExtPrefix) && len(name) > len(ExtPrefix)
}

// Plus returns the sum.
func (r Resources) Plus(o Resources) Resources {
	sum := make(Resources, len(r)+len(o))
	for k, v := range r {
		sum[k] += v
	}
	for k, v := range o {
		sum[k] += v
	}
	return sum
}

// Lacking returns the dimensions, sorted by name, in which free has less than r needs.
func (r Resources) Lacking(free Resources) []string {
	var out []string
	for k, v := range r {
		if v > 0 && v > free[k] {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// Minus returns the difference; it may be negative.
func (r Resources) Minus(o Resources) Resources {
	d := make(Resources, len(r)+len(o))
	for k, v := range r {
		d[k] += v
	}
	for k, v := range o {
		d[k] -= v
	}
	return d
}
