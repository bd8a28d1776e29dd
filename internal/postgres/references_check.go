package postgres

import (
	"context"
	"strconv"
	"strings"

	"ringfence/internal/placement"
)

// checkParents finds trust domains that inherit from themselves, over what the database has.
func (c *references) checkParents(ctx context.Context, q queryer) error {
	parents := map[string]string{}
	asked := false
	for i := range c.inv.TrustDomains {
		asked = asked || c.inv.TrustDomains[i].ParentID != ""
	}
	if !asked {
		return nil
	}
	stored, err := trustDomainTable().all(ctx, q)
	if err != nil {
		return err
	}
	for i := range stored {
		parents[stored[i].ID] = stored[i].ParentID
	}
	for i := range c.inv.TrustDomains {
		parents[c.inv.TrustDomains[i].ID] = c.inv.TrustDomains[i].ParentID
	}
	for i := range c.inv.TrustDomains {
		start := c.inv.TrustDomains[i].ID
		steps := 0
		for id := parents[start]; id != "" && steps <= len(parents); id = parents[id] {
			if id == start {
				c.faults.add("CYCLE", position{"trustDomains", i, "parentId"}.pointer(), "the trust domain %q inherits from itself", start)
				break
			}
			steps++
		}
	}
	return nil
}

// checkHosts checks what belongs together within a host, and that no CIS node is on two.
func (c *references) checkHosts() {
	hostOf := map[[2]string]string{} // by cluster and node name
	for i := range c.inv.Hosts {
		h := &c.inv.Hosts[i]
		if pop, ok := c.zones[h.ResourceZoneID]; ok && pop != h.NFVIPoPID {
			c.faults.add("WRONG_POP", position{"hosts", i, "resourceZoneId"}.pointer(), "the resource zone %q is in NFVI-PoP %q, not in %q", h.ResourceZoneID, pop, h.NFVIPoPID)
		}
		nodes := map[string]bool{}
		for j := range h.CISNodes {
			n := &h.CISNodes[j]
			at := position{"hosts", i, "cisNodes/" + strconv.Itoa(j) + "/id"}
			if n.ID == "" || nodes[n.ID] {
				c.faults.add("DUPLICATE", at.pointer(), "the CIS node id %q is empty or stands twice", n.ID)
			}
			nodes[n.ID] = true
			if n.ClusterID == "" || n.NodeName == "" {
				continue
			}
			name := [2]string{n.ClusterID, n.NodeName}
			if other := hostOf[name]; other != "" && other != h.ID {
				c.faults.add("DUPLICATE", at.pointer(), "the node %q of cluster %q is on host %q too; a node is on one host at a time", n.NodeName, n.ClusterID, other)
			}
			hostOf[name] = h.ID
		}
		for j := range h.CISNodes {
			if p := h.CISNodes[j].ParentID; p != "" && h.Node(p) == nil {
				c.faults.add("UNKNOWN_REFERENCE", position{"hosts", i, "cisNodes/" + strconv.Itoa(j) + "/parentId"}.pointer(), "the host has no CIS node %q", p)
			}
		}
		c.checkAmounts(h.Capacity, position{"hosts", i, "capacity"})
	}
	for i := range c.inv.RuntimeClasses {
		c.checkAmounts(c.inv.RuntimeClasses[i].Overhead, position{"runtimeClasses", i, "overhead"})
	}
	for i := range c.inv.VNFProfiles {
		c.checkProfile(&c.inv.VNFProfiles[i], i)
	}
}

func (c *references) checkProfile(p *placement.VNFProfile, i int) {
	for j := range p.Components {
		path := "components/" + strconv.Itoa(j)
		c.checkAmounts(p.Components[j].Resources, position{"vnfProfiles", i, path + "/resources"})
		for k := range p.Components[j].Interfaces {
			itf := &p.Components[j].Interfaces[k]
			at := position{"vnfProfiles", i, path + "/interfaces/" + strconv.Itoa(k)}
			if itf.Via != "" && p.Component(itf.Via) == nil {
				c.faults.add("UNKNOWN_REFERENCE", at.pointer()+"/via", "the VNF has no component %q", itf.Via)
			}
			if itf.PeerComponentID != "" && p.Component(itf.PeerComponentID) == nil {
				c.faults.add("UNKNOWN_REFERENCE", at.pointer()+"/peerComponentId", "the VNF has no component %q", itf.PeerComponentID)
			}
		}
	}
}

func (c *references) checkAmounts(r placement.Resources, at position) {
	for dimension, amount := range r {
		switch {
		case !placement.KnownDimension(dimension):
			c.faults.add("UNKNOWN_DIMENSION", at.pointer(), "there is no capacity dimension %q; your own start with %s", dimension, placement.ExtPrefix)
		case amount < 0:
			c.faults.add("NEGATIVE", at.pointer(), "%s is %d; an amount is not negative", dimension, amount)
		}
	}
}

// checkResidencies checks residencies against their hosts, and fills in the NFVI-PoP that hosts know.
func (c *references) checkResidencies() {
	for i := range c.inv.Residencies {
		r := &c.inv.Residencies[i]
		h, ok := c.hosts[r.HostID]
		if !ok {
			continue
		}
		r.NFVIPoPID = h.pop
		if r.CISNodeID != "" && !h.nodes[r.CISNodeID] {
			c.faults.add("UNKNOWN_REFERENCE", position{"residencies", i, "cisNodeId"}.pointer(), "the host %q has no CIS node %q", r.HostID, r.CISNodeID)
		}
		if r.Kind != placement.ResidencyFabric && (r.Workload.TrustDomainID == "" || r.Workload.ComponentID == "" || r.Workload.NF.VNFInstanceID == "") {
			c.faults.add("MISSING", position{"residencies", i, ""}.pointer(), "the workload %q needs vnfInstanceId, componentId and trustDomainId", r.ID)
		}
		c.checkAmounts(r.Workload.Resources, position{"residencies", i, "resources"})
	}
	for i := range c.inv.CacheEntries {
		e := &c.inv.CacheEntries[i]
		e.NFVIPoPID = c.hosts[e.HostID].pop
		if strings.Contains(e.Digest, "/") || e.Digest == "" {
			c.faults.add("INVALID", position{"cacheEntries", i, "digest"}.pointer(), "%q is no digest", e.Digest)
		}
	}
}

// checkKeys finds keys that are empty or stand twice in their list.
func (c *references) checkKeys() {
	inv := c.inv
	checkKeys(c.faults, inv.TrustDomains, "trustDomains", func(t *placement.TrustDomain) string { return t.ID })
	checkKeys(c.faults, inv.TrustRelations, "trustRelations", func(r *placement.TrustRelation) string { return relationID(r.FromID, r.ToID) })
	checkKeys(c.faults, inv.NFVIPoPs, "nfviPops", func(p *placement.NFVIPoP) string { return p.ID })
	checkKeys(c.faults, inv.ResourceZones, "resourceZones", func(z *placement.ResourceZone) string { return z.ID })
	checkKeys(c.faults, inv.HostPools, "hostPools", func(p *placement.HostPool) string { return p.ID })
	checkKeys(c.faults, inv.RuntimeClasses, "runtimeClasses", func(r *placement.RuntimeClass) string { return r.Name })
	checkKeys(c.faults, inv.Hosts, "hosts", func(h *placement.Host) string { return h.ID })
	checkKeys(c.faults, inv.Images, "images", func(i *placement.Image) string { return i.Digest })
	checkKeys(c.faults, inv.VNFProfiles, "vnfProfiles", func(p *placement.VNFProfile) string { return p.VNFDID })
	checkKeys(c.faults, inv.Residencies, "residencies", func(r *placement.Residency) string { return r.ID })
	checkKeys(c.faults, inv.CacheEntries, "cacheEntries", func(e *placement.CacheEntry) string { return cacheEntryID(e.HostID, e.Digest) })
	for i := range inv.TrustDomains {
		if strings.Contains(inv.TrustDomains[i].ID, ":") {
			c.faults.add("INVALID", position{"trustDomains", i, "id"}.pointer(), "the id of a trust domain has no colon")
		}
	}
	for i := range inv.TrustRelations {
		if inv.TrustRelations[i].FromID == inv.TrustRelations[i].ToID {
			c.faults.add("INVALID", position{"trustRelations", i, "toId"}.pointer(), "a trust relation is between two trust domains")
		}
	}
}

func checkKeys[T any](f *findings, list []T, name string, key func(*T) string) {
	seen := make(map[string]bool, len(list))
	for i := range list {
		k := key(&list[i])
		if k == "" {
			f.add("MISSING", position{name, i, ""}.pointer(), "the entry has no identifier")
		}
		if seen[k] {
			f.add("DUPLICATE", position{name, i, ""}.pointer(), "%q stands twice in the document", k)
		}
		seen[k] = true
	}
}
