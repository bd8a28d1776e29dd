package fleet

import (
	"hash/maphash"
	"maps"
	"math"
	"slices"
)

// A shards map is a tree of two levels: groups of parts. A change copies one part and, the first time, its group.
const (
	groupCount = 128
	groupSize  = 128
	wordSize   = 64
)

// shards is a map from strings that is copied part by part: taking a snapshot costs one slice of groups, and the writer
// copies a group, and in it a part, before it first changes it.
type shards[V any] struct {
	groups []*group[V] // nil: empty
	seed   maphash.Seed
	n      int
	taken  uint64 // snapshots so far
}

// group is some parts of a map. Readers see only parts.
type group[V any] struct {
	parts [groupSize]map[string]V
	since uint64                       // how many snapshots had been taken when the group was copied
	owned [groupSize / wordSize]uint64 // bits of the parts copied since then
}

func newShards[V any]() *shards[V] {
	return &shards[V]{groups: make([]*group[V], groupCount), seed: maphash.MakeSeed()}
}

func (s *shards[V]) index(k string) (g, part int) {
	h := maphash.String(s.seed, k)
	return int(h % groupCount), int(h / groupCount % groupSize)
}

func (s *shards[V]) get(k string) (v V, ok bool) {
	i, part := s.index(k)
	if g := s.groups[i]; g != nil {
		v, ok = g.parts[part][k]
	}
	return v, ok
}

// own returns the part of a key, which the writer may change.
func (s *shards[V]) own(k string) map[string]V {
	i, part := s.index(k)
	g := s.groups[i]
	if g == nil {
		g = &group[V]{since: s.taken}
	} else if g.since != s.taken {
		g = &group[V]{parts: g.parts, since: s.taken}
	}
	s.groups[i] = g
	word, bit := &g.owned[part/wordSize], uint64(1)<<(part%wordSize)
	if *word&bit == 0 {
		*word |= bit
		if g.parts[part] = maps.Clone(g.parts[part]); g.parts[part] == nil {
			g.parts[part] = map[string]V{}
		}
	}
	return g.parts[part]
}

func (s *shards[V]) set(k string, v V) {
	part := s.own(k)
	before := len(part)
	part[k] = v
	s.n += len(part) - before
}

func (s *shards[V]) delete(k string) {
	if _, ok := s.get(k); ok {
		delete(s.own(k), k)
		s.n--
	}
}

// fork returns a map that starts as a snapshot and is changed apart from it. Several may be made of one snapshot at a time.
func (s *shards[V]) fork() *shards[V] {
	return &shards[V]{groups: slices.Clone(s.groups), seed: s.seed, n: s.n, taken: math.MaxUint64} // no group was copied since then
}

// snapshot returns a copy that later changes do not reach.
func (s *shards[V]) snapshot() *shards[V] {
	s.taken++
	return &shards[V]{groups: slices.Clone(s.groups), seed: s.seed, n: s.n}
}
