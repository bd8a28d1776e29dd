package httpapi

import (
	"net/http"
	"strconv"

	wire "ringfence/api/inventory"
	"ringfence/internal/inventory"
	"ringfence/internal/placement"
)

func vnfProfileNoun(s *Server, records *inventory.Collection[placement.VNFProfile]) noun[wire.VNFProfile, placement.VNFProfile] {
	return noun[wire.VNFProfile, placement.VNFProfile]{
		server: s, records: records, path: "vnf_profiles", listName: "vnfProfiles", schema: "VnfProfile", keys: []string{"vnfdId"},
		toWire: vnfProfileToWire, fromWire: vnfProfileFromWire,
	}
}

func vnfProfileToWire(p *placement.VNFProfile) wire.VNFProfile {
	return wire.VNFProfile{
		VNFDID: p.VNFDID, NFType: p.NFType, TrustDomainID: p.TrustDomainID, Components: mapped(p.Components, componentToWire),
		AffinityRules:      mapped(p.AffinityRules, affinityRuleToWire),
		DeploymentFlavours: mapped(p.DeploymentFlavours, flavourToWire),
		DeployableModules:  mapped(p.DeployableModules, moduleToWire),
		VIMAssets:          vnfAssetsToWire(&p.VIMAssets),
	}
}

func affinityRuleToWire(r *placement.AffinityRule) wire.AffinityRule {
	w := wire.AffinityRule{ID: r.ID, AffinityOrAntiAffinity: wire.AffinityRuleAffinityOrAntiAffinityAFFINITY, Scope: wire.AffinityRuleScope(r.Scope), ComponentIDs: r.ComponentIDs}
	if r.AntiAffinity {
		w.AffinityOrAntiAffinity = wire.AffinityRuleAffinityOrAntiAffinityANTIAFFINITY
	}
	return w
}

func affinityRuleFromWire(w *wire.AffinityRule) placement.AffinityRule {
	return placement.AffinityRule{
		ID: w.ID, AntiAffinity: w.AffinityOrAntiAffinity == wire.AffinityRuleAffinityOrAntiAffinityANTIAFFINITY, Scope: placement.Scope(w.Scope), ComponentIDs: w.ComponentIDs,
	}
}

func componentToWire(c *placement.Component) wire.Component {
	w := wire.Component{
		ID: c.ID, NF: nfToWire(c.NF), TrustDomainID: c.TrustDomainID, Roles: named[wire.Role](c.Roles.Names()), Exposed: c.Exposed,
		Images: c.Images, Runtime: c.Runtime, Isolation: isolationToWire(c.Isolation), CutThrough: named[wire.CutThrough](c.CutThrough.Names()),
		Privileged: named[wire.Privilege](c.Privileged.Names()), AdministersHostPoolIDs: c.AdministersHostPools, Labels: c.Labels,
		Resources: wire.Dimensions(c.Resources),
	}
	for i := range c.Interfaces {
		itf := &c.Interfaces[i]
		w.Interfaces = append(w.Interfaces, wire.Interface{
			Name: itf.Name, Kind: wire.InterfaceKind(itf.Kind), PeerTrustDomainID: itf.PeerTrustDomainID, Peer: wire.Peer(itf.Peer),
			PeerComponentID: itf.PeerComponentID, Via: itf.Via, TerminatesTLS: itf.TerminatesTLS,
		})
	}
	return w
}

func nfToWire(nf placement.NF) wire.NetworkFunction {
	return wire.NetworkFunction{NFType: nf.Type, InstanceKey: nf.InstanceKey, NFSetID: nf.SetID}
}

func nfFromWire(w wire.NetworkFunction) placement.NF {
	return placement.NF{Type: w.NFType, InstanceKey: w.InstanceKey, SetID: w.NFSetID}
}

func vnfProfileFromWire(w *wire.VNFProfile, in *reading) placement.VNFProfile {
	p := placement.VNFProfile{
		VNFDID: w.VNFDID, NFType: w.NFType, TrustDomainID: w.TrustDomainID, DeploymentFlavours: orNil(mapped(w.DeploymentFlavours, flavourFromWire)),
		DeployableModules: orNil(mapped(w.DeployableModules, moduleFromWire)),
		VIMAssets:         vnfAssetsFromWire(&w.VIMAssets),
	}
	for i := range w.Components {
		p.Components = append(p.Components, componentFromWire(&w.Components[i], in, "/components/"+strconv.Itoa(i)))
	}
	for i := range w.AffinityRules {
		p.AffinityRules = append(p.AffinityRules, affinityRuleFromWire(&w.AffinityRules[i]))
	}
	return p
}

func componentFromWire(w *wire.Component, in *reading, at string) placement.Component {
	c := placement.Component{
		ID: w.ID, NF: nfFromWire(w.NF), TrustDomainID: w.TrustDomainID, Roles: in.roles(w.Roles, at+"/roles"), Exposed: w.Exposed,
		Images: orNil(w.Images), Runtime: w.Runtime, Isolation: in.isolation(w.Isolation, at+"/isolation"),
		CutThrough: in.cutThrough(w.CutThrough, at+"/cutThrough"), Privileged: in.privileged(w.Privileged, at+"/privileged"),
		AdministersHostPools: orNil(w.AdministersHostPoolIDs), Labels: labels(w.Labels), Resources: amounts(w.Resources),
	}
	for i := range w.Interfaces {
		itf := &w.Interfaces[i]
		c.Interfaces = append(c.Interfaces, placement.Interface{
			Name: itf.Name, Kind: placement.InterfaceKind(itf.Kind), PeerTrustDomainID: itf.PeerTrustDomainID, Peer: placement.Peer(itf.Peer),
			PeerComponentID: itf.PeerComponentID, Via: itf.Via, TerminatesTLS: itf.TerminatesTLS,
		})
	}
	return c
}

// ListVNFProfiles answers a page of VNF profiles.
func (a inventoryAPI) ListVNFProfiles(w http.ResponseWriter, r *http.Request, p wire.ListVNFProfilesParams) {
	a.reply(w, r)(a.nouns.vnfProfiles.list(r, p.Filter, p.NextpageOpaqueMarker))
}

// GetVNFProfile answers one VNF profile.
func (a inventoryAPI) GetVNFProfile(w http.ResponseWriter, r *http.Request, vnfdID string, _ wire.GetVNFProfileParams) {
	a.reply(w, r)(a.nouns.vnfProfiles.get(r, inventory.ID(vnfdID)))
}

// PutVNFProfile creates or replaces a VNF profile.
func (a inventoryAPI) PutVNFProfile(w http.ResponseWriter, r *http.Request, vnfdID string, p wire.PutVNFProfileParams) {
	a.reply(w, r)(a.nouns.vnfProfiles.put(r, inventory.ID(vnfdID), p.IfMatch, p.IfNoneMatch))
}

// PatchVNFProfile changes attributes of a VNF profile.
func (a inventoryAPI) PatchVNFProfile(w http.ResponseWriter, r *http.Request, vnfdID string, p wire.PatchVNFProfileParams) {
	a.reply(w, r)(a.nouns.vnfProfiles.patch(r, inventory.ID(vnfdID), p.IfMatch))
}

// DeleteVNFProfile deletes a VNF profile.
func (a inventoryAPI) DeleteVNFProfile(w http.ResponseWriter, r *http.Request, vnfdID string, p wire.DeleteVNFProfileParams) {
	a.reply(w, r)(a.nouns.vnfProfiles.remove(r, inventory.ID(vnfdID), p.IfMatch))
}
