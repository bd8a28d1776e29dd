package main

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// floor is the least that a decision on memory could cost: the AND of six bitmaps of hosts, then the free capacity in four
// dimensions of every host that is left, and the best of those.
type floor struct {
	words [6][]uint64
	free  [4][]int64
}

// newFloor makes a floor whose AND leaves about the given share of the hosts.
func newFloor(hosts int, share float64) *floor {
	r := rand.New(rand.NewPCG(seed, uint64(hosts)))
	each := math.Pow(share, 1.0/6)
	f := &floor{}
	for i := range f.words {
		f.words[i] = make([]uint64, (hosts+63)/64)
		for h := range hosts {
			if r.Float64() < each {
				f.words[i][h/64] |= 1 << (h % 64)
			}
		}
	}
	for d := range f.free {
		f.free[d] = make([]int64, (hosts+63)/64*64)
		for h := range hosts {
			f.free[d][h] = 4000 + r.Int64N(60000)
		}
	}
	return f
}

// scan returns the number of the host with the least to spare of those with enough; -1 when there is none.
func (f *floor) scan(need int64) int {
	best, least := -1, int64(math.MaxInt64)
	w := &f.words
	for i := range w[0] {
		word := w[0][i] & w[1][i] & w[2][i] & w[3][i] & w[4][i] & w[5][i]
		for ; word != 0; word &= word - 1 {
			h := i*64 + bits.TrailingZeros64(word)
			a, b, c, d := f.free[0][h], f.free[1][h], f.free[2][h], f.free[3][h]
			if a < need || b < need || c < need || d < need {
				continue
			}
			if spare := a + b + c + d; spare < least {
				best, least = h, spare
			}
		}
	}
	return best
}
