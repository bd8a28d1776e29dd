package grant

import (
	"slices"

	"ringfence/internal/placement"
)

// expand lists the resources of an instantiation whose size is given as a level, or not at all where the profile has a default
// level. Resources that the request lists itself are its size, whatever level it names beside them: VNFMs of the Tacker family
// send both. It returns what the request names and nobody knows.
func expand(cat *placement.Catalogue, req *placement.GrantRequest) (lacking []placement.Reason) {
	profile, known := cat.VNFProfiles[req.VNFDID]
	if !known {
		return nil // refused elsewhere
	}
	sized := req.InstantiationLevelID != "" || len(req.ScaleLevels) > 0
	expands := req.Operation == placement.OpInstantiate && len(req.AddResources) == 0
	for _, id := range req.SelectedModules {
		if (expands && sized || len(profile.DeployableModules) > 0) && profile.Module(id) == nil {
			lacking = append(lacking, unknown("deployable module "+id+" of VNFD "+profile.VNFDID))
		}
	}
	if !expands || len(lacking) > 0 {
		return lacking
	}
	flavour := profile.Flavour(req.FlavourID)
	switch {
	case flavour == nil && sized:
		return []placement.Reason{unknown(named("deployment flavour", req.FlavourID) + " in the VNF profile of " + profile.VNFDID +
			", to expand the size by; list the resources in addResources")}
	case flavour == nil, !sized && flavour.DefaultInstantiationLevelID == "":
		return nil
	}
	size, err := sizeOf(flavour, req)
	if err != nil {
		return []placement.Reason{unknown(err.Error() + " of VNFD " + profile.VNFDID)}
	}
	req.AddResources = instances(&profile, req, size)
	return nil
}

func named(what, id string) string {
	if id == "" {
		return what
	}
	return what + " " + id
}

func sizeOf(f *placement.DeploymentFlavour, req *placement.GrantRequest) ([]placement.ComponentCount, error) {
	switch {
	case req.InstantiationLevelID != "":
		return f.SizeOfLevel(req.InstantiationLevelID)
	case len(req.ScaleLevels) > 0:
		return f.SizeAt(req.ScaleLevels)
	default:
		return f.SizeOfLevel(f.DefaultInstantiationLevelID)
	}
}

// instances names every instance of a size, of the deployable modules that are chosen.
func instances(profile *placement.VNFProfile, req *placement.GrantRequest, size []placement.ComponentCount) []placement.ResourceDefinition {
	taken := func(id string) bool {
		named := func(r placement.ResourceDefinition) bool { return r.ID == id }
		return slices.ContainsFunc(req.TempResources, named) || slices.ContainsFunc(req.RemoveResources, named) || slices.ContainsFunc(req.UpdateResources, named)
	}
	var out []placement.ResourceDefinition
	for _, c := range size {
		if len(req.SelectedModules) > 0 && !profile.Selected(c.ComponentID, req.SelectedModules) {
			continue
		}
		for n, left := 0, c.Count; left > 0; n++ {
			if id := placement.InstanceID(c.ComponentID, n); !taken(id) {
				out = append(out, placement.ResourceDefinition{ID: id, Type: placement.ResourceCompute, VDUID: c.ComponentID, Expanded: true})
				left--
			}
		}
	}
	return out
}
