package synthetic

import (
	"fmt"
	"math/rand/v2"
	"time"

	"ringfence/internal/placement"
)

// MinHosts is the smallest fleet that has every class of host.
const MinHosts = rackSize * slots

// The shape of sites: racks of one class of host each.
const (
	rackSize     = 20
	slots        = 50         // racks after which the classes repeat
	racksPerSite = 3 * slots  // of which those of a central site are most, in two zones
	racksPerDR   = 10 * slots // of which those of a site for disaster recovery are some
	racksPerEdge = slots      // of which those of an edge site are some
)

// Options say what a fleet is like.
type Options struct {
	Seed      uint64
	Hosts     int     // at least MinHosts
	Residents int     // on every host that has any
	Occupied  float64 // the share of hosts that have residents
	Now       time.Time
}

// Fleet makes hosts and residents, one at a time and always the same.
type Fleet struct{ Options }

// New returns the fleet of the options.
func New(o Options) *Fleet { return &Fleet{o} }

// class is a sort of host: what it has, and what runs there when anything does.
type class struct {
	pool         string
	racks        int // of each 50
	runtimes     []string
	capabilities placement.Capabilities
	secure       bool
	edge         bool // stands at an edge site
	abroad       bool
	tenancies    []tenancy
}

// tenancy is who shares a host, each with an equal part of the residents.
type tenancy struct {
	share     int // of all tenancies of the class
	functions []function
}

const (
	plainCaps  = placement.CapTPM2 | placement.CapSecureBoot | placement.CapEphemeralEnc
	secureCaps = plainCaps | placement.CapCacheEnc | placement.CapEncStorage
)

var classes = []class{
	{
		pool: "pool-core", racks: 20, runtimes: []string{"kata", "runc"}, capabilities: secureCaps, secure: true,
		tenancies: []tenancy{{7, []function{amf, smf}}, {2, []function{pcf}}, {1, []function{nef}}},
	},
	{
		pool: "pool-up", racks: 12, runtimes: []string{"kata", "runc"}, capabilities: plainCaps | placement.CapSRIOV, secure: true,
		tenancies: []tenancy{{1, []function{upf}}, {1, []function{upfVM, upfVM}}},
	},
	{
		pool: "pool-edge", racks: 8, runtimes: []string{"kata", "runc"}, capabilities: secureCaps | placement.CapSRIOV, edge: true,
		tenancies: []tenancy{{1, []function{du}}, {1, []function{cu}}},
	},
	{
		pool: "pool-border", racks: 4, runtimes: []string{"kata"}, capabilities: secureCaps, secure: true,
		tenancies: []tenancy{{1, []function{sepp, nef}}},
	},
	{
		pool: "pool-dr", racks: 2, runtimes: []string{"kata"}, capabilities: secureCaps, secure: true, abroad: true,
		tenancies: []tenancy{{1, []function{amf, smf}}},
	},
	{
		pool: "pool-sec", racks: 2, runtimes: []string{"kata", "kata-cc"}, capabilities: secureCaps | placement.CapHSM | placement.CapTEE, secure: true,
		tenancies: []tenancy{{1, []function{udm}}},
	},
	{
		pool: "pool-oam", racks: 1, runtimes: []string{"kata", "runc"}, capabilities: secureCaps, secure: true,
		tenancies: []tenancy{{1, []function{ems}}},
	},
	{
		pool: "pool-li", racks: 1, runtimes: []string{"kata"}, capabilities: secureCaps | placement.CapHSM, secure: true,
		tenancies: []tenancy{{1, []function{mdf}}},
	},
}

// classOf spreads the classes over the racks in their exact proportions.
func classOf(rack int) *class {
	slot := rack * 21 % slots // 21 shares no factor with 50: neighbours are of different classes
	for i := range classes {
		if slot -= classes[i].racks; slot < 0 {
			return &classes[i]
		}
	}
	panic("the racks of all classes are not as many as slots")
}

// random is the source of one host's or rack's choices.
func (f *Fleet) random(what, n int) *rand.Rand {
	return rand.New(rand.NewPCG(f.Seed^uint64(what)<<56, uint64(n)))
}

// What choices are about.
const (
	ofRack = iota + 1
	ofHost
	ofOccupation
	ofTenancy
	ofRequest
)

// site is where a rack stands.
func (f *Fleet) site(rack int, c *class) (pop, zone string) {
	switch {
	case c.edge:
		pop = fmt.Sprintf("EDGE-%03d", rack/racksPerEdge)
		return pop, pop
	case c.abroad:
		pop = fmt.Sprintf("DUB-%02d", rack/racksPerDR)
		return pop, pop
	}
	pop = fmt.Sprintf("LON-%02d", rack/racksPerSite)
	return pop, pop + []string{"-A", "-B"}[f.random(ofRack, rack).IntN(2)]
}

// HostID names the n-th host.
func HostID(n int) string { return fmt.Sprintf("h%06d", n) }

// Host is the n-th host.
func (f *Fleet) Host(n int) *placement.Host {
	rack := n / rackSize
	c, r := classOf(rack), f.random(ofHost, n)
	pop, zone := f.site(rack, c)
	capacity := placement.Resources{
		placement.DimCPUMillis: 64000, placement.DimMemoryMiB: 262144, placement.DimEphemeralStorageMiB: 1048576,
	}
	if c.capabilities&placement.CapSRIOV != 0 {
		capacity[placement.DimSRIOVVFs] = 64
	}
	h := &placement.Host{
		ID: HostID(n), HostPoolID: c.pool, NFVIPoPID: pop, ResourceZoneID: zone, RackID: fmt.Sprintf("r%05d", rack),
		PhysicallySecure: c.secure, HypervisorClass: placement.HypervisorType1, Runtimes: c.runtimes, Capabilities: c.capabilities,
		Capacity: capacity, VIMConnectionID: "vim-" + pop, VIMZoneID: "nova:" + HostID(n), Lifecycle: placement.LifecycleInService,
		Attestation: placement.Attestation{
			State: placement.AttestationTrusted, Verifier: "synthetic", AttestedAt: f.Now.Add(-time.Duration(1+r.IntN(15)) * time.Minute),
		},
	}
	switch r.IntN(50) { // two of a hundred are out of service, two not trusted
	case 0:
		h.Lifecycle, h.LifecycleReason = placement.LifecycleCordoned, "maintenance"
	case 1:
		h.Attestation.State = placement.AttestationUntrusted
	}
	return h
}

// vnfHosts is how many hosts of the same tenancy a VNF instance spreads over.
const vnfHosts = 4

// ResidentsOf are the residents of the n-th host: none, or as many as the options say.
func (f *Fleet) ResidentsOf(n int) []*placement.Residency {
	c := classOf(n / rackSize)
	if f.random(ofOccupation, n).Float64() >= f.Occupied {
		return nil
	}
	group := n / vnfHosts
	functions := c.tenancies[0].functions
	draw := f.random(ofTenancy, group).IntN(total(c.tenancies))
	for i := range c.tenancies {
		if draw -= c.tenancies[i].share; draw < 0 {
			functions = c.tenancies[i].functions
			break
		}
	}
	h := f.Host(n)
	out := make([]*placement.Residency, f.Residents)
	for i := range out {
		part := i * len(functions) / f.Residents
		w := functions[part].workload(fmt.Sprintf("vnf-%06d-%d", group, part), 1+i%sizes)
		if w.Runtime == "" {
			w.Runtime = "kata"
		}
		id := fmt.Sprintf("%s.%s.%d", h.ID, w.VNFDID, i)
		out[i] = &placement.Residency{
			ID: id, NFVIPoPID: h.NFVIPoPID, HostID: h.ID, Workload: w, Kind: placement.ResidencyWorkload, State: placement.StateRunning,
			VIMResourceIDs: []string{"vim-" + id}, StateSince: f.Now, Revision: 1,
		}
	}
	return out
}

func total(ts []tenancy) int {
	n := 0
	for i := range ts {
		n += ts[i].share
	}
	return n
}
