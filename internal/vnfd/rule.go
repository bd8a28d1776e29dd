package vnfd

import (
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// readGroups takes the placement groups of the topology.
func (t *topology) readGroups() {
	known := func(name string) bool { return name == groupPlacement }
	for _, f := range t.root.get("groups").entries() {
		kind := f.value.get("type")
		if _, ok := t.types.base("group_types", kind.str(), known); !ok {
			t.warn(CodeUnknownType, f.place, "the group %s is of the type %s, which is derived from none that SOL001 has; it is not read", quote(f.name), quote(kind.str()))
			continue
		}
		t.groups[f.name] = f.value.get("members").strs()
	}
}

// policies are the policies of the topology with the type of SOL001 that each is; those of an unknown type are reported.
func (t *topology) policies(wanted ...string) []field {
	var out []field
	for _, f := range t.root.get("policies").entries() {
		if base := t.policyType(f); slices.Contains(wanted, base) {
			out = append(out, f)
		}
	}
	return out
}

func (t *topology) policyType(f field) string {
	known := func(name string) bool {
		return strings.HasPrefix(name, "tosca.policies.nfv.") && (placementPolicy(name) || slices.Contains(otherPolicies, name))
	}
	kind := f.value.get("type")
	base, ok := t.types.base("policy_types", kind.str(), known)
	if !ok {
		at := f.place
		if kind != nil {
			at = kind.place
		}
		t.warn(CodeUnknownType, at, "the policy %s is of the type %s, which is derived from none that SOL001 has; it is not read", quote(f.name), quote(kind.str()))
	}
	return base
}

func placementPolicy(name string) bool {
	switch name {
	case policyAffinity, policyAntiAffinity, policyLevels, policyVDULevels, policyAspects, policyDeltas, policyInitialDelta:
		return true
	}
	return false
}

// ruleScopes are the scopes of SOL001 as SOL003 has them.
var ruleScopes = map[string]placement.Scope{
	"nfvi_node": placement.ScopeNFVINode, "zone": placement.ScopeZone, "zone_group": placement.ScopeZoneGroup, "nfvi_pop": placement.ScopeNFVIPoP,
	"cis_node": placement.ScopeCISNode, "network_link_and_node": placement.ScopeNFVINode,
}

// rules takes the affinity and anti-affinity rules of the topology.
func (t *topology) rules(out *Draft, own []Component) {
	for _, f := range t.policies(policyAffinity, policyAntiAffinity) {
		scopeAt := f.value.get("properties", "scope")
		text := t.plain(scopeAt).str()
		scope, known := ruleScopes[text]
		switch {
		case text == "container_namespace":
			t.warn(CodeNotHeld, f.place, "the rule %s is about container namespaces, which are no places; it is left out", quote(f.name))
			continue
		case !known:
			t.fail(CodeForm, f.place, "the rule %s has the scope %s; SOL001 has nfvi_node, zone, zone_group, nfvi_pop, network_link_and_node, container_namespace and cis_node",
				quote(f.name), quote(text))
			continue
		case text == "network_link_and_node":
			t.warn(CodeNotHeld, scopeAt.place, "of the rule %s the part about nodes is held, the part about network links is not", quote(f.name))
		}
		r := placement.AffinityRule{ID: f.name, AntiAffinity: t.policyType(f) == policyAntiAffinity, Scope: scope, ComponentIDs: t.targets(f, own, out)}
		if len(r.ComponentIDs) == 0 {
			continue
		}
		have := slices.IndexFunc(out.AffinityRules, func(o placement.AffinityRule) bool { return o.ID == r.ID })
		if have < 0 {
			out.AffinityRules = append(out.AffinityRules, r)
			continue
		}
		if o := &out.AffinityRules[have]; o.AntiAffinity == r.AntiAffinity && o.Scope == r.Scope {
			o.ComponentIDs = append(o.ComponentIDs, r.ComponentIDs...)
		} else {
			t.fail(CodeFlavoursDiffer, f.place, "two flavours have a rule %s that says different things; give one of them another name", quote(f.name))
		}
	}
}

// targets are the components that a rule is about: VDUs, members of groups, and what MCIOPs deploy; with a deployable unit its
// containers, by which VNFMs may name it.
func (t *topology) targets(f field, own []Component, out *Draft) []string {
	var ids []string
	plain := 0
	add := func(name string) bool {
		i := slices.IndexFunc(own, func(c Component) bool { return c.ID == name })
		if i < 0 {
			return false
		}
		ids = append(ids, name)
		for j := range own {
			if slices.Contains(own[j].PartOf, name) {
				ids = append(ids, own[j].ID)
			}
		}
		return true
	}
	targets := f.value.get("targets")
	for _, target := range targets.list() {
		name := target.str()
		if members, is := t.groups[name]; is {
			for _, m := range members {
				if !add(m) && !t.expand(m, out, add) {
					t.otherTarget(m, target, f)
				}
			}
			continue
		}
		if plain++; !add(name) && !t.expand(name, out, add) {
			t.otherTarget(name, target, f)
		}
	}
	if plain > 1 && len(ids) > 1 {
		t.warn(CodeSeveralTargets, f.place, "the rule %s names %d targets without a placement group; it is taken as one rule over all of them", quote(f.name), plain)
	}
	if !targets.given() {
		t.warn(CodeMissing, f.place, "the rule %s has no targets; it says nothing", quote(f.name))
	}
	return ids
}

// expand adds what an MCIOP deploys.
func (t *topology) expand(name string, out *Draft, add func(string) bool) bool {
	for i := range out.MCIOPs {
		if out.MCIOPs[i].ID == name {
			for _, id := range out.MCIOPs[i].ComponentIDs {
				add(id)
			}
			return true
		}
	}
	return false
}

// otherTarget says that a target is not placed: a virtual link, or nothing at all.
func (t *topology) otherTarget(name string, at *value, f field) {
	if slices.ContainsFunc(t.nodes, func(n node) bool { return n.name == name }) {
		t.warn(CodeNotHeld, at.place, "the target %s of the rule %s is no VDU; for it the rule is not held", quote(name), quote(f.name))
		return
	}
	t.fail(CodeUnknownReference, at.place, "the rule %s has the target %s, which is no node and no group of the descriptor", quote(f.name), quote(name))
}
