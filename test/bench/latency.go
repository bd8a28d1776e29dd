package main

import (
	"slices"
	"time"
)

// latencies are how long something took, each time.
type latencies []time.Duration

// quantile is the duration that a share of all did not exceed. The latencies must be sorted.
func (l latencies) quantile(share float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(int(share*float64(len(l))), len(l)-1)]
}

func (l latencies) sort() latencies {
	slices.Sort(l)
	return l
}

func (l latencies) sum() time.Duration {
	var total time.Duration
	for _, d := range l {
		total += d
	}
	return total
}
