package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

func TestFlavoursNameWhatTheProfileHas(t *testing.T) {
	t.Parallel()
	count := func(id string, n int) []placement.ComponentCount {
		return []placement.ComponentCount{{ComponentID: id, Count: n}}
	}
	p := placement.VNFProfile{
		Components: []placement.Component{{ID: "c"}},
		DeploymentFlavours: []placement.DeploymentFlavour{
			{ID: "good", InitialDelta: count("c", 1), ScalingAspects: []placement.ScalingAspect{{ID: "a", MaxScaleLevel: 2, Steps: []placement.ScalingStep{{Components: count("c", 1)}}}}},
			{
				ID: "good", InitialDelta: count("none", -1), DefaultInstantiationLevelID: "none",
				ScalingAspects: []placement.ScalingAspect{
					{ID: "a", MaxScaleLevel: 3, Steps: make([]placement.ScalingStep, 2)},
					{ID: "b", MaxScaleLevel: 10_000, Steps: []placement.ScalingStep{{Components: count("c", 9)}}},
				},
				InstantiationLevels: []placement.InstantiationLevel{{ID: "l", ScaleLevels: []placement.AspectLevel{{AspectID: "odd", ScaleLevel: 1}}}},
			},
		},
		DeployableModules: []placement.DeployableModule{{ID: "m", ComponentIDs: []string{"c", "none"}}},
	}
	f := &faults{}
	checkFlavours(&p, f)
	var got []string
	for _, finding := range f.list {
		got = append(got, finding.Code+" "+finding.Pointer)
	}
	want := []string{
		CodeDuplicate + " /deploymentFlavours/1",
		CodeUnknownReference + " /deploymentFlavours/1/initialDelta/0/componentId",
		CodeInvalid + " /deploymentFlavours/1/initialDelta/0/count",
		CodeInvalid + " /deploymentFlavours/1/scalingAspects/0/steps",
		CodeInvalid + " /deploymentFlavours/1/scalingAspects",
		CodeUnknownReference + " /deploymentFlavours/1/instantiationLevels/0",
		CodeUnknownReference + " /deploymentFlavours/1/defaultInstantiationLevelId",
		CodeUnknownReference + " /deployableModules/0/componentIds/1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
