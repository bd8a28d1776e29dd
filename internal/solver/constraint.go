package solver

import (
	"ringfence/internal/placement"
)

// constraint is one placement or VIM constraint of a request.
type constraint struct {
	id         string
	anti       bool
	soft       bool // fallbackBestEffort: scores, never refuses
	scope      placement.Scope
	vim        bool
	members    map[string]bool // resource definitions of the request
	existing   []*placement.Residency
	unresolved []string // existing resources that nobody knows
}

// supportedScopes are the scopes of placement constraints that hold hosts or nodes together or apart.
func supportedScope(s placement.Scope) bool {
	switch s {
	case placement.ScopeNFVINode, placement.ScopeCISNode, placement.ScopeZone, placement.ScopeNFVIPoP:
		return true
	default:
		return false
	}
}

func newConstraints(resolve func(string) *placement.Residency, in *placement.Inputs) []constraint {
	gone := map[string]bool{}
	for _, id := range in.Superseded {
		gone[id] = true
	}
	var out []constraint
	for n := range in.Request.PlacementConstraints {
		pc := &in.Request.PlacementConstraints[n]
		c := constraint{id: placement.RuleConstraint(n), anti: pc.AntiAffinity, soft: pc.FallbackBestEffort, scope: pc.Scope}
		c.addMembers(pc.Resources, resolve, gone)
		out = append(out, c)
	}
	for n := range in.Request.VIMConstraints {
		c := constraint{id: placement.RuleVIM(n), vim: true}
		c.addMembers(in.Request.VIMConstraints[n].Resources, resolve, gone)
		out = append(out, c)
	}
	return out
}

func (c *constraint) addMembers(refs []placement.ConstraintResourceRef, resolve func(string) *placement.Residency, gone map[string]bool) {
	c.members = map[string]bool{}
	for _, ref := range refs {
		if !ref.Existing {
			c.members[ref.ResourceID] = true
			continue
		}
		r := resolve(ref.ResourceID)
		switch {
		case r == nil:
			c.unresolved = append(c.unresolved, ref.ResourceID)
		case !gone[r.ID]:
			c.existing = append(c.existing, r)
		}
	}
}

// unit names where something is, in the scope of the constraint; "" when that is not known.
func (c *constraint) unit(h *placement.Host, nodeID string) string {
	if c.vim {
		return h.VIMConnectionID
	}
	return unitOf(c.scope, h, nodeID)
}

// where is a place that a member of a constraint has taken.
type where struct {
	host *placement.Host
	node string
}

// violated tells whether placing one more member in a node breaks the constraint, given where the others are.
func (c *constraint) violated(h *placement.Host, nodeID string, others []where) bool {
	if !c.vim && !supportedScope(c.scope) {
		return true
	}
	own := c.unit(h, nodeID)
	for _, o := range others {
		same := own != "" && c.unit(o.host, o.node) == own
		if same == c.anti {
			return true
		}
	}
	return false
}

// reasons judges every hard constraint of a member against a node of a host.
func (p *problem) reasons(m *member, placed map[int][]where) func(*placement.Host, string) []placement.Reason {
	if len(m.constraints) == 0 {
		return nil
	}
	return func(h *placement.Host, nodeID string) []placement.Reason {
		var out []placement.Reason
		for _, n := range m.constraints {
			c := &p.limits[n]
			if !c.soft && c.violated(h, nodeID, p.others(n, placed)) {
				out = append(out, c.reason(h, nodeID))
			}
		}
		return out
	}
}

// others is where the other members of a constraint are: existing ones, and those placed so far.
func (p *problem) others(n int, placed map[int][]where) []where {
	var out []where
	for _, r := range p.limits[n].existing {
		if slot, ok := p.view.Slot(r.HostID); ok {
			out = append(out, where{p.view.Host(slot), r.CISNodeID})
		}
	}
	return append(out, placed[n]...)
}

func (c *constraint) reason(h *placement.Host, nodeID string) placement.Reason {
	params := map[string]string{"host": h.ID}
	switch {
	case c.vim:
		params["wanted"] = "the same VIM connection"
	case !supportedScope(c.scope):
		params["wanted"] = "scope " + string(c.scope) + ", which this version does not support for hard constraints"
	case c.anti:
		params["wanted"] = "another " + string(c.scope)
	default:
		params["wanted"] = "the same " + string(c.scope)
	}
	if nodeID != "" {
		params["cisNode"] = nodeID
	}
	return placement.Reason{RuleID: c.id, Check: c.id, Params: params}
}

// softCost counts how far a place is from the soft constraints of a member: soft anti-affinity spreads as well
// as possible, soft affinity uses as few units as possible (SOL003, fallbackBestEffort).
func (p *problem) softCost(m *member, h *placement.Host, placed map[int][]where) int {
	cost := 0
	for _, n := range m.constraints {
		c := &p.limits[n]
		if !c.soft || !c.vim && !supportedScope(c.scope) {
			continue
		}
		own := c.unit(h, "")
		for _, o := range p.others(n, placed) {
			if (c.unit(o.host, "") == own) == c.anti {
				cost++
			}
		}
	}
	return cost
}
