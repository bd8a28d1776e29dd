package fleet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// lastDomain is the number that all trust domains beyond a word share.
const lastDomain = 63

// Fleet applies changes and publishes views. One goroutine writes; View may be called from any.
type Fleet struct {
	view atomic.Pointer[View]

	position  placement.FeedPosition
	epoch     int64
	catalogue *placement.Catalogue
	policies  *policy.Set
	numbers   map[string]uint8
	blocks    []*Block
	owned     map[int]bool // blocks copied since the last publication
	free      []int32      // slots of deleted hosts
	size      int
	slots     *shards[int32]
	byID      *shards[*placement.Residency]
	byVNF     *shards[[]*placement.Residency]
	byHandle  *shards[[]*placement.Residency]            // by what the VIMs call them; VIMs may call several the same
	cache     *shards[[]placement.CacheEntry]            // by host
	homeless  map[string]map[string]*placement.Residency // residencies whose host is not known yet, by host and id
	memo      *memo
	statics   uint64
	next      int32 // the first slot never used

	ownCatalogue bool
	deciding     bool // something that decides changed since the last publication
	reindex      bool // aggregates depend on what changed in the catalogue
	relayer      bool // the catalogue is a copy, or its images changed
	dirty        map[int]bool
}

// New returns an empty fleet and publishes its view.
func New() *Fleet {
	f := &Fleet{
		catalogue: placement.NewCatalogue(), policies: &policy.Set{}, numbers: map[string]uint8{}, owned: map[int]bool{},
		slots: newShards[int32](), byID: newShards[*placement.Residency](), byVNF: newShards[[]*placement.Residency](),
		byHandle: newShards[[]*placement.Residency](), cache: newShards[[]placement.CacheEntry](), homeless: map[string]map[string]*placement.Residency{}, memo: newMemo(),
		dirty: map[int]bool{}, ownCatalogue: true,
	}
	f.Publish()
	return f
}

// View returns the newest published view.
func (f *Fleet) View() *View { return f.view.Load() }

// Apply applies changes in order; nothing is visible before Publish. An error leaves the fleet as far as it
// came and means that the feed cannot be understood, by this version or at all.
func (f *Fleet) Apply(changes ...placement.Change) error {
	for i := range changes {
		if err := f.apply(&changes[i]); err != nil {
			return fmt.Errorf("apply %s %q at %s: %w", changes[i].Kind, changes[i].ID, changes[i].Position, err)
		}
		if f.position.Compare(changes[i].Position) < 0 {
			f.position = changes[i].Position
		}
	}
	return nil
}

// Advance moves the position forward without a change, for a feed that is known to hold nothing more up to there.
func (f *Fleet) Advance(p placement.FeedPosition) {
	if f.position.Compare(p) < 0 {
		f.position = p
	}
}

// Publish makes everything applied visible as one view.
func (f *Fleet) Publish() *View {
	if f.reindex {
		f.renumber()
		for slot := range f.blocks {
			f.ownBlock(slot)
		}
		for n := range int(f.next) {
			f.dirty[n] = true
		}
	}
	for n := range f.dirty {
		f.ownBlock(n/BlockSize).refresh(n%BlockSize, f.catalogue, f.numbers)
	}
	if f.deciding {
		f.memo = newMemo()
	}
	if f.relayer {
		f.catalogue.IndexLayers()
	}
	v := &View{
		Position: f.position, Epoch: f.epoch, Catalogue: f.catalogue, Policies: f.policies, Blocks: slices.Clone(f.blocks), Size: f.size,
		numbers: f.numbers, slots: f.slots.snapshot(), byID: f.byID.snapshot(), byVNF: f.byVNF.snapshot(), byHandle: f.byHandle.snapshot(), cache: f.cache.snapshot(), memo: f.memo,
	}
	clear(f.owned)
	clear(f.dirty)
	f.ownCatalogue, f.deciding, f.reindex, f.relayer = false, false, false, false
	f.view.Store(v)
	return v
}

// renumber gives trust domains their bits, ascending by id so that every replica numbers alike.
func (f *Fleet) renumber() {
	f.numbers = map[string]uint8{}
	for i, id := range slices.Sorted(maps.Keys(f.catalogue.TrustDomains)) {
		f.numbers[id] = uint8(min(i, lastDomain))
	}
}

func (f *Fleet) ownBlock(i int) *Block {
	for len(f.blocks) <= i {
		f.blocks = append(f.blocks, &Block{})
		f.owned[len(f.blocks)-1] = true
	}
	if !f.owned[i] {
		c := *f.blocks[i]
		f.blocks[i] = &c
		f.owned[i] = true
	}
	return f.blocks[i]
}

// setHost adds, replaces or (nil) removes a host.
func (f *Fleet) setHost(id string, h *placement.Host) {
	n, known := f.slots.get(id)
	switch {
	case !known && h == nil:
		return
	case !known:
		n = f.takeSlot()
		f.slots.set(id, n)
		f.size++
	}
	b := f.ownBlock(int(n) / BlockSize)
	i := int(n) % BlockSize
	f.statics++
	b.static = f.statics
	b.setHost(i, h)
	if h == nil {
		for _, r := range b.Residents[i] {
			f.makeHomeless(r)
		}
		b.Residents[i] = nil
		f.slots.delete(id)
		f.free = append(f.free, n)
		f.size--
	} else if !known {
		for _, r := range f.homeless[id] {
			b.Residents[i] = insertResident(b.Residents[i], r)
		}
		delete(f.homeless, id)
	}
	f.dirty[int(n)] = true
}

func (f *Fleet) takeSlot() int32 {
	if k := len(f.free); k > 0 {
		n := f.free[k-1]
		f.free = f.free[:k-1]
		return n
	}
	f.next++
	return f.next - 1
}

func (f *Fleet) makeHomeless(r *placement.Residency) {
	if f.homeless[r.HostID] == nil {
		f.homeless[r.HostID] = map[string]*placement.Residency{}
	}
	f.homeless[r.HostID][r.ID] = r
}

// setResidency adds, replaces or (nil) removes a residency, in every index.
func (f *Fleet) setResidency(id string, r *placement.Residency) {
	if old, ok := f.byID.get(id); ok {
		f.dropResidency(old)
	}
	if r == nil {
		return
	}
	f.byID.set(id, r)
	index(f.byVNF, r.Workload.NF.VNFInstanceID, r)
	for _, handle := range r.VIMResourceIDs {
		index(f.byHandle, handle, r)
	}
	n, ok := f.slots.get(r.HostID)
	if !ok {
		f.makeHomeless(r)
		return
	}
	b := f.ownBlock(int(n) / BlockSize)
	b.Residents[int(n)%BlockSize] = insertResident(b.Residents[int(n)%BlockSize], r)
	f.dirty[int(n)] = true
}

func (f *Fleet) dropResidency(old *placement.Residency) {
	f.byID.delete(old.ID)
	unindex(f.byVNF, old.Workload.NF.VNFInstanceID, old.ID)
	for _, handle := range old.VIMResourceIDs {
		unindex(f.byHandle, handle, old.ID)
	}
	if n, ok := f.slots.get(old.HostID); ok {
		b := f.ownBlock(int(n) / BlockSize)
		b.Residents[int(n)%BlockSize] = withoutResident(b.Residents[int(n)%BlockSize], old.ID)
		f.dirty[int(n)] = true
	} else {
		delete(f.homeless[old.HostID], old.ID)
	}
}

// setCacheEntry adds, replaces or (nil) removes an entry; ids are hostId/digest.
func (f *Fleet) setCacheEntry(id string, e *placement.CacheEntry) {
	hostID, digest, _ := strings.Cut(id, "/")
	old, _ := f.cache.get(hostID)
	list := slices.DeleteFunc(slices.Clone(old), func(o placement.CacheEntry) bool { return o.Digest == digest })
	if e != nil {
		list = append(list, *e)
		slices.SortFunc(list, func(a, b placement.CacheEntry) int { return cmp.Compare(a.Digest, b.Digest) })
	}
	if len(list) == 0 {
		f.cache.delete(hostID)
		return
	}
	f.cache.set(hostID, list)
}

// index adds a residency to those under a key, which are ascending by id whatever the order in which they come.
func index(s *shards[[]*placement.Residency], key string, r *placement.Residency) {
	list, _ := s.get(key)
	s.set(key, insertResident(list, r))
}

// unindex removes a residency, and no other one, from those under a key.
func unindex(s *shards[[]*placement.Residency], key, id string) {
	list, _ := s.get(key)
	if list = withoutResident(list, id); len(list) == 0 {
		s.delete(key)
	} else {
		s.set(key, list)
	}
}

func compareResidency(r *placement.Residency, id string) int { return cmp.Compare(r.ID, id) }

// insertResident returns a new slice with r in its place by id.
func insertResident(list []*placement.Residency, r *placement.Residency) []*placement.Residency {
	i, found := slices.BinarySearchFunc(list, r.ID, compareResidency)
	out := make([]*placement.Residency, 0, len(list)+1)
	out = append(append(out, list[:i]...), r)
	if found {
		i++
	}
	return append(out, list[i:]...)
}

// withoutResident returns a new slice without the id.
func withoutResident(list []*placement.Residency, id string) []*placement.Residency {
	i, found := slices.BinarySearchFunc(list, id, compareResidency)
	if !found {
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}
