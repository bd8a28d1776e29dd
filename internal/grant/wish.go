package grant

import (
	"maps"
	"slices"

	"ringfence/internal/placement"
)

// joined combines what was asked of components at the instantiation with what a later request asks: the stronger of both, so
// that a wish for one component loosens neither it nor another one.
func joined(cat *placement.Catalogue, remembered, asked map[string]placement.ComponentAsk) map[string]placement.ComponentAsk {
	out := maps.Clone(remembered)
	if out == nil {
		return asked
	}
	for id, ask := range asked {
		before := out[id]
		if cat.Isolation(before.Runtime) < ask.Isolation {
			before.Runtime = "" // it is not enough any more
		}
		if _, known := cat.RuntimeClasses[ask.Runtime]; !known && ask.Runtime != "" {
			before.Runtime = "" // it shall not hide what nobody knows
		}
		out[id] = placement.ComponentAsk{Runtime: stronger(cat, ask.Runtime, before.Runtime), Isolation: max(before.Isolation, ask.Isolation)}
	}
	return out
}

// stronger is the runtime class that isolates more, the first one if they are alike; one that is not named does not count.
func stronger(cat *placement.Catalogue, a, b string) string {
	if a == "" || b != "" && cat.Isolation(b) > cat.Isolation(a) {
		return b
	}
	return a
}

// ask combines what the profile asks of a component with what the request asks: tighter, never looser.
func (b *builder) ask(c *placement.Component) (runtime string, floor placement.Isolation, err error) {
	ask := b.asks[c.ID]
	runtime, floor = c.Runtime, max(c.Isolation, ask.Isolation)
	asked := max(floor, b.cat.Isolation(c.Runtime))
	if ask.Runtime != "" && ask.Runtime != c.Runtime {
		if _, known := b.cat.RuntimeClasses[ask.Runtime]; known && b.cat.Isolation(ask.Runtime) < asked {
			return "", 0, placement.Errorf(placement.Invalid,
				"additionalParams.ringfence.components.%s.runtime: %s isolates at %s, but at least %s is asked; a request may tighten, never loosen",
				c.ID, ask.Runtime, b.cat.Isolation(ask.Runtime), asked)
		}
		return ask.Runtime, floor, nil
	}
	if runtime != "" && floor > b.cat.Isolation(runtime) {
		runtime = "" // the floor was raised above what the profile's runtime gives: any runtime that meets it
	}
	return runtime, floor, nil
}

// checkWishes refuses wishes for components that no profile of the request has: they would tighten nothing.
func (b *builder) checkWishes() {
	var profiles []placement.VNFProfile
	for _, id := range b.vnfdIDs() {
		profile, ok := b.cat.VNFProfiles[id]
		if !ok {
			return // it is refused, or not needed
		}
		profiles = append(profiles, profile)
	}
	var lacking []string
	for _, id := range slices.Sorted(maps.Keys(b.req.Components)) {
		if !slices.ContainsFunc(profiles, func(p placement.VNFProfile) bool { return p.Component(id) != nil }) {
			lacking = append(lacking, "component "+id+" of VNFD "+profiles[0].VNFDID+", named in additionalParams.ringfence.components")
		}
		runtime := b.req.Components[id].Runtime
		if _, ok := b.cat.RuntimeClasses[runtime]; !ok && runtime != "" && !b.refuses("runtime class "+runtime) {
			lacking = append(lacking, "runtime class "+runtime)
		}
	}
	b.refuse(lacking...)
}

// refuses tells whether a resource of the request mentions an object that nobody knows.
func (b *builder) refuses(object string) bool {
	return slices.ContainsFunc(b.demands, func(d placement.Demand) bool { return slices.ContainsFunc(d.Unknown, unknown(object).Equal) })
}

// vnfdIDs are the VNFDs that the request is about.
func (b *builder) vnfdIDs() []string {
	ids := []string{b.req.VNFDID}
	if b.req.DstVNFDID != "" {
		ids = append(ids, b.req.DstVNFDID)
	}
	for _, list := range [][]placement.ResourceDefinition{b.req.AddResources, b.req.TempResources} {
		for i := range list {
			if list[i].VNFDID != "" {
				ids = append(ids, list[i].VNFDID)
			}
		}
	}
	return ids
}
