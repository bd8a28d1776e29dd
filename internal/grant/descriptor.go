package grant

import (
	"slices"

	"ringfence/internal/placement"
)

// descriptorConstraints are the affinity rules of the VNFDs that a request does not itself say something else about: VNFMs send
// placement constraints when they instantiate and scale out, but none when they heal or change the package, where the
// rules hold as well (SOL003, placement constraints). Own are the residencies of the VNF instance; those that are released do
// not count.
func descriptorConstraints(cat *placement.Catalogue, req *placement.GrantRequest, own []*placement.Residency, released []string) []placement.PlacementConstraint {
	members := map[string][]placement.ResourceDefinition{} // by VNFD
	var vnfdIDs []string
	for _, list := range newOnes(req) {
		for i := range list.resources {
			if rd := &list.resources[i]; rd.Placed() {
				id := descriptorOf(req, rd)
				if members[id] == nil {
					vnfdIDs = append(vnfdIDs, id)
				}
				members[id] = append(members[id], *rd)
			}
		}
	}
	var out []placement.PlacementConstraint
	for _, id := range vnfdIDs {
		profile := cat.VNFProfiles[id]
		for i := range profile.AffinityRules {
			rule := &profile.AffinityRules[i]
			c := placement.PlacementConstraint{Descriptor: rule.ID, ComponentIDs: rule.ComponentIDs, AntiAffinity: rule.AntiAffinity, Scope: rule.Scope}
			c.Resources = newMembers(rule, members[id])
			if len(c.Resources) == 0 || says(req, &c) {
				continue
			}
			c.Resources = append(c.Resources, presentMembers(rule, own, released)...)
			out = append(out, c) // also with one member: the commit sees whether there are others by then
		}
	}
	return out
}

// descriptorOf is the VNFD that a new resource is described by.
func descriptorOf(req *placement.GrantRequest, rd *placement.ResourceDefinition) string {
	switch {
	case rd.VNFDID != "":
		return rd.VNFDID
	case req.DstVNFDID != "":
		return req.DstVNFDID
	}
	return req.VNFDID
}

// descriptorSiblings are the components whose replicas the commit of a plan has to read for the affinity rules of VNFDs.
func descriptorSiblings(cat *placement.Catalogue, req *placement.GrantRequest) []placement.ComponentKey {
	var out []placement.ComponentKey
	for i := range req.PlacementConstraints {
		c := &req.PlacementConstraints[i]
		if c.Descriptor == "" {
			continue
		}
		for _, vnfdID := range []string{req.VNFDID, req.DstVNFDID} {
			profile := cat.VNFProfiles[vnfdID]
			for _, id := range c.ComponentIDs {
				if component := profile.Component(id); component != nil {
					k := placement.ComponentKey{VNFInstanceID: req.VNFInstanceID, InstanceKey: component.NF.InstanceKey, ComponentID: id}
					if !slices.Contains(out, k) {
						out = append(out, k)
					}
				}
			}
		}
	}
	return out
}

func newMembers(rule *placement.AffinityRule, resources []placement.ResourceDefinition) []placement.ConstraintResourceRef {
	var out []placement.ConstraintResourceRef
	for i := range resources {
		if slices.ContainsFunc(componentIDs(&resources[i]), func(id string) bool { return slices.Contains(rule.ComponentIDs, id) }) {
			out = append(out, placement.ConstraintResourceRef{ResourceID: resources[i].ID})
		}
	}
	return out
}

// presentMembers are the instances of the rule's components that stay.
func presentMembers(rule *placement.AffinityRule, own []*placement.Residency, released []string) []placement.ConstraintResourceRef {
	var out []placement.ConstraintResourceRef
	for _, r := range own {
		stays := r.Kind != placement.ResidencyFabric && r.State != placement.StateTerminating && !slices.Contains(released, r.ID)
		if stays && slices.Contains(rule.ComponentIDs, r.Workload.ComponentID) {
			out = append(out, placement.ConstraintResourceRef{Existing: true, ResourceID: r.ID})
		}
	}
	return out
}

// says tells whether a constraint of the request takes the place of a rule: it is about all the new members, and either at the
// same scope, whatever it says there, or the contrary of the rule. The request wins (SOL003).
func says(req *placement.GrantRequest, rule *placement.PlacementConstraint) bool {
	return slices.ContainsFunc(req.PlacementConstraints, func(c placement.PlacementConstraint) bool {
		if c.Scope != rule.Scope && !contrary(&c, rule) {
			return false
		}
		return !slices.ContainsFunc(rule.Resources, func(m placement.ConstraintResourceRef) bool {
			return !slices.ContainsFunc(c.Resources, func(r placement.ConstraintResourceRef) bool { return !r.Existing && r.ResourceID == m.ResourceID })
		})
	})
}

// contrary tells whether two constraints cannot hold for the same pair: together within a unit, and apart in a unit that holds it.
func contrary(a, b *placement.PlacementConstraint) bool {
	if a.AntiAffinity == b.AntiAffinity {
		return false
	}
	together, apart := a, b
	if a.AntiAffinity {
		together, apart = b, a
	}
	within := []placement.Scope{placement.ScopeCISNode, placement.ScopeNFVINode, placement.ScopeZone, placement.ScopeZoneGroup, placement.ScopeNFVIPoP}
	inner, outer := slices.Index(within, together.Scope), slices.Index(within, apart.Scope)
	return inner >= 0 && outer >= inner
}
