package fleet

import (
	"hash/maphash"
	"maps"
)

// shardCount is the number of parts that a shards map is copied in: a change copies one part.
const shardCount = 4096

// shards is a map from strings that is copied part by part: taking a snapshot costs one slice of pointers, and
// the writer copies a part before it first changes it.
type shards[V any] struct {
	parts []map[string]V
	owned []bool // parts copied since the last snapshot
	seed  maphash.Seed
	n     int
}

func newShards[V any]() *shards[V] {
	return &shards[V]{parts: make([]map[string]V, shardCount), owned: make([]bool, shardCount), seed: maphash.MakeSeed()}
}

func (s *shards[V]) index(k string) int { return int(maphash.String(s.seed, k) % shardCount) }

func (s *shards[V]) get(k string) (V, bool) {
	v, ok := s.parts[s.index(k)][k]
	return v, ok
}

func (s *shards[V]) own(i int) map[string]V {
	if !s.owned[i] {
		if s.parts[i] == nil {
			s.parts[i] = map[string]V{}
		} else {
			s.parts[i] = maps.Clone(s.parts[i])
		}
		s.owned[i] = true
	}
	return s.parts[i]
}

func (s *shards[V]) set(k string, v V) {
	part := s.own(s.index(k))
	if _, ok := part[k]; !ok {
		s.n++
	}
	part[k] = v
}

func (s *shards[V]) delete(k string) {
	i := s.index(k)
	if _, ok := s.parts[i][k]; ok {
		delete(s.own(i), k)
		s.n--
	}
}

// snapshot returns a copy that later changes do not reach.
func (s *shards[V]) snapshot() *shards[V] {
	c := &shards[V]{parts: make([]map[string]V, shardCount), seed: s.seed, n: s.n}
	copy(c.parts, s.parts)
	clear(s.owned)
	return c
}
