package solver

import (
	"math/bits"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// The weights of a score; lower is better. In this order: soft constraints and spread over zones, the least
// isolation that suffices, the least capacity newly blocked for others.
const (
	weightSoft      = 1 << 24
	weightZone      = 1 << 20
	weightIsolation = 1 << 10
	weightScarce    = 1 << 4
	weightOpen      = 1 << 3 // a host that nobody uses yet
)

// scarce are the capabilities that a workload which does not need them should leave to others.
const scarce = placement.CapTEE | placement.CapTEESEVSNP | placement.CapTEETDX | placement.CapTEECCA | placement.CapTEESGX |
	placement.CapHSM | placement.CapHSMNetwork

// staticCost is the part of a score that the record of a host decides: the isolation, the scarce capabilities,
// and how many other trust domains the host's pool serves.
func staticCost(cat *placement.Catalogue, w *placement.Workload, h *placement.Host, isolation placement.Isolation) uint16 {
	wasted := h.Capabilities & scarce
	if isolation == placement.IsolationConfidentialVM {
		wasted &= placement.CapHSM | placement.CapHSMNetwork
	}
	if h.Capabilities.Has(placement.CapSRIOV) && w.CutThrough&placement.CutThroughSRIOV == 0 {
		wasted |= placement.CapSRIOV
	}
	width := min(len(cat.HostPools[h.HostPoolID].AllowedTrustDomainIDs), 7)
	cost := int(isolation)*weightIsolation + min(bits.OnesCount32(uint32(wasted)), 60)*weightScarce + width
	return uint16(min(cost, 1<<16-1))
}

// isolationOf is the isolation that a static cost was made with.
func isolationOf(cost uint16) placement.Isolation { return placement.Isolation(cost / weightIsolation) }

// blockCost adds what the residents say: opening a host that serves nobody yet blocks most.
func blockCost(a *fleet.Aggregate, own uint64) int {
	if a.Domains&own == 0 {
		return weightOpen
	}
	return 0
}

// mix orders equal scores by the seed, so that replicas that decide at the same time choose different hosts.
func mix(idHash, seed uint64) uint64 {
	x := idHash ^ seed
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return x
}
