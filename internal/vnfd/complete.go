package vnfd

import (
	"maps"
	"slices"

	"ringfence/internal/placement"
)

// Missing is something that the operator has to add to a draft.
type Missing struct {
	Pointer string // into the completion
	Why     string
}

// Missing names what no descriptor can say of a VNF.
func (d *Draft) Missing() []Missing {
	out := []Missing{
		{"/nfType", "which network function it is, in 3GPP's words"},
		{"/trustDomainId", "which trust domain of the operator's it belongs to"},
	}
	for i := range d.Components {
		if c := &d.Components[i]; len(c.PartOf) == 0 {
			out = append(out, Missing{"/components/" + c.ID + "/roles", "which roles it has; an empty list if none"})
		}
	}
	return out
}

// Profile is the VNF profile as far as the descriptor says it.
func (d *Draft) Profile() placement.VNFProfile {
	p := placement.VNFProfile{VNFDID: d.VNFDID, AffinityRules: d.AffinityRules}
	for i := range d.Components {
		c := &d.Components[i]
		p.Components = append(p.Components, placement.Component{
			ID: c.ID, Labels: c.Labels, Resources: c.Resources, CutThrough: c.CutThrough, Privileged: c.Privileged,
		})
	}
	for i := range d.Flavours {
		p.DeploymentFlavours = append(p.DeploymentFlavours, d.sizes(&d.Flavours[i]))
	}
	return p
}

// sizes are the sizes of a flavour. Containers are not counted: they come with their deployable units.
func (d *Draft) sizes(f *Flavour) placement.DeploymentFlavour {
	out := placement.DeploymentFlavour{ID: f.ID, DefaultInstantiationLevelID: f.DefaultLevel, InitialDelta: d.counts(f, f.Initial)}
	for i := range f.Aspects {
		if a := f.Aspects[i].sizes(); a.MaxScaleLevel > 0 {
			out.ScalingAspects = append(out.ScalingAspects, a)
		}
	}
	for _, l := range f.Levels {
		level := placement.InstantiationLevel{ID: l.ID}
		if len(l.Instances) > 0 {
			level.Components = d.counts(f, l.Instances)
		}
		for _, id := range slices.Sorted(maps.Keys(l.Scale)) {
			if out.Aspect(id) != nil {
				level.ScaleLevels = append(level.ScaleLevels, placement.AspectLevel{AspectID: id, ScaleLevel: int(l.Scale[id])})
			}
		}
		out.InstantiationLevels = append(out.InstantiationLevels, level)
	}
	return out
}

// counts are the instances of each VDU of a flavour: those given, else as few as its vdu_profile allows.
func (d *Draft) counts(f *Flavour, given map[string]int64) []placement.ComponentCount {
	var out []placement.ComponentCount
	for _, id := range f.ComponentIDs {
		c := d.Component(id)
		if c == nil || c.Kind == KindContainer {
			continue
		}
		n, ok := given[id]
		if !ok {
			n = c.MinInstances
		}
		out = append(out, placement.ComponentCount{ComponentID: id, Count: int(n)})
	}
	return out
}

// sizes are the steps of an aspect: one that stands for all, or each.
func (a *Aspect) sizes() placement.ScalingAspect {
	out := placement.ScalingAspect{ID: a.ID, MaxScaleLevel: int(a.MaxLevel)}
	steps := a.Steps
	switch {
	case len(steps) == 0:
		steps = slices.Sorted(maps.Keys(a.Deltas))
		steps = steps[:min(len(steps), 1)]
	case int64(len(steps)) != a.MaxLevel:
		steps = steps[:1]
	}
	for _, step := range steps {
		s := placement.ScalingStep{}
		for _, id := range slices.Sorted(maps.Keys(a.Deltas[step])) {
			s.Components = append(s.Components, placement.ComponentCount{ComponentID: id, Count: int(a.Deltas[step][id])})
		}
		out.Steps = append(out.Steps, s)
	}
	if len(out.Steps) == 0 {
		out.MaxScaleLevel = 0 // nothing says what it scales
	}
	return out
}

// Component returns the component with the id, or nil.
func (d *Draft) Component(id string) *Component {
	for i := range d.Components {
		if d.Components[i].ID == id {
			return &d.Components[i]
		}
	}
	return nil
}
