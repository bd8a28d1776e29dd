package placement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ringfence/internal/placement"
)

// sizes is a deployment flavour of two components: pfe scales in two aspects, oam does not.
func sizes() *placement.DeploymentFlavour {
	count := func(id string, n int) placement.ComponentCount {
		return placement.ComponentCount{ComponentID: id, Count: n}
	}
	return &placement.DeploymentFlavour{
		ID: "default", InitialDelta: []placement.ComponentCount{count("oam", 1), count("pfe", 1)},
		ScalingAspects: []placement.ScalingAspect{
			{ID: "uniform", MaxScaleLevel: 3, Steps: []placement.ScalingStep{{Components: []placement.ComponentCount{count("pfe", 2)}}}},
			{ID: "stepwise", MaxScaleLevel: 2, Steps: []placement.ScalingStep{
				{Components: []placement.ComponentCount{count("pfe", 1)}}, {Components: []placement.ComponentCount{count("li", 1), count("pfe", 4)}},
			}},
		},
		InstantiationLevels: []placement.InstantiationLevel{
			{ID: "listed", Components: []placement.ComponentCount{count("pfe", 7)}},
			{ID: "scaled", ScaleLevels: []placement.AspectLevel{{AspectID: "uniform", ScaleLevel: 2}}},
		},
		DefaultInstantiationLevelID: "scaled",
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	type want = map[string]int
	for name, tc := range map[string]struct {
		level   string
		targets []placement.AspectLevel
		want    want
		err     string
	}{
		"a level that lists components":              {level: "listed", want: want{"pfe": 7}},
		"a level of scale levels":                    {level: "scaled", want: want{"oam": 1, "pfe": 5}},
		"no such level":                              {level: "huge", err: "instantiation level huge of the deployment flavour default"},
		"aspects left out are at the default level":  {targets: []placement.AspectLevel{{AspectID: "stepwise", ScaleLevel: 1}}, want: want{"oam": 1, "pfe": 6}},
		"an aspect that is named is where it is put": {targets: []placement.AspectLevel{{AspectID: "uniform"}}, want: want{"oam": 1, "pfe": 1}},
		"every step adds its own":                    {targets: []placement.AspectLevel{{AspectID: "uniform"}, {AspectID: "stepwise", ScaleLevel: 2}}, want: want{"oam": 1, "pfe": 6, "li": 1}},
		"above the highest":                          {targets: []placement.AspectLevel{{AspectID: "uniform", ScaleLevel: 4}}, err: "scale level 4 of the aspect uniform, whose highest is 3"},
		"no such aspect":                             {targets: []placement.AspectLevel{{AspectID: "odd"}}, err: "scaling aspect odd of the deployment flavour default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := sizes()
			size, err := f.SizeAt(tc.targets)
			if tc.level != "" {
				size, err = f.SizeOfLevel(tc.level)
			}
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Fatalf("error %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := want{}
			for _, c := range size {
				got[c.ComponentID] = c.Count
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	f := sizes()
	f.ScalingAspects[0].MaxScaleLevel = placement.MaxExpanded
	if _, err := f.SizeAt([]placement.AspectLevel{{AspectID: "uniform", ScaleLevel: placement.MaxExpanded}}); err == nil {
		t.Error("a level of 20,000 instances was expanded")
	}
}

func TestComponentsOfModulesNotChosenDoNotCount(t *testing.T) {
	t.Parallel()
	p := placement.VNFProfile{DeployableModules: []placement.DeployableModule{
		{ID: "a", ComponentIDs: []string{"x", "both"}}, {ID: "b", ComponentIDs: []string{"y", "both"}},
	}}
	for id, want := range map[string]bool{"x": true, "both": true, "y": false, "free": true} {
		if got := p.Selected(id, []string{"a"}); got != want {
			t.Errorf("%s counts: %t, want %t", id, got, want)
		}
	}
}
