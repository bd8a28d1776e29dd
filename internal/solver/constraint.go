package solver

import (
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// constraint is one placement or VIM constraint of a request.
type constraint struct {
	id         string
	anti       bool
	soft       bool // fallbackBestEffort: scores, never refuses
	scope      placement.Scope
	vim        bool
	groups     placement.ResourceGroups // of a VIM constraint that wants one resource group as well; nil: it does not
	members    map[string]bool          // resource definitions of the request
	existing   []where
	unresolved []string // existing resources that nobody knows
	units      []string // fixed to these units of the scope, whoever else is where; nil: together or apart
	fromOthers bool     // the members of the request are not compared with each other

	zones map[string]placement.ResourceZone
}

// supportedScopes are the scopes of placement constraints that hold hosts or nodes together or apart.
func supportedScope(s placement.Scope) bool {
	switch s {
	case placement.ScopeNFVINode, placement.ScopeCISNode, placement.ScopeZone, placement.ScopeZoneGroup, placement.ScopeNFVIPoP, placement.ScopeContainerNamespace:
		return true
	default:
		return false
	}
}

// resolver finds the existing resources that have an id that a constraint names.
type resolver func(resourceID string) []placement.ExistingResource

func newConstraints(cat *placement.Catalogue, resolve resolver, in *placement.Inputs) []constraint {
	gone := map[string]bool{}
	for _, id := range in.Superseded {
		gone[id] = true
	}
	var out []constraint
	for n := range in.Request.PlacementConstraints {
		pc := &in.Request.PlacementConstraints[n]
		c := constraint{id: pc.RuleID(n), anti: pc.AntiAffinity, soft: pc.FallbackBestEffort, scope: pc.Scope, units: pc.UnitIDs, fromOthers: pc.FromOthers, zones: cat.ResourceZones}
		c.addMembers(in, pc.Resources, resolve, gone)
		out = append(out, c)
	}
	for n := range in.Request.VIMConstraints {
		vc := &in.Request.VIMConstraints[n]
		c := constraint{id: placement.RuleVIM(n), vim: true}
		if vc.SameResourceGroup {
			c.groups = in.ResourceGroups
		}
		c.addMembers(in, vc.Resources, resolve, gone)
		out = append(out, c)
	}
	return out
}

func (c *constraint) addMembers(in *placement.Inputs, refs []placement.ConstraintResourceRef, resolve resolver, gone map[string]bool) {
	c.members = map[string]bool{}
	for _, ref := range refs {
		if !ref.Existing {
			c.members[ref.ResourceID] = true
			continue
		}
		e := ref.Find(resolve(ref.ResourceID), in.Request.VNFInstanceID)
		switch {
		case e == nil:
			c.unresolved = append(c.unresolved, ref.ResourceID)
		case !gone[e.ResidencyID]:
			h := &placement.Host{ID: e.HostID, NFVIPoPID: e.NFVIPoPID, ResourceZoneID: e.ResourceZoneID, RackID: e.RackID, VIMConnectionID: e.VIMConnectionID}
			c.existing = append(c.existing, where{h, e.CISNodeID, owner{e.TrustDomainID, e.VNFInstanceID}})
		}
	}
}

// unit names where something is, in the scope of the constraint; "" when that is not known.
func (c *constraint) unit(at where) string {
	switch {
	case c.vim && at.host.VIMConnectionID != "" && c.groups != nil:
		return at.host.VIMConnectionID + "\x00" + c.groups.Of(at.host.VIMConnectionID, at.trustDomainID)
	case c.vim:
		return at.host.VIMConnectionID
	case c.scope == placement.ScopeZoneGroup:
		return strings.Join(c.zones[at.host.ResourceZoneID].ZoneGroupIDs, " ")
	case c.scope == placement.ScopeContainerNamespace:
		return at.trustDomainID + "\x00" + at.vnfInstanceID // each has one, and no two have the same
	}
	return unitOf(c.scope, at.host, at.node)
}

// where is a place that a member of a constraint has taken, or may take.
type where struct {
	host *placement.Host
	node string
	owner
}

// owner is what the container namespace of a workload, and its resource group, depend on.
type owner struct {
	trustDomainID string
	vnfInstanceID string
}

func ownerOf(w *placement.Workload) owner { return owner{w.TrustDomainID, w.NF.VNFInstanceID} }

// violated tells whether placing one more member breaks the constraint, given where the others are. Where a unit is
// not known, nobody can say that the two are together, or that they are apart.
func (c *constraint) violated(at where, others []where) bool {
	if !c.vim && !supportedScope(c.scope) {
		return true
	}
	if c.units != nil {
		return !c.allows(at.host)
	}
	if c.scope == placement.ScopeZoneGroup {
		return c.violatedInGroups(at.host, others)
	}
	own := c.unit(at)
	for _, o := range others {
		other := c.unit(o)
		if own == "" || other == "" || (own == other) == c.anti {
			return true
		}
	}
	return false
}

// allows tells whether a host is in one of the units that the constraint is fixed to.
func (c *constraint) allows(h *placement.Host) bool {
	if c.scope == placement.ScopeZoneGroup {
		return len(sharedBy(c.zones[h.ResourceZoneID].ZoneGroupIDs, c.units)) > 0
	}
	return slices.Contains(c.units, unitOf(c.scope, h, ""))
}

// violatedInGroups is violated for zone groups, of which a zone may be in several: together means that one group has all of them,
// apart that no group has two.
func (c *constraint) violatedInGroups(h *placement.Host, others []where) bool {
	own := c.zones[h.ResourceZoneID].ZoneGroupIDs
	common := own
	for _, o := range others {
		theirs := c.zones[o.host.ResourceZoneID].ZoneGroupIDs
		if len(own) == 0 || len(theirs) == 0 {
			return true
		}
		shared := sharedBy(own, theirs)
		if c.anti && len(shared) > 0 {
			return true
		}
		common = sharedBy(common, theirs)
	}
	return !c.anti && len(others) > 0 && len(common) == 0
}

func sharedBy(a, b []string) (out []string) {
	for _, id := range a {
		if slices.Contains(b, id) {
			out = append(out, id)
		}
	}
	return out
}

func (c *constraint) reason(h *placement.Host, nodeID string) placement.Reason {
	params := map[string]string{"host": h.ID}
	switch {
	case c.vim && c.groups != nil:
		params["wanted"] = "the same VIM connection and resource group"
	case c.vim:
		params["wanted"] = "the same VIM connection"
	case !supportedScope(c.scope):
		params["wanted"] = "scope " + string(c.scope) + ", which this version does not support for hard constraints"
	case c.units != nil:
		params["wanted"] = string(c.scope) + " " + strings.Join(c.units, " or ")
	case c.scope == placement.ScopeContainerNamespace && c.anti:
		params["wanted"] = "another " + string(c.scope) + ", of which a VNF instance has one for each of its trust domains"
	case c.scope == placement.ScopeContainerNamespace:
		params["wanted"] = "the same " + string(c.scope) + ", of which a VNF instance has one for each of its trust domains"
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
