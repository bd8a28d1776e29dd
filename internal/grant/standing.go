package grant

import (
	"cmp"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// standingConstraints are the standing constraints that a request must meet, whatever it says itself, ascending by id. Those of its
// residencies that are released do not count, and neither does what the client must not know of.
func standingConstraints(view *fleet.View, req *placement.GrantRequest, released []string, withoutLI bool) []placement.PlacementConstraint {
	var out []placement.PlacementConstraint
	for _, s := range standingOf(view.Catalogue, req) {
		c := placement.PlacementConstraint{
			Standing: s.ID, AntiAffinity: s.Kind == placement.StandingAntiAffinity, Scope: s.Scope, ComponentIDs: s.ComponentIDs, UnitIDs: s.UnitIDs,
			VNFInstanceIDs: compared(s, req.VNFInstanceID), Resources: coveredBy(s, req),
		}
		c.FromOthers = c.AntiAffinity && len(s.VNFInstanceIDs) > 1
		if s.Kind != placement.StandingFixed {
			c.Resources = append(c.Resources, stayingOf(view, &c, released, withoutLI)...)
		}
		out = append(out, c)
	}
	return out
}

// standingOf finds the constraints that are about resources of a request.
func standingOf(cat *placement.Catalogue, req *placement.GrantRequest) []*placement.StandingConstraint {
	var out []*placement.StandingConstraint
	for id := range cat.Standing {
		if s := cat.Standing[id]; len(coveredBy(&s, req)) > 0 {
			out = append(out, &s)
		}
	}
	slices.SortFunc(out, func(a, b *placement.StandingConstraint) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// coveredBy are the new resources of a request that a constraint is about.
func coveredBy(s *placement.StandingConstraint, req *placement.GrantRequest) []placement.ConstraintResourceRef {
	var out []placement.ConstraintResourceRef
	for _, list := range newOnes(req) {
		for i := range list.resources {
			rd := &list.resources[i]
			if rd.Placed() && s.Concerns(req.VNFInstanceID, descriptorOf(req, rd)) && s.Covers(componentIDs(rd)...) {
				out = append(out, placement.ConstraintResourceRef{ResourceID: rd.ID})
			}
		}
	}
	return out
}

// compared are the VNF instances whose workloads a constraint compares with those of one: itself, or the others that it lists, and for
// affinity both.
func compared(s *placement.StandingConstraint, vnfInstanceID string) []string {
	switch {
	case s.Kind == placement.StandingFixed:
		return nil
	case s.VNFDID != "":
		return []string{vnfInstanceID}
	case s.Kind == placement.StandingAntiAffinity && len(s.VNFInstanceIDs) > 1:
		return slices.DeleteFunc(slices.Clone(s.VNFInstanceIDs), func(id string) bool { return id == vnfInstanceID })
	}
	return s.VNFInstanceIDs
}

// stayingOf are the residencies that a constraint compares the new resources with.
func stayingOf(view *fleet.View, c *placement.PlacementConstraint, released []string, withoutLI bool) []placement.ConstraintResourceRef {
	var hidden map[string]bool
	if withoutLI {
		hidden = view.Catalogue.LIHostPools()
	}
	var out []placement.ConstraintResourceRef
	for _, id := range c.VNFInstanceIDs {
		for _, r := range view.ResidenciesOf(id) {
			slot, known := view.Slot(r.HostID)
			stays := r.Kind != placement.ResidencyFabric && r.State != placement.StateTerminating && !slices.Contains(released, r.ID)
			covered := len(c.ComponentIDs) == 0 || slices.Contains(c.ComponentIDs, r.Workload.ComponentID)
			if stays && covered && !(known && hidden[view.Host(slot).HostPoolID]) {
				out = append(out, placement.ConstraintResourceRef{Existing: true, ResourceID: r.ID})
			}
		}
	}
	return out
}

// standingScopes is what the commit locks and reads for the standing constraints of a request. One about each VNF instance of a VNFD is a
// lock for each of them.
func standingScopes(cat *placement.Catalogue, req *placement.GrantRequest) []placement.StandingScope {
	var out []placement.StandingScope
	for i := range req.PlacementConstraints {
		c := &req.PlacementConstraints[i]
		if c.Standing == "" || c.UnitIDs != nil {
			continue
		}
		lock := c.RuleID(i)
		if s := cat.Standing[c.Standing]; s.VNFDID != "" {
			lock += " " + req.VNFInstanceID
		}
		out = append(out, placement.StandingScope{Lock: lock, VNFInstanceIDs: c.VNFInstanceIDs})
	}
	return out
}
