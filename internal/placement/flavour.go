package placement

import (
	"fmt"
	"slices"
)

// DeploymentFlavour says in which sizes a VNF comes (IFA011 VnfDf, as far as sizes are concerned).
type DeploymentFlavour struct {
	ID                          string
	InitialDelta                []ComponentCount // when every scaling aspect is at level 0
	ScalingAspects              []ScalingAspect
	InstantiationLevels         []InstantiationLevel
	DefaultInstantiationLevelID string
}

// ComponentCount is a number of instances of one component.
type ComponentCount struct {
	ComponentID string
	Count       int
}

// ScalingAspect is one aspect in which a VNF scales.
type ScalingAspect struct {
	ID            string
	MaxScaleLevel int
	Steps         []ScalingStep // one for all steps, or MaxScaleLevel of them
}

// ScalingStep is what one step up of an aspect adds.
type ScalingStep struct {
	Components []ComponentCount
}

// InstantiationLevel is a size with a name: the components listed, or what the scale levels come to.
type InstantiationLevel struct {
	ID          string
	Components  []ComponentCount
	ScaleLevels []AspectLevel
}

// AspectLevel is the scale level of one aspect (SOL003 ScaleInfo).
type AspectLevel struct {
	AspectID   string
	ScaleLevel int
}

// DeployableModule is a part of a VNF that may be chosen or left out (SOL001 DeployableModule).
type DeployableModule struct {
	ID           string
	ComponentIDs []string
}

// MaxExpanded is how many instances a level may come to.
const MaxExpanded = 10_000

// Flavour returns the deployment flavour that a request names; without a name, the only one there is. Nil when there is none.
func (p *VNFProfile) Flavour(id string) *DeploymentFlavour {
	if id == "" && len(p.DeploymentFlavours) == 1 {
		return &p.DeploymentFlavours[0]
	}
	for i := range p.DeploymentFlavours {
		if p.DeploymentFlavours[i].ID == id {
			return &p.DeploymentFlavours[i]
		}
	}
	return nil
}

// Level returns the instantiation level with the id, or nil.
func (f *DeploymentFlavour) Level(id string) *InstantiationLevel {
	for i := range f.InstantiationLevels {
		if f.InstantiationLevels[i].ID == id {
			return &f.InstantiationLevels[i]
		}
	}
	return nil
}

// Aspect returns the scaling aspect with the id, or nil.
func (f *DeploymentFlavour) Aspect(id string) *ScalingAspect {
	for i := range f.ScalingAspects {
		if f.ScalingAspects[i].ID == id {
			return &f.ScalingAspects[i]
		}
	}
	return nil
}

// SizeOfLevel is the number of instances per component at an instantiation level. The error names what is not defined.
func (f *DeploymentFlavour) SizeOfLevel(id string) ([]ComponentCount, error) {
	level := f.Level(id)
	if level == nil {
		return nil, Errorf(Invalid, "instantiation level %s of the deployment flavour %s", id, f.ID)
	}
	if len(level.Components) > 0 {
		var t tally
		if err := t.addAll(level.Components, 1); err != nil {
			return nil, err
		}
		return t.counts, nil
	}
	return f.sizeAt(level.ScaleLevels)
}

// SizeAt is the number of instances per component at scale levels. Aspects that are not named have the level that the default
// instantiation level gives them, else 0. The error names what is not defined.
func (f *DeploymentFlavour) SizeAt(levels []AspectLevel) ([]ComponentCount, error) {
	all := levels
	if def := f.Level(f.DefaultInstantiationLevelID); def != nil {
		for _, d := range def.ScaleLevels {
			if !namesAspect(levels, d.AspectID) {
				all = append(slices.Clip(all), d)
			}
		}
	}
	return f.sizeAt(all)
}

func namesAspect(levels []AspectLevel, id string) bool {
	for _, l := range levels {
		if l.AspectID == id {
			return true
		}
	}
	return false
}

func (f *DeploymentFlavour) sizeAt(levels []AspectLevel) ([]ComponentCount, error) {
	var t tally
	if err := t.addAll(f.InitialDelta, 1); err != nil {
		return nil, err
	}
	for _, l := range levels {
		a := f.Aspect(l.AspectID)
		if a == nil {
			return nil, Errorf(Invalid, "scaling aspect %s of the deployment flavour %s", l.AspectID, f.ID)
		}
		if l.ScaleLevel < 0 || l.ScaleLevel > a.MaxScaleLevel {
			return nil, Errorf(Invalid, "scale level %d of the aspect %s, whose highest is %d", l.ScaleLevel, l.AspectID, a.MaxScaleLevel)
		}
		if err := a.addTo(&t, l.ScaleLevel); err != nil {
			return nil, err
		}
	}
	return t.counts, nil
}

// addTo adds what an aspect brings at a level.
func (a *ScalingAspect) addTo(t *tally, level int) error {
	if len(a.Steps) == 1 {
		return t.addAll(a.Steps[0].Components, level)
	}
	for n := range level {
		if n >= len(a.Steps) {
			return Errorf(Invalid, "step %d of the scaling aspect %s", n+1, a.ID)
		}
		if err := t.addAll(a.Steps[n].Components, 1); err != nil {
			return err
		}
	}
	return nil
}

// tally adds up instances per component, in the order in which components are first named.
type tally struct {
	counts []ComponentCount
	total  int
}

func (t *tally) addAll(list []ComponentCount, times int) error {
	for _, c := range list {
		t.add(c.ComponentID, c.Count*times)
		t.total += c.Count * times
		if t.total > MaxExpanded {
			return Errorf(Invalid, "size of at most %d instances", MaxExpanded)
		}
	}
	return nil
}

func (t *tally) add(id string, n int) {
	for i := range t.counts {
		if t.counts[i].ComponentID == id {
			t.counts[i].Count += n
			return
		}
	}
	t.counts = append(t.counts, ComponentCount{ComponentID: id, Count: n})
}

// Selected tells whether a component counts when deployable modules are chosen: it belongs to one of them, or to none at all.
func (p *VNFProfile) Selected(componentID string, modules []string) bool {
	belongs := false
	for i := range p.DeployableModules {
		for _, id := range p.DeployableModules[i].ComponentIDs {
			if id != componentID {
				continue
			}
			belongs = true
			if slices.Contains(modules, p.DeployableModules[i].ID) {
				return true
			}
		}
	}
	return !belongs
}

// Module returns the deployable module with the id, or nil.
func (p *VNFProfile) Module(id string) *DeployableModule {
	for i := range p.DeployableModules {
		if p.DeployableModules[i].ID == id {
			return &p.DeployableModules[i]
		}
	}
	return nil
}

// VIMAssets is what VIMs call what a VNFD mentions (SOL003 Grant.vimAssets).
type VIMAssets struct {
	ComputeResourceFlavours []VIMAsset
	SoftwareImages          []VIMAsset
	StorageAssets           []VIMAsset
}

// VIMAsset is the name that a VIM has for a descriptor of a VNFD.
type VIMAsset struct {
	VIMConnectionID string // empty: every VIM
	DescriptorID    string // in the VNFD
	Name            string // in the VIM
}

// For returns the assets for the VIM connections in use: those that name one of them, and those that name none.
func (a VIMAssets) For(inUse func(vimConnectionID string) bool) VIMAssets {
	keep := func(list []VIMAsset) (out []VIMAsset) {
		for _, e := range list {
			if e.VIMConnectionID == "" || inUse(e.VIMConnectionID) {
				out = append(out, e)
			}
		}
		return out
	}
	return VIMAssets{
		ComputeResourceFlavours: keep(a.ComputeResourceFlavours), SoftwareImages: keep(a.SoftwareImages), StorageAssets: keep(a.StorageAssets),
	}
}

// InstanceID names the n-th instance, from 0, of a component that a level expands to.
func InstanceID(componentID string, n int) string { return fmt.Sprintf("%s-%d", componentID, n) }
