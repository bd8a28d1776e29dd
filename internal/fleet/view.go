package fleet

import (
	"slices"
	"sync"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// View is the fleet at one position of the change feed. It never changes.
type View struct {
	Position  placement.FeedPosition
	Epoch     int64
	Catalogue *placement.Catalogue
	Policies  *policy.Set
	Blocks    []*Block
	Size      int // hosts

	numbers  map[string]uint8 // of trust domains, for Aggregate
	slots    *shards[int32]
	byID     *shards[*placement.Residency]
	byVNF    *shards[[]*placement.Residency]
	byHandle *shards[[]*placement.Residency]
	cache    *shards[[]placement.CacheEntry]
	memo     *memo
}

// With returns the view with other policies, for a look at what they would decide.
func (v *View) With(policies *policy.Set) *View {
	w := *v
	w.Policies, w.memo = policies, newMemo()
	return &w
}

// After returns the view with changes of its inventory, for a look at what would become of it. The changes are completed after-images.
func (v *View) After(changes ...placement.Change) (*View, error) {
	f := &Fleet{
		position: v.Position, epoch: v.Epoch, catalogue: v.Catalogue, policies: v.Policies, numbers: v.numbers, blocks: slices.Clone(v.Blocks),
		owned: map[int]bool{}, size: v.Size, slots: v.slots.fork(), byID: v.byID.fork(), byVNF: v.byVNF.fork(), byHandle: v.byHandle.fork(), cache: v.cache.fork(),
		homeless: map[string]map[string]*placement.Residency{}, next: int32(len(v.Blocks) * BlockSize), dirty: map[int]bool{},
		deciding: true, // what was remembered of the present fleet is not so of this one
	}
	if err := f.Apply(changes...); err != nil {
		return nil, err
	}
	return f.Publish(), nil
}

// DomainBit returns the bit of a trust domain in Aggregate, and whether the domain has it for itself.
func (v *View) DomainBit(id string) (bit uint64, exact bool) {
	n := numberOf(v.numbers, id)
	return 1 << n, n < lastDomain
}

// numberOf returns the number of a trust domain; those that nobody declared share the last.
func numberOf(numbers map[string]uint8, id string) uint8 {
	if n, ok := numbers[id]; ok {
		return n
	}
	return lastDomain
}

// Slot returns the number of a host.
func (v *View) Slot(hostID string) (int, bool) {
	n, ok := v.slots.get(hostID)
	return int(n), ok
}

// Host returns the host with the number, nil if the slot is free.
func (v *View) Host(slot int) *placement.Host {
	return v.Blocks[slot/BlockSize].Hosts[slot%BlockSize]
}

// Facts gives everything about the host with the number.
func (v *View) Facts(slot int) placement.HostFacts {
	b, i := v.Blocks[slot/BlockSize], slot%BlockSize
	f := placement.HostFacts{Host: b.Hosts[i], Residents: b.Residents[i]}
	if f.Host != nil && len(f.Host.Capacity) > 0 {
		f.Used = Usage(v.Catalogue, f.Residents)
	}
	return f
}

// Usage is what the residents of a host use, overhead of their runtimes included.
func Usage(cat *placement.Catalogue, residents []*placement.Residency) placement.Resources {
	used := placement.Resources{}
	for _, r := range residents {
		for k, n := range r.Workload.Resources {
			used[k] += n
		}
		for k, n := range policy.Overhead(cat, r.Workload.Runtime) {
			used[k] += n
		}
	}
	return used
}

// Residency returns the residency with the id, nil if there is none.
func (v *View) Residency(id string) *placement.Residency {
	r, _ := v.byID.get(id)
	return r
}

// ResidenciesOf returns the residencies of a VNF instance, ascending by id.
func (v *View) ResidenciesOf(vnfInstanceID string) []*placement.Residency {
	rs, _ := v.byVNF.get(vnfInstanceID)
	return rs
}

// Named returns the residencies that have an id of a VIM or cluster, ascending by their own id, and the one whose own id
// it is. VIMs choose their ids apart from each other, and hosts report them: which one is meant is for the caller to say.
func (v *View) Named(resourceID string) []*placement.Residency {
	named, _ := v.byHandle.get(resourceID)
	if r := v.Residency(resourceID); r != nil {
		return insertResident(named, r)
	}
	return named
}

// VIMConnection is the VIM connection of a residency's host; empty when it is not known.
func (v *View) VIMConnection(r *placement.Residency) string {
	slot, ok := v.Slot(r.HostID)
	if !ok {
		return ""
	}
	return v.Host(slot).VIMConnectionID
}

// CacheOf returns what lies in the cache of a host, ascending by digest.
func (v *View) CacheOf(hostID string) []placement.CacheEntry {
	list, _ := v.cache.get(hostID)
	return list
}

// Residencies returns how many residencies there are.
func (v *View) Residencies() int { return v.byID.n }

// Static judges a host by its record alone: may the demand run there, and at what cost (lower is better)?
type Static func(h *placement.Host) (ok bool, cost uint16)

// Static returns a bitmap of the hosts for which eval holds, with their costs. eval must depend on
// nothing but the host's record, the catalogue and the policies of the view's epoch, and the signature must
// name everything else that it depends on. The result is shared: callers do not change it.
func (v *View) Static(signature string, eval Static) *Bitmap {
	return v.memo.bitmap(v, signature, eval)
}

// Bitmap is the memory of one static judgement over all hosts.
type Bitmap struct {
	Words []uint64
	Costs [][BlockSize]uint16
	gens  []uint64
}

// memoLimit bounds the bitmaps kept; when it is reached all are dropped, which happens to no fleet in order.
const memoLimit = 1024

// memo keeps bitmaps by signature for one policy epoch. It changes how fast an answer comes, never the answer.
type memo struct {
	mu      sync.Mutex
	entries map[string]*Bitmap
}

func newMemo() *memo { return &memo{entries: map[string]*Bitmap{}} }

func (m *memo) bitmap(v *View, signature string, eval Static) *Bitmap {
	m.mu.Lock()
	old := m.entries[signature]
	m.mu.Unlock()
	fresh := old.updated(v, eval)
	if fresh == old {
		return old
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= memoLimit {
		clear(m.entries)
	}
	m.entries[signature] = fresh
	return fresh
}

// updated returns the bitmap for the view: itself when no host changed, else a copy with the changed blocks
// judged anew.
func (b *Bitmap) updated(v *View, eval Static) *Bitmap {
	n := len(v.Blocks)
	fresh := b
	for i, block := range v.Blocks {
		if b != nil && i < len(b.gens) && b.gens[i] == block.static {
			continue
		}
		if fresh == b {
			fresh = b.grown(n)
		}
		fresh.gens[i] = block.static
		fresh.Words[i], fresh.Costs[i] = judgeBlock(block, eval)
	}
	if fresh != nil && len(fresh.Words) > n { // an older view, with fewer blocks
		return &Bitmap{Words: fresh.Words[:n], Costs: fresh.Costs[:n], gens: fresh.gens[:n]}
	}
	if fresh == nil {
		return &Bitmap{}
	}
	return fresh
}

func (b *Bitmap) grown(n int) *Bitmap {
	c := &Bitmap{Words: make([]uint64, n), Costs: make([][BlockSize]uint16, n), gens: make([]uint64, n)}
	if b != nil {
		copy(c.Words, b.Words)
		copy(c.Costs, b.Costs)
		copy(c.gens, b.gens)
	}
	return c
}

func judgeBlock(block *Block, eval Static) (word uint64, costs [BlockSize]uint16) {
	for i, h := range block.Hosts {
		if h == nil {
			continue
		}
		if ok, cost := eval(h); ok {
			word |= 1 << i
			costs[i] = cost
		}
	}
	return word, costs
}
