package vnfd

import (
	"slices"
)

// flavour reads the sizes of a deployment flavour.
func (t *topology) flavour(own []Component) Flavour {
	f := Flavour{}
	f.ID, f.Description = t.flavourID()
	for i := range own {
		f.ComponentIDs = append(f.ComponentIDs, own[i].ID)
	}
	for _, p := range t.root.get("policies").entries() {
		t.policyType(p) // an unknown one is reported even if nothing else asks for it
	}
	t.levels(&f)
	t.aspects(&f)
	return f
}

// levels reads the instantiation levels, and how many instances each has of each VDU.
func (t *topology) levels(f *Flavour) {
	for _, p := range t.policies(policyLevels) {
		props := p.value.get("properties")
		for _, l := range props.get("levels").entries() {
			level := Level{ID: l.name, Instances: map[string]int64{}, Scale: map[string]int64{}}
			for _, aspect := range l.value.get("scale_info").entries() {
				if n, ok := t.count(aspect.value.get("scale_level"), "scale_level"); ok {
					level.Scale[aspect.name] = n
				}
			}
			f.Levels = append(f.Levels, level)
		}
		if d := t.plain(props.get("default_level")); d.given() {
			f.DefaultLevel = d.str()
		}
		if f.DefaultLevel == "" && len(f.Levels) == 1 {
			f.DefaultLevel = f.Levels[0].ID
		}
		if f.DefaultLevel != "" && f.level(f.DefaultLevel) == nil {
			t.fail(CodeUnknownReference, p.place, "the default level %s is none of the levels", quote(f.DefaultLevel))
		}
	}
	for _, p := range t.policies(policyVDULevels) {
		for _, l := range p.value.get("properties", "levels").entries() {
			n, ok := t.count(l.value.get("number_of_instances"), "number_of_instances")
			level := f.level(l.name)
			if level == nil {
				t.fail(CodeUnknownReference, l.place, "%s is none of the instantiation levels", quote(l.name))
				continue
			}
			for _, target := range t.scaled(p, f) {
				if ok {
					level.Instances[target] = n
				}
			}
		}
	}
}

func (f *Flavour) level(id string) *Level {
	for i := range f.Levels {
		if f.Levels[i].ID == id {
			return &f.Levels[i]
		}
	}
	return nil
}

// scaled are the VDUs that a policy about sizes is about.
func (t *topology) scaled(p field, f *Flavour) []string {
	var out []string
	for _, target := range p.value.get("targets").list() {
		if name := target.str(); slices.Contains(f.ComponentIDs, name) {
			out = append(out, name)
		} else {
			t.fail(CodeUnknownReference, target.place, "the policy %s has the target %s, which is no VDU of the flavour", quote(p.name), quote(name))
		}
	}
	return out
}

// aspects reads the scaling aspects, their deltas, and where they begin.
func (t *topology) aspects(f *Flavour) {
	for _, p := range t.policies(policyAspects) {
		for _, a := range p.value.get("properties", "aspects").entries() {
			aspect := Aspect{ID: a.name, Name: t.plain(a.value.get("name")).str(), Steps: a.value.get("step_deltas").strs(), Deltas: map[string]map[string]int64{}}
			aspect.MaxLevel, _ = t.count(a.value.get("max_scale_level"), "max_scale_level")
			f.Aspects = append(f.Aspects, aspect)
		}
	}
	for _, p := range t.policies(policyDeltas) {
		name := t.plain(p.value.get("properties", "aspect")).str()
		i := slices.IndexFunc(f.Aspects, func(a Aspect) bool { return a.ID == name })
		if i < 0 {
			t.fail(CodeUnknownReference, p.place, "the policy %s is about the aspect %s, which is none of the scaling aspects", quote(p.name), quote(name))
			continue
		}
		for _, d := range p.value.get("properties", "deltas").entries() {
			n, ok := t.count(d.value.get("number_of_instances"), "number_of_instances")
			for _, target := range t.scaled(p, f) {
				if !ok {
					continue
				}
				if f.Aspects[i].Deltas[d.name] == nil {
					f.Aspects[i].Deltas[d.name] = map[string]int64{}
				}
				f.Aspects[i].Deltas[d.name][target] = n
			}
		}
	}
	for _, p := range t.policies(policyInitialDelta) {
		n, ok := t.count(p.value.get("properties", "initial_delta", "number_of_instances"), "number_of_instances")
		for _, target := range t.scaled(p, f) {
			if ok {
				if f.Initial == nil {
					f.Initial = map[string]int64{}
				}
				f.Initial[target] = n
			}
		}
	}
	t.checkSteps(f)
}

// checkSteps holds the steps of aspects against the deltas that they name.
func (t *topology) checkSteps(f *Flavour) {
	for i := range f.Aspects {
		a := &f.Aspects[i]
		if len(a.Steps) > 1 && int64(len(a.Steps)) != a.MaxLevel {
			t.warn(CodeForm, t.root.place, "the aspect %s has %d steps and a maximum scale level of %d; one step for all, or one for each, is expected", quote(a.ID), len(a.Steps), a.MaxLevel)
		}
		for _, step := range a.Steps {
			if len(a.Deltas) > 0 && a.Deltas[step] == nil {
				t.fail(CodeUnknownReference, t.root.place, "the aspect %s has the step %s, for which no VDU has a delta", quote(a.ID), quote(step))
			}
		}
	}
}
