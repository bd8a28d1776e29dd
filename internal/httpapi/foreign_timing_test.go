package httpapi_test

import (
	"math"
	"os"
	"slices"
	"testing"
	"time"
)

// TestForeignTiming measures whether the time of an answer tells a foreign grant from a missing one: the distance of the two distributions
// (Kolmogorov-Smirnov) and the chance of such a distance where there is no difference. It is a measurement for a quiet machine, and asserts
// nothing: RINGFENCE_TEST_TIMING=1.
func TestForeignTiming(t *testing.T) {
	if os.Getenv("RINGFENCE_TEST_TIMING") == "" {
		t.Skip("a measurement: RINGFENCE_TEST_TIMING=1 on a quiet machine")
	}
	a, f := newForeign(t)
	const samples = 1000
	took := map[string][]time.Duration{}
	for i := range 2*samples + 200 {
		id := []string{f.others["grants"], missing(f.others["grants"])}[i%2]
		began := time.Now()
		a.do(call{as: "vnfm-a", path: "/grant/v1/grants/" + id}).want(404)
		if i >= 200 { // the first ones warm up
			took[id] = append(took[id], time.Since(began))
		}
	}
	foreign, missed := took[f.others["grants"]], took[missing(f.others["grants"])]
	d := distance(foreign, missed)
	t.Logf("foreign %s, missing %s in the middle; distance %.3f, p = %.3f", foreign[samples/2], missed[samples/2], d, chance(d, samples))
}

// distance is the greatest difference of two empirical distributions, and sorts them.
func distance(a, b []time.Duration) (greatest float64) {
	slices.Sort(a)
	slices.Sort(b)
	for _, at := range append(slices.Clone(a), b...) {
		below := func(of []time.Duration) float64 {
			n, _ := slices.BinarySearch(of, at+1)
			return float64(n) / float64(len(of))
		}
		greatest = max(greatest, math.Abs(below(a)-below(b)))
	}
	return greatest
}

// chance is how likely a distance at least as great is for two samples of n of one distribution (the limit of Kolmogorov).
func chance(d float64, n int) (p float64) {
	lambda := d * math.Sqrt(float64(n)/2)
	for k := 1; k <= 100; k++ {
		p += 2 * math.Pow(-1, float64(k-1)) * math.Exp(-2*float64(k*k)*lambda*lambda)
	}
	return min(max(p, 0), 1)
}
