package inventory

import (
	"strconv"

	"ringfence/internal/placement"
)

// checkFlavours checks that what a profile says of sizes and modules names what the profile has, and can be expanded.
func checkFlavours(p *placement.VNFProfile, f *faults) {
	checkDistinct(p.DeploymentFlavours, "/deploymentFlavours", func(d *placement.DeploymentFlavour) string { return d.ID }, f)
	for i := range p.DeploymentFlavours {
		checkFlavour(p, &p.DeploymentFlavours[i], "/deploymentFlavours/"+strconv.Itoa(i), f)
	}
	checkDistinct(p.DeployableModules, "/deployableModules", func(m *placement.DeployableModule) string { return m.ID }, f)
	for i := range p.DeployableModules {
		for j, id := range p.DeployableModules[i].ComponentIDs {
			checkComponentID(p, id, "/deployableModules/"+strconv.Itoa(i)+"/componentIds/"+strconv.Itoa(j), f)
		}
	}
}

func checkFlavour(p *placement.VNFProfile, d *placement.DeploymentFlavour, at string, f *faults) {
	checkCounts(p, d.InitialDelta, at+"/initialDelta", f)
	checkDistinct(d.ScalingAspects, at+"/scalingAspects", func(a *placement.ScalingAspect) string { return a.ID }, f)
	highest := make([]placement.AspectLevel, 0, len(d.ScalingAspects))
	for i := range d.ScalingAspects {
		a := &d.ScalingAspects[i]
		at := at + "/scalingAspects/" + strconv.Itoa(i)
		if len(a.Steps) != 1 && len(a.Steps) != a.MaxScaleLevel {
			f.add(CodeInvalid, at+"/steps", "there are %d steps up to level %d; give one for all of them, or each", len(a.Steps), a.MaxScaleLevel)
		}
		for j := range a.Steps {
			checkCounts(p, a.Steps[j].Components, at+"/steps/"+strconv.Itoa(j)+"/components", f)
		}
		highest = append(highest, placement.AspectLevel{AspectID: a.ID, ScaleLevel: a.MaxScaleLevel})
	}
	if _, err := d.SizeAt(highest); err != nil {
		f.add(CodeInvalid, at+"/scalingAspects", "at the highest levels there is no %s", err)
	}
	checkDistinct(d.InstantiationLevels, at+"/instantiationLevels", func(l *placement.InstantiationLevel) string { return l.ID }, f)
	for i := range d.InstantiationLevels {
		l := &d.InstantiationLevels[i]
		at := at + "/instantiationLevels/" + strconv.Itoa(i)
		checkCounts(p, l.Components, at+"/components", f)
		checkDistinct(l.ScaleLevels, at+"/scaleLevels", func(s *placement.AspectLevel) string { return s.AspectID }, f)
		if _, err := d.SizeOfLevel(l.ID); err != nil {
			f.add(CodeUnknownReference, at, "there is no %s", err)
		}
	}
	if id := d.DefaultInstantiationLevelID; id != "" && d.Level(id) == nil {
		f.add(CodeUnknownReference, at+"/defaultInstantiationLevelId", "the deployment flavour has no instantiation level %q", id)
	}
}

func checkCounts(p *placement.VNFProfile, list []placement.ComponentCount, at string, f *faults) {
	checkDistinct(list, at, func(c *placement.ComponentCount) string { return c.ComponentID }, f)
	for i := range list {
		checkComponentID(p, list[i].ComponentID, at+"/"+strconv.Itoa(i)+"/componentId", f)
		if list[i].Count < 0 {
			f.add(CodeInvalid, at+"/"+strconv.Itoa(i)+"/count", "a count is not negative")
		}
	}
}

func checkComponentID(p *placement.VNFProfile, id, at string, f *faults) {
	if p.Component(id) == nil {
		f.add(CodeUnknownReference, at, "the VNF has no component %q", id)
	}
}

// checkDistinct refuses entries of one list that have the same id.
func checkDistinct[T any](list []T, at string, id func(*T) string, f *faults) {
	seen := make(map[string]bool, len(list))
	for i := range list {
		if k := id(&list[i]); seen[k] {
			f.add(CodeDuplicate, at+"/"+strconv.Itoa(i), "%q stands twice in the list", k)
		} else {
			seen[k] = true
		}
	}
}
