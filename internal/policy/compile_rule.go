package policy

import (
	"strconv"
	"time"

	"ringfence/internal/placement"
)

// rule compiles one rule. What the document leaves out gets its default here: mode enforce, strength MUST,
// object the subject, scope HOST, onViolation REPORT.
func (c *compiler) rule(t *RuleText, policyID string, position int) *Rule {
	n := t.node
	r := &Rule{
		PolicyID: policyID, ID: t.ID, Position: position, At: n.Position, Kind: t.Kind,
		Audit:   n.get("mode").str() == "audit",
		Should:  n.get("strength").str() == "SHOULD",
		Subject: c.selector(n.get("subject"), pointer(t.Pointer, "subject")),
		Host:    c.hostSelector(n.get("host"), pointer(t.Pointer, "host")),
		Scope:   placement.Scope(n.get("scope").strOr(defaultScope(t.Kind))),
		Params:  c.params(t),
		Waiver:  c.waiver(n.get("waiver"), pointer(t.Pointer, "waiver")),
		Evict:   n.get("onViolation").str() == "EVICT",
		Message: n.get("message").str(), Rationale: t.Rationale,
	}
	r.Object = r.Subject
	if object := n.get("object"); object != nil {
		r.Object = c.selector(object, pointer(t.Pointer, "object"))
	}
	r.ExceptPairs = c.selectors(n.get("exceptPairs"), pointer(t.Pointer, "exceptPairs"))
	return r
}

// defaultScope is HOST, but for the kinds whose names say that they are about kernels, or CIS nodes.
func defaultScope(k Kind) string {
	switch k {
	case OneDomainPerKernel, SameSensitivity:
		return string(placement.ScopeKernel)
	case CoLocateInVM:
		return string(placement.ScopeCISNode)
	default:
		return string(placement.ScopeHost)
	}
}

func (c *compiler) selector(n *node, ptr string) Selector {
	s := Selector{
		TrustDomains: n.get("trustDomains").strs(), NFTypes: n.get("nfTypes").strs(), Components: n.get("components").strs(),
		Labels: labels(n.get("labels")), AnyOf: c.selectors(n.get("anyOf"), pointer(ptr, "anyOf")),
	}
	if categories := n.get("categories"); categories != nil {
		s.Categories = []placement.Category{}
		for _, name := range categories.strs() {
			s.Categories = append(s.Categories, placement.Category(name))
		}
	}
	if roles := n.get("roles"); roles != nil {
		s.HasRoles = true
		s.Roles = c.roles(roles, pointer(ptr, "roles"))
	}
	if from := n.get("sensitivityFrom"); from != nil {
		s.HasSensitivity = true
		s.SensitivityFrom = c.integer(from, pointer(ptr, "sensitivityFrom"))
	}
	return s
}

// selectors compiles a list of selectors: nil when it is absent, empty when it is an empty list.
func (c *compiler) selectors(n *node, ptr string) []Selector {
	if n == nil {
		return nil
	}
	out := make([]Selector, 0, len(n.items))
	for i, item := range n.items {
		out = append(out, c.selector(item, pointer(ptr, strconv.Itoa(i))))
	}
	return out
}

func (c *compiler) hostSelector(n *node, ptr string) HostSelector {
	s := HostSelector{
		Pools: n.get("pools").strs(), Zones: n.get("zones").strs(), Countries: n.get("countries").strs(), Labels: labels(n.get("labels")),
		NotLabels: labels(n.get("notLabels")),
	}
	if capabilities := n.get("capabilities"); capabilities != nil {
		s.HasCapabilities = true
		s.Capabilities = c.capabilities(capabilities, pointer(ptr, "capabilities"))
	}
	return s
}

func labels(n *node) map[string]string {
	if n == nil {
		return nil
	}
	out := make(map[string]string, len(n.fields))
	for _, f := range n.fields {
		out[f.name] = f.value.str()
	}
	return out
}

func (c *compiler) waiver(n *node, ptr string) *Waiver {
	if n == nil {
		return nil
	}
	return &Waiver{
		MinSeparation:     c.isolation(n.get("minSeparation"), pointer(ptr, "minSeparation")),
		RequireHypervisor: placement.HypervisorClass(n.get("requireHypervisor").str()), NeverForExclusive: n.get("neverForExclusive").isTrue(),
	}
}

// exception adds an exception to its rule.
func (c *compiler) exception(t *ExceptionText, p *Policy) {
	n := t.node
	expires := n.get("expiresAt")
	at, err := time.Parse(time.RFC3339, expires.str())
	c.must(expires, pointer(t.Pointer, "expiresAt"), err)
	for _, r := range p.Rules {
		if r.ID == t.RuleID {
			r.Exceptions = append(r.Exceptions, Exception{
				Hosts: n.get("hosts").strs(), VNFInstances: n.get("vnfInstances").strs(), ExpiresAt: at.UTC(),
				ApprovedBy: n.get("approvedBy").str(), Ticket: n.get("ticket").str(), BreakGlass: n.get("breakGlass").str(),
			})
		}
	}
}
