package httpapi

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ringfence/api/common"
	wire "ringfence/api/grant"
	"ringfence/internal/placement"
)

func grantURL(base, id string) string { return base + "/grant/v1/grants/" + id }

// grantAnswer renders a grant for one request: in the dialect of its version.
type grantAnswer struct {
	base        string
	newer       bool // API version 1.4.0 or higher: connections are maps
	connections Connections
}

func (s *Server) grantAnswer(ctx context.Context) grantAnswer {
	return grantAnswer{base: s.base(requestOf(ctx)), newer: !olderDialect(apiVersion(ctx)), connections: s.Connections}
}

// olderDialect tells whether a version of the granting API is one of those before 1.4.0.
func olderDialect(version string) bool {
	return strings.HasPrefix(version, "1.1.") || strings.HasPrefix(version, "1.2.") || strings.HasPrefix(version, "1.3.")
}

func (a grantAnswer) toWire(g *placement.Grant) wire.Grant {
	zones, zoneOf := zonesToWire(g.Placements)
	req := &g.Request
	w := wire.Grant{
		ID: g.ID, VNFInstanceID: req.VNFInstanceID, VNFLcmOpOccID: req.VNFLcmOpOccID, Zones: zones, ZoneGroups: zoneGroupsToWire(g, zoneOf),
		Links: wire.GrantLinks{
			Self: common.Link{Href: grantURL(a.base, g.ID)}, VNFInstance: common.Link{Href: req.VNFInstanceHref}, VNFLcmOpOcc: common.Link{Href: req.VNFLcmOpOccHref},
		},
		VIMAssets: vimAssetsToWire(g),
	}
	placed := map[string]*placement.GrantedPlacement{}
	for i := range g.Placements {
		placed[g.Placements[i].ResourceDefinitionID] = &g.Placements[i]
	}
	infos := func(list []placement.ResourceDefinition, fresh bool) []wire.GrantInfo {
		var out []wire.GrantInfo
		for i := range list {
			if list[i].Expanded {
				continue // the answer is about exactly the resources that were asked about
			}
			info := wire.GrantInfo{ResourceDefinitionID: list[i].ID}
			if pl := placed[list[i].ID]; fresh && pl != nil {
				info = a.grantInfo(info, pl, zoneOf[pl.ResourceDefinitionID], list[i].Type)
			}
			out = append(out, info)
		}
		return out
	}
	w.AddResources, w.TempResources = infos(req.AddResources, true), infos(req.TempResources, true)
	w.RemoveResources, w.UpdateResources = infos(req.RemoveResources, false), infos(req.UpdateResources, true)
	a.addConnections(&w, g)
	w.AdditionalParams.Ringfence = wire.RingfenceGrantParams{DecisionID: g.DecisionID, PolicyEpoch: g.Epoch, ValidUntil: g.ValidUntil}
	if g.Refusal != nil {
		observedToWire(&w.AdditionalParams.Ringfence, g.Refusal)
	}
	for i := range g.Placements {
		w.AdditionalParams.Ringfence.Placements = append(w.AdditionalParams.Ringfence.Placements, grantedPlacementToWire(&g.Placements[i]))
	}
	a.addUpstream(&w, g, placed)
	return w
}

func (a grantAnswer) grantInfo(info wire.GrantInfo, pl *placement.GrantedPlacement, zone string, t placement.ResourceType) wire.GrantInfo {
	info.ZoneID, info.VIMConnectionID, info.ReservationID = zone, pl.VIMConnectionID, pl.ResidencyID
	info.ResourceGroupID = a.connections.ResourceGroupIDs.Of(pl.VIMConnectionID, pl.TrustDomainID)
	if a.inCluster(pl, t) {
		info.ContainerNamespace = pl.Namespace
		info.MCIOConstraints = map[string]any{a.connections.nodePoolKey(): pl.HostPoolID}
	}
	return info
}

// inCluster tells whether a CISM manages a resource: a pod, or what a VNFM that knows no pods creates through a cluster.
func (a grantAnswer) inCluster(pl *placement.GrantedPlacement, t placement.ResourceType) bool {
	return t == placement.ResourceOSContainer || a.connections.VIM[pl.VIMConnectionID].ofCluster()
}

// addConnections tells of the connections that the grant uses, in the form of the dialect.
func (a grantAnswer) addConnections(w *wire.Grant, g *placement.Grant) {
	var used []string
	cluster := false
	for i := range g.Placements {
		pl := &g.Placements[i]
		if _, known := a.connections.VIM[pl.VIMConnectionID]; known && !slices.Contains(used, pl.VIMConnectionID) {
			used = append(used, pl.VIMConnectionID)
		}
		cluster = cluster || a.inCluster(pl, typeOf(g, pl.ResourceDefinitionID))
	}
	slices.Sort(used)
	for _, id := range used {
		info := a.connections.VIM[id].toWire()
		if a.newer {
			if w.VIMConnectionInfo == nil {
				w.VIMConnectionInfo = map[string]wire.VIMConnectionInfo{}
			}
			w.VIMConnectionInfo[id] = info
			continue
		}
		info.ID = id
		w.VIMConnections = append(w.VIMConnections, info)
	}
	if cluster {
		w.CIRConnectionInfo, w.MCIOPRepositoryInfo = connectionsToWire(a.connections.CIR), connectionsToWire(a.connections.MCIOPRepository)
	}
}

// typeOf is the type of a resource that was placed.
func typeOf(g *placement.Grant, id string) placement.ResourceType {
	for _, list := range [][]placement.ResourceDefinition{g.Request.AddResources, g.Request.TempResources} {
		for i := range list {
			if list[i].ID == id {
				return list[i].Type
			}
		}
	}
	return ""
}

// zonesToWire lists the zones of a grant. NFVI_NODE has no attribute of its own in SOL003, so a host is named
// as a zone where the inventory knows how the VIM calls it.
func zonesToWire(placements []placement.GrantedPlacement) (zones []wire.ZoneInfo, zoneOf map[string]string) {
	zoneOf = map[string]string{}
	ids := map[string]string{}
	for i := range placements {
		pl := &placements[i]
		name := pl.VIMZoneID
		if name == "" {
			name = pl.ResourceZoneID
		}
		if name == "" {
			continue
		}
		key := pl.VIMConnectionID + "\x00" + name
		if ids[key] == "" {
			ids[key] = fmt.Sprintf("zone-%d", len(ids)+1)
			zones = append(zones, wire.ZoneInfo{ID: ids[key], ZoneID: name, VIMConnectionID: pl.VIMConnectionID})
		}
		zoneOf[pl.ResourceDefinitionID] = ids[key]
	}
	return zones, zoneOf
}

// zoneGroupsToWire lists the groups that were chosen for the constraints with scope ZONE_GROUP: where members are together one
// group of all their zones, where they are apart one per member.
func zoneGroupsToWire(g *placement.Grant, zoneOf map[string]string) []wire.ZoneGroupInfo {
	var out []wire.ZoneGroupInfo
	add := func(zones []string) {
		slices.Sort(zones)
		zones = slices.Compact(zones)
		known := func(o wire.ZoneGroupInfo) bool { return slices.Equal(o.ZoneID, zones) }
		if len(zones) > 0 && !slices.ContainsFunc(out, known) {
			out = append(out, wire.ZoneGroupInfo{ZoneID: zones})
		}
	}
	for i := range g.Request.PlacementConstraints {
		c := &g.Request.PlacementConstraints[i]
		if c.Scope != placement.ScopeZoneGroup || c.UnitIDs != nil {
			continue
		}
		var together []string
		for _, ref := range c.Resources {
			zone := zoneOf[ref.ResourceID]
			switch {
			case ref.Existing || zone == "":
			case c.AntiAffinity:
				add([]string{zone})
			default:
				together = append(together, zone)
			}
		}
		add(together)
	}
	return out
}

// vimAssetsToWire tells what the VIMs call what the VNFD mentions, and the snapshots that the request named as the VIM knows them.
func vimAssetsToWire(g *placement.Grant) (w wire.VIMAssets) {
	for _, e := range g.VIMAssets.ComputeResourceFlavours {
		w.ComputeResourceFlavours = append(w.ComputeResourceFlavours, wire.VIMComputeResourceFlavour{VIMConnectionID: e.VIMConnectionID, VNFDVirtualComputeDescID: e.DescriptorID, VIMFlavourID: e.Name})
	}
	for _, e := range g.VIMAssets.SoftwareImages {
		w.SoftwareImages = append(w.SoftwareImages, wire.VIMSoftwareImage{VIMConnectionID: e.VIMConnectionID, VNFDSoftwareImageID: e.DescriptorID, VIMSoftwareImageID: e.Name})
	}
	for _, e := range g.VIMAssets.StorageAssets {
		w.StorageAssets = append(w.StorageAssets, wire.StorageAsset{VIMConnectionID: e.VIMConnectionID, VirtualStorageDescID: e.DescriptorID, StorageClassName: e.Name})
	}
	if g.Request.Operation != placement.OpRevertToSnapshot {
		return w
	}
	for _, list := range [][]placement.ResourceDefinition{g.Request.AddResources, g.Request.TempResources, g.Request.UpdateResources} {
		for i := range list {
			if s := list[i].Snapshot; s != nil && s.VIMResourceID != "" && s.VNFCSnapshotID != "" {
				w.SnapshotResources = append(w.SnapshotResources, wire.VIMSnapshotResource{
					VIMConnectionID: s.VIMConnectionID, VNFSnapshotID: s.VNFSnapshotID, VNFCSnapshotID: s.VNFCSnapshotID,
					StorageSnapshotID: s.StorageSnapshotID, VIMSnapshotResourceID: s.VIMResourceID,
				})
			}
		}
	}
	return w
}
