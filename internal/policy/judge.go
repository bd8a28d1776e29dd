package policy

import (
	"slices"
	"strings"

	"ringfence/internal/placement"
)

// Verdict is the judgement of one candidate on one host.
type Verdict struct {
	Feasible  bool
	CISNodeID string // where it may run, or the node whose reasons are reported
	Runtime   string
	Isolation placement.Isolation // towards the host
	Cache     []placement.CacheChoice
	Dedicate  *placement.Dedication
	Claims    []placement.Claim
	Reasons   []placement.Reason // all of them, in the order of rules; none if feasible
	Warnings  []placement.Reason // of rules in audit mode and SHOULD rules
}

// Constraints gives the reasons of the request's own constraints against a node of a host; they stand between
// the rules and CACHE-DEFAULT.
type Constraints func(h *placement.Host, nodeID string) []placement.Reason

// Judge judges the candidate on a host: its own kernel, where it offers runtimes, and each of its CIS nodes
// apart. The host is feasible if one of them is; otherwise it carries the reasons of the one with the fewest,
// ties by node id.
func (c *Candidate) Judge(f placement.HostFacts, constraints Constraints) Verdict {
	var best Verdict
	for i, nodeID := range Sites(f.Host) {
		v := c.judgeSite(&site{HostFacts: f, node: nodeID}, constraints)
		if i == 0 || better(&v, &best) {
			best = v
		}
	}
	return best
}

// JudgeSite judges the candidate on one site of a host: a CIS node, or its own kernel for an empty id. A node
// that the host does not have is refused.
func (c *Candidate) JudgeSite(f placement.HostFacts, nodeID string, constraints Constraints) Verdict {
	if nodeID != "" && f.Host.Node(nodeID) == nil {
		return Verdict{CISNodeID: nodeID, Reasons: []placement.Reason{{
			RuleID: placement.RuleUnknown, Check: placement.RuleUnknown, Params: failed("host", f.Host.ID, "object", "CIS node "+nodeID),
		}}}
	}
	return c.judgeSite(&site{HostFacts: f, node: nodeID}, constraints)
}

// better prefers a feasible site with less isolation, and of infeasible ones the one with fewer reasons. The
// sites come in ascending order of their ids, so that ties stay with the first.
func better(v, best *Verdict) bool {
	if v.Feasible != best.Feasible {
		return v.Feasible
	}
	if v.Feasible {
		return v.Isolation < best.Isolation
	}
	return len(v.Reasons) < len(best.Reasons)
}

// Sites lists what of a host is judged apart: its own kernel (id ""), and its CIS nodes.
func Sites(h *placement.Host) []string {
	var out []string
	if len(h.Runtimes) > 0 || len(h.CISNodes) == 0 {
		out = append(out, "")
	}
	for i := range h.CISNodes {
		out = append(out, h.CISNodes[i].ID)
	}
	return out
}

// site is one kernel of a host together with the candidate's way to run there.
type site struct {
	placement.HostFacts
	node      string
	runtime   placement.RuntimeClass // its isolation is what it counts here
	offered   bool
	eff       placement.Isolation
	dedicate  *placement.Dedication
	demotedBy *Rule // that counts the runtime as less than its class; nil: none
}

func (s *site) runtimes() []string {
	if n := s.Host.Node(s.node); n != nil {
		return n.Runtimes
	}
	return s.Host.Runtimes
}

func (c *Candidate) judgeSite(s *site, constraints Constraints) Verdict {
	c.chooseRuntime(s)
	v := Verdict{CISNodeID: s.node, Runtime: s.runtime.Name, Isolation: s.eff}
	add := func(rs ...placement.Reason) { v.Reasons = append(v.Reasons, rs...) }
	add(c.lifecycle(s)...)
	cache := c.chooseCache(s)
	c.raiseShared(s, &cache)
	for i := range c.rules {
		r := &c.rules[i]
		if !r.Host.matches(c.world.Catalogue, s.Host) {
			continue
		}
		rs := c.judgeRule(r, s, &cache)
		if r.Enforced() {
			if r.Kind == AttestationFreshness && len(rs) > 0 && quarantinedByAttestation(s.Host) {
				v.Reasons = slices.DeleteFunc(v.Reasons, isLifecycle)
			}
			add(rs...)
		} else {
			v.Warnings = append(v.Warnings, rs...)
		}
	}
	add(c.isolated(s)...)
	add(c.dedicated(s)...)
	add(c.capacity(s)...)
	if constraints != nil {
		add(constraints(s.Host, s.node)...)
	}
	add(cache.defaultReasons()...)
	v.Feasible = len(v.Reasons) == 0
	if v.Feasible {
		v.Cache, v.Dedicate, v.Claims = cache.choices, s.dedicate, c.claims(s)
	}
	return v
}

func quarantinedByAttestation(h *placement.Host) bool {
	return h.Lifecycle == placement.LifecycleQuarantined && h.LifecycleReason == QuarantinedByAttestation
}

func isLifecycle(r placement.Reason) bool { return r.RuleID == placement.RuleLifecycle }

// chooseRuntime takes the least isolation that here meets what is asked and every require-isolation rule, and the
// next higher only where that is not offered. Where none is offered, the least one is judged.
func (c *Candidate) chooseRuntime(s *site) {
	first, needed := true, max(c.least, c.requiredOn(s.Host))
	for _, rc := range c.classes {
		rc, by := c.onHost(rc, s.Host)
		if c.Workload.Runtime == "" && pathStrength(s.Host, rc.Isolation, s.node, nil) < needed {
			continue
		}
		offered := slices.Contains(s.runtimes(), rc.Name)
		if first || offered {
			s.runtime, s.offered, s.demotedBy = rc, offered, by
		}
		first = false
		if offered {
			break
		}
	}
	if first && len(c.classes) > 0 { // no class meets the rules here: judge the strongest, so that the rules say why
		s.runtime, s.demotedBy = c.onHost(c.classes[len(c.classes)-1], s.Host)
		s.offered = slices.Contains(s.runtimes(), s.runtime.Name)
	}
	s.eff = strength(s.Host, &c.Workload, s.runtime.Isolation, s.node, nil)
}

func (c *Candidate) levels() Levels { return Levels{c.world.Catalogue, c.world.Set} }

// onHost returns a runtime class with the isolation that it counts for the candidate on a host, and the rule that demoted it.
func (c *Candidate) onHost(rc placement.RuntimeClass, h *placement.Host) (placement.RuntimeClass, *Rule) {
	if len(c.world.Set.demotions) == 0 {
		return rc, nil
	}
	w := c.Workload
	w.Runtime = rc.Name
	var by *Rule
	rc.Isolation, by = c.levels().demoted(h, &w)
	return rc, by
}

// requiredOn is the least isolation that the require-isolation rules in force ask of the candidate on a host.
func (c *Candidate) requiredOn(h *placement.Host) placement.Isolation {
	required := placement.IsolationNone
	for i := range c.rules {
		r := &c.rules[i]
		if r.Kind == RequireIsolation && r.Enforced() && r.Host.matches(c.world.Catalogue, h) {
			required = max(required, r.Params.Level)
		}
	}
	return required
}

// judgeRule judges one rule; each kind has its own function.
func (c *Candidate) judgeRule(r *appliedRule, s *site, cache *cacheVerdict) []placement.Reason {
	if r.pairwise() {
		return c.judgePairs(r, s)
	}
	if !r.subject && !r.object || r.excepted(c, s.Host, nil) {
		return nil
	}
	var params map[string]string
	switch r.Kind {
	case DomainPermit:
		params = c.domainPermit(s)
	case RuntimeOffered:
		params = c.runtimeOffered(s)
	case OneDomainPerKernel:
		params = c.oneDomainPerKernel(s)
	case RequireIsolation:
		params = c.requireIsolation(r.Rule, s)
	case ForbidCutThrough, ForbidPrivileged:
		params = c.forbid(r.Rule, s)
	case DedicateHost:
		params = c.dedicateHost(r.Rule, s)
	case RequireCapability:
		params = c.requireCapability(r.Rule, s)
	case Location:
		params = c.location(r.Rule, s)
	case PhysicalSecurity:
		params = c.physicalSecurity(r.Rule, s)
	case AttestationFreshness:
		params = c.attestation(r.Rule, s)
	case Oversight:
		params = c.oversight(r.Rule, s)
	case DemoteIsolation:
		params = c.demoteIsolation(r.Rule, s)
	case ForbidAcceleration:
		params = c.forbidAcceleration(r.Rule, s)
	case SignedArtefact:
		params = c.signedArtefacts(r.Rule)
	case SameSensitivity:
		params = c.sameSensitivity(r.Rule, s)
	case BorderHandling:
		params = c.borderHandling(r.Rule, s)
	case MaxAgeSinceReimage:
		params = c.reimaged(r.Rule, s)
	case MaxBlastRadius:
		params = c.blastRadius(r.Rule, s)
	case ScrubBeforeReuse:
		params = c.scrub(r.Rule, s)
	case CoLocateInVM:
		params = c.coLocateInVM(r, s)
	case CacheMode:
		params = c.cacheMode(r.Rule, s, cache)
	default:
		params = failed("kind", string(r.Kind))
	}
	if params == nil {
		return nil
	}
	return []placement.Reason{r.reason(s, params)}
}

// reason makes a reason of the rule; every reason names the host.
func (r *Rule) reason(s *site, params map[string]string) placement.Reason {
	check := string(r.Kind)
	if r.Params.Check != "" {
		check += " " + r.Params.Check
	}
	params["host"] = s.Host.ID
	if s.node != "" {
		params["cisNode"] = s.node
	}
	if r.Message != "" {
		params["message"] = r.Message
	}
	return placement.Reason{PolicyID: r.PolicyID, RuleID: r.ID, Check: check, Params: params}
}

// failed builds the parameters of a reason from pairs; a rule that holds returns nil instead.
func failed(pairs ...string) map[string]string {
	m := make(map[string]string, len(pairs)/2+2)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func joined(list []string) string { return strings.Join(list, ", ") }
