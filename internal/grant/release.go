package grant

import (
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// removes tells whether a request ends what was granted before. The view tells what that is, and whom to tell; no later step
// would notice what it does not have yet: an instantiation that was answered a moment ago, perhaps by another replica.
func removes(req *placement.GrantRequest) bool {
	return req.Operation == placement.OpTerminate || len(req.RemoveResources) > 0 || replaces(req)
}

// onlyRemoves tells whether a request needs nothing to be known but what is there.
func onlyRemoves(req *placement.GrantRequest) bool {
	return removes(req) && len(req.AddResources)+len(req.TempResources)+len(req.UpdateResources) == 0
}

// releases finds the residencies that a request removes. A handle that matches nothing of the VNF instance
// frees nothing. A TERMINATE removes everything, whatever it lists: nothing of a VNF instance is left after it, and its VNFM may list
// only names in the VIM that nobody has told.
func releases(view *fleet.View, req *placement.GrantRequest) []string {
	own := view.ResidenciesOf(req.VNFInstanceID)
	var out []string
	if req.Operation == placement.OpTerminate {
		for _, r := range own {
			out = append(out, r.ID)
		}
		return out
	}
	for i := range req.RemoveResources {
		rd := &req.RemoveResources[i]
		if !rd.Placed() {
			continue
		}
		for _, means := range meanings(view, rd) {
			n := slices.IndexFunc(own, func(r *placement.Residency) bool { return !slices.Contains(out, r.ID) && means(r) })
			if n >= 0 {
				out = append(out, own[n].ID)
				break
			}
		}
	}
	return out
}

// meanings are the ways to name a resource that is to go, the most certain first. With a handle, its id in the request is
// only that; without one it is the id under which the resource was granted.
func meanings(view *fleet.View, rd *placement.ResourceDefinition) []func(*placement.Residency) bool {
	id := rd.ID
	if rd.Resource != nil {
		id = rd.Resource.ResourceID
	}
	standing := func(r *placement.Residency) bool {
		return r.ResourceDefinitionID == id && r.State != placement.StateTerminating
	}
	granted := func(r *placement.Residency) bool { return r.ResourceDefinitionID == id }
	if rd.Resource == nil {
		return []func(*placement.Residency) bool{standing, granted}
	}
	known := func(r *placement.Residency) bool {
		return slices.Contains(r.VIMResourceIDs, id) && placement.SameVIM(rd.Resource.VIMConnectionID, view.VIMConnection(r))
	}
	reserved := func(r *placement.Residency) bool { return r.ID == id }
	return []func(*placement.Residency) bool{known, reserved, standing, granted}
}
