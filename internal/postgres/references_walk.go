package postgres

import (
	"strconv"

	"ringfence/internal/placement"
)

// position is where in a document something stands: /list/index/path.
type position struct {
	list  string
	index int
	path  string
}

// pointer renders a position as a JSON pointer.
func (p position) pointer() string {
	s := "/" + p.list + "/" + strconv.Itoa(p.index)
	if p.path != "" {
		s += "/" + p.path
	}
	return s
}

// visit is called with the kind and the id of an object that a document refers to, and with where it does.
type visit func(kind, id string, at position)

// optional visits a reference that may be absent.
func (v visit) optional(kind, id string, at position) {
	if id != "" {
		v(kind, id, at)
	}
}

func (v visit) each(kind string, ids []string, at position) {
	path := at.path
	for i, id := range ids {
		at.path = path + "/" + strconv.Itoa(i)
		v(kind, id, at)
	}
}

// walkReferences visits every reference of a document, list by list.
func walkReferences(inv *placement.Inventory, v visit) {
	for i := range inv.TrustDomains {
		v.optional(refTrustDomain, inv.TrustDomains[i].ParentID, position{"trustDomains", i, "parentId"})
	}
	for i := range inv.TrustRelations {
		v(refTrustDomain, inv.TrustRelations[i].FromID, position{"trustRelations", i, "fromId"})
		v(refTrustDomain, inv.TrustRelations[i].ToID, position{"trustRelations", i, "toId"})
	}
	for i := range inv.ResourceZones {
		v(refNFVIPoP, inv.ResourceZones[i].NFVIPoPID, position{"resourceZones", i, "nfviPopId"})
	}
	for i := range inv.HostPools {
		v.each(refTrustDomain, inv.HostPools[i].AllowedTrustDomainIDs, position{"hostPools", i, "allowedTrustDomainIds"})
	}
	for i := range inv.Hosts {
		walkHost(&inv.Hosts[i], i, v)
	}
	for i := range inv.VNFProfiles {
		walkProfile(&inv.VNFProfiles[i], i, v)
	}
	for i := range inv.Residencies {
		r := &inv.Residencies[i]
		v(refHost, r.HostID, position{"residencies", i, "hostId"})
		v.optional(refTrustDomain, r.Workload.TrustDomainID, position{"residencies", i, "trustDomainId"})
		v.optional(refRuntimeClass, r.Workload.Runtime, position{"residencies", i, "runtime"})
		v.each(refHostPool, r.Workload.AdministersHostPools, position{"residencies", i, "administersHostPoolIds"})
	}
	for i := range inv.CacheEntries {
		e := &inv.CacheEntries[i]
		v(refHost, e.HostID, position{"cacheEntries", i, "hostId"})
		v.optional(refTrustDomain, e.TrustDomainID, position{"cacheEntries", i, "trustDomainId"})
	}
}

func walkHost(h *placement.Host, i int, v visit) {
	v(refNFVIPoP, h.NFVIPoPID, position{"hosts", i, "nfviPopId"})
	v.optional(refResourceZone, h.ResourceZoneID, position{"hosts", i, "resourceZoneId"})
	v.optional(refHostPool, h.HostPoolID, position{"hosts", i, "hostPoolId"})
	v.each(refRuntimeClass, h.Runtimes, position{"hosts", i, "runtimes"})
	for j := range h.CISNodes {
		v.each(refRuntimeClass, h.CISNodes[j].Runtimes, position{"hosts", i, "cisNodes/" + strconv.Itoa(j) + "/runtimes"})
	}
	for j := range h.Residue {
		v(refTrustDomain, h.Residue[j].TrustDomainID, position{"hosts", i, "residue/" + strconv.Itoa(j) + "/trustDomainId"})
	}
}

func walkProfile(p *placement.VNFProfile, i int, v visit) {
	v.optional(refTrustDomain, p.TrustDomainID, position{"vnfProfiles", i, "trustDomainId"})
	for j := range p.Components {
		c := &p.Components[j]
		path := "components/" + strconv.Itoa(j) + "/"
		v.optional(refTrustDomain, c.TrustDomainID, position{"vnfProfiles", i, path + "trustDomainId"})
		v.optional(refRuntimeClass, c.Runtime, position{"vnfProfiles", i, path + "runtime"})
		v.each(refHostPool, c.AdministersHostPools, position{"vnfProfiles", i, path + "administersHostPoolIds"})
		for k := range c.Interfaces {
			v.optional(refTrustDomain, c.Interfaces[k].PeerTrustDomainID, position{"vnfProfiles", i, path + "interfaces/" + strconv.Itoa(k) + "/peerTrustDomainId"})
		}
	}
}
