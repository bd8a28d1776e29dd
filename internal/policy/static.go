package policy

import (
	"fmt"
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// Static judges what the record of a host alone says, for bitmaps: no residents, no clock, no capacity. It
// never rejects a host that Judge accepts. The isolation is that of the best site, for scores.
func (c *Candidate) Static(h *placement.Host) (ok bool, isolation placement.Isolation) {
	if len(h.CISNodes) > 0 || h.DedicatedTo != nil { // judged exactly
		return h.Lifecycle == placement.LifecycleInService, placement.IsolationOSContainer
	}
	s := &site{HostFacts: placement.HostFacts{Host: h}}
	c.chooseRuntime(s)
	if len(c.lifecycle(s)) > 0 {
		return false, 0
	}
	cache := c.chooseCache(s)
	for i := range c.rules {
		r := &c.rules[i]
		if r.Enforced() && r.Kind.static(r.Params.Check) && r.Host.matches(c.world.Catalogue, h) && len(r.Exceptions) == 0 &&
			len(c.judgeRule(r, s, &cache)) > 0 {
			return false, 0
		}
	}
	return len(cache.defaultReasons()) == 0 && len(c.isolated(s)) == 0, s.eff
}

// static tells whether rules of the kind depend on nothing but the candidate and the host's record. With an
// empty host, require-isolation and border-handling are at their most permissive where a dedicated host would do, prod-test looks
// at the pool alone, and co-locate-in-vm at whether there is a CIS-node VM at all.
func (k Kind) static(check string) bool {
	switch k {
	case DomainPermit, RuntimeOffered, RequireIsolation, ForbidCutThrough, ForbidPrivileged, RequireCapability, PhysicalSecurity,
		ScrubBeforeReuse, CacheMode, BorderHandling, ProdTest, SignedArtefact, ForbidAcceleration, CoLocateInVM:
		return true
	case AttestationFreshness:
		return check == CheckState
	case Oversight:
		return check != CheckSeparate
	default:
		return false
	}
}

// Signature names everything of the candidate that Static depends on beside the catalogue and the policies.
func (c *Candidate) Signature() string {
	w := &c.Workload
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %q %d %t %t %d %d %q %q %d %t", w.TrustDomainID, w.ComponentID, w.NF.Type, w.Runtime, w.Roles, w.Exposed,
		w.ProtectedPeer, w.CutThrough, w.Privileged, w.Images, w.AdministersHostPools, c.least, w.UndeclaredPeers)
	for _, k := range sortedKeys(w.Labels) {
		fmt.Fprintf(&b, " %q=%q", k, w.Labels[k])
	}
	perNF := false
	for i := range c.rules {
		perNF = perNF || c.rules[i].Params.PerNF
	}
	if perNF || slices.ContainsFunc(c.world.Set.Policies, func(p *Policy) bool { return len(p.Associations) > 0 }) {
		fmt.Fprintf(&b, " %q", w.NF.Instance())
	}
	return b.String()
}

// Everywhere lists the rules that concern the candidate on every host and, where they look at pairs, against every resident: in
// force, without exceptions, and with nothing excepted that the candidate is a side of.
func (c *Candidate) Everywhere() []*Rule {
	var out []*Rule
	for i := range c.rules {
		if c.rules[i].everywhere(c) {
			out = append(out, c.rules[i].Rule)
		}
	}
	return out
}

func (r *appliedRule) everywhere(c *Candidate) bool {
	if r.only != nil || !r.Enforced() || !r.Host.all() || len(r.Exceptions) > 0 {
		return false
	}
	if !r.pairwise() {
		return r.subject
	}
	for i := range r.ExceptPairs {
		if r.ExceptPairs[i].matches(c.world.Catalogue, &c.Workload, c.Workload.Roles) {
			return false
		}
	}
	return r.subject && r.Object.all() || r.object && r.Subject.all()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
