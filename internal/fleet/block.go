package fleet

import (
	"hash/fnv"
	"math"
	"slices"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
)

// BlockSize is the number of hosts of a block: the bits of a word.
const BlockSize = 64

// dimensions are the columns of capacity, in the order of placement.Dimensions.
const dimensions = 8

// Block holds 64 hosts by column. A Block that was published is never changed.
type Block struct {
	Hosts     [BlockSize]*placement.Host
	Residents [BlockSize][]*placement.Residency // ascending by id
	Around    [BlockSize]Aggregate
	Free      [dimensions][BlockSize]int64
	IDHash    [BlockSize]uint64 // of the host's id, for choices that do not depend on numbering

	AttestedAt [BlockSize]int64 // Unix nanoseconds; the minimum unless TRUSTED
	ValidUntil [BlockSize]int64 // Unix nanoseconds; the maximum when not stated

	// Special marks hosts that the columns do not describe fully: with CIS nodes or a dedication. They are
	// judged exactly.
	Special uint64

	static uint64 // changes whenever the record of a host of the block does
}

// Aggregate sums up the residents of a host for the pairwise rules. Domains are numbered by the view.
type Aggregate struct {
	Domains   uint64              // of workloads; the last bit stands for all domains beyond the word
	Exposed   uint64              // domains with an exposed workload
	Roles     placement.Roles     // of all workloads
	Weakest   placement.Isolation // the least strength of a workload towards the host
	NFs       uint16              // distinct NF instances
	Workloads uint16
}

func (b *Block) setHost(i int, h *placement.Host) {
	b.Hosts[i] = h
	bit := uint64(1) << i
	b.Special &^= bit
	if h == nil {
		return
	}
	if len(h.CISNodes) > 0 || h.DedicatedTo != nil {
		b.Special |= bit
	}
	b.IDHash[i] = hashID(h.ID)
	b.AttestedAt[i], b.ValidUntil[i] = math.MinInt64, math.MaxInt64
	if h.Attestation.State == placement.AttestationTrusted {
		b.AttestedAt[i] = h.Attestation.AttestedAt.UnixNano()
	}
	if !h.Attestation.ValidUntil.IsZero() {
		b.ValidUntil[i] = h.Attestation.ValidUntil.UnixNano()
	}
}

// refresh recomputes what follows from the residents of slot i.
func (b *Block) refresh(i int, cat *placement.Catalogue, number map[string]uint8) {
	h := b.Hosts[i]
	levels := policy.Levels{Catalogue: cat} // what policies demote is weaker still, which the judge sees
	agg := Aggregate{Weakest: placement.IsolationPhysical}
	nfs := make([]string, 0, 8)
	var used [dimensions]int64
	for _, r := range b.Residents[i] {
		add(&used, r.Workload.Resources)
		add(&used, policy.Overhead(cat, r.Workload.Runtime))
		if r.Kind == placement.ResidencyFabric {
			continue
		}
		bit := uint64(1) << numberOf(number, r.Workload.TrustDomainID)
		agg.Domains |= bit
		if r.Workload.Exposed {
			agg.Exposed |= bit
		}
		agg.Roles |= r.Workload.Roles
		agg.Workloads++
		if nf := r.Workload.NF.Instance(); !slices.Contains(nfs, nf) {
			nfs = append(nfs, nf)
		}
		if h != nil {
			agg.Weakest = min(agg.Weakest, levels.Strength(h, &r.Workload, r.CISNodeID))
		}
	}
	agg.NFs = uint16(min(len(nfs), math.MaxUint16))
	b.Around[i] = agg
	var total [dimensions]int64
	if h != nil {
		total = columns(h.Capacity)
	}
	for d := range dimensions {
		b.Free[d][i] = total[d] - used[d]
	}
}

// columns spreads an amount over the known dimensions; others are judged exactly.
func columns(r placement.Resources) [dimensions]int64 {
	var out [dimensions]int64
	add(&out, r)
	return out
}

func add(sum *[dimensions]int64, r placement.Resources) {
	if len(r) == 0 {
		return
	}
	for d, name := range placement.Dimensions() {
		sum[d] += r[name]
	}
}

// Columns spreads a demand over the columns of Block.Free, and tells whether the columns hold all of it.
func Columns(r placement.Resources) (cols [dimensions]int64, complete bool) {
	cols, complete = columns(r), true
	for name := range r {
		complete = complete && slices.Contains(placement.Dimensions(), name)
	}
	return cols, complete
}

func hashID(id string) uint64 {
	f := fnv.New64a()
	_, _ = f.Write([]byte(id))
	return f.Sum64()
}
