package grant

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// sized is a catalogue with a VNFD of two components and a level, and one without sizes.
func sized() *placement.Catalogue {
	cat := placement.NewCatalogue()
	cat.VNFProfiles["sized"] = placement.VNFProfile{
		VNFDID: "sized", Components: []placement.Component{{ID: "a"}, {ID: "b"}},
		DeployableModules: []placement.DeployableModule{{ID: "only-a", ComponentIDs: []string{"a"}}, {ID: "only-b", ComponentIDs: []string{"b"}}},
		DeploymentFlavours: []placement.DeploymentFlavour{{
			ID: "f", InitialDelta: []placement.ComponentCount{{ComponentID: "a", Count: 1}},
			ScalingAspects: []placement.ScalingAspect{{ID: "out", MaxScaleLevel: 2, Steps: []placement.ScalingStep{{Components: []placement.ComponentCount{{ComponentID: "b", Count: 2}}}}}},
			InstantiationLevels: []placement.InstantiationLevel{
				{ID: "small", ScaleLevels: []placement.AspectLevel{{AspectID: "out", ScaleLevel: 1}}},
				{ID: "listed", Components: []placement.ComponentCount{{ComponentID: "a", Count: 2}}},
			},
			DefaultInstantiationLevelID: "small",
		}},
	}
	cat.VNFProfiles["plain"] = placement.VNFProfile{VNFDID: "plain", Components: []placement.Component{{ID: "a"}}}
	return cat
}

func TestLevelsAreExpanded(t *testing.T) {
	t.Parallel()
	instantiate := func(change func(*placement.GrantRequest)) placement.GrantRequest {
		r := placement.GrantRequest{VNFDID: "sized", Operation: placement.OpInstantiate}
		change(&r)
		return r
	}
	for name, tc := range map[string]struct {
		req  placement.GrantRequest
		want string // the ids, or what is unknown
	}{
		"a level":             {instantiate(func(r *placement.GrantRequest) { r.InstantiationLevelID = "listed" }), "a-0 a-1"},
		"its flavour by name": {instantiate(func(r *placement.GrantRequest) { r.FlavourID, r.InstantiationLevelID = "f", "listed" }), "a-0 a-1"},
		"scale levels": {instantiate(func(r *placement.GrantRequest) {
			r.ScaleLevels = []placement.AspectLevel{{AspectID: "out", ScaleLevel: 2}}
		}), "a-0 b-0 b-1 b-2 b-3"},
		"no size at all":     {instantiate(func(*placement.GrantRequest) {}), "a-0 b-0 b-1"},
		"no size, no levels": {instantiate(func(r *placement.GrantRequest) { r.VNFDID = "plain" }), ""},
		"a module":           {instantiate(func(r *placement.GrantRequest) { r.SelectedModules = []string{"only-b"} }), "b-0 b-1"},
		"an id that is taken": {instantiate(func(r *placement.GrantRequest) {
			r.InstantiationLevelID, r.TempResources = "listed", []placement.ResourceDefinition{{ID: "a-0"}}
		}), "a-1 a-2"},
		"a level, resources listed": {instantiate(func(r *placement.GrantRequest) {
			r.InstantiationLevelID, r.AddResources = "listed", []placement.ResourceDefinition{{ID: "x"}}
		}), "x"},
		"another operation":          {placement.GrantRequest{VNFDID: "sized", Operation: placement.OpHeal, InstantiationLevelID: "listed"}, ""},
		"no such level":              {instantiate(func(r *placement.GrantRequest) { r.InstantiationLevelID = "huge" }), "unknown instantiation level huge of the deployment flavour f of VNFD sized"},
		"no such flavour":            {instantiate(func(r *placement.GrantRequest) { r.FlavourID, r.InstantiationLevelID = "g", "small" }), "unknown deployment flavour g in the VNF profile of sized, to expand the size by; list the resources in addResources"},
		"a level without a flavour":  {instantiate(func(r *placement.GrantRequest) { r.VNFDID, r.InstantiationLevelID = "plain", "small" }), "unknown deployment flavour in the VNF profile of plain, to expand the size by; list the resources in addResources"},
		"no such module":             {instantiate(func(r *placement.GrantRequest) { r.SelectedModules = []string{"c"} }), "unknown deployable module c of VNFD sized"},
		"a module nobody knows of":   {placement.GrantRequest{VNFDID: "plain", Operation: placement.OpSelectDeplModules, SelectedModules: []string{"c"}}, ""},
		"no such module, not placed": {placement.GrantRequest{VNFDID: "sized", Operation: placement.OpSelectDeplModules, SelectedModules: []string{"c"}}, "unknown deployable module c of VNFD sized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, r := range expand(sized(), &tc.req) {
				got = append(got, "unknown "+r.Params["object"])
			}
			for i := range tc.req.AddResources {
				got = append(got, tc.req.AddResources[i].ID)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
