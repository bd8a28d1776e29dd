package policy

import (
	"slices"
	"time"

	"ringfence/internal/placement"
)

// World is what a judgement reads beside the host: the catalogue, the policies, the time and the settings.
type World struct {
	Catalogue         *placement.Catalogue
	Set               *Set
	Now               time.Time
	HostMappingMaxAge time.Duration // a CIS-node VM whose host was seen longer ago has an unknown host; 0: no limit
	CacheOnly         bool          // the question is about a cache: whether the workload would be isolated well enough is not asked
	PrePull           bool          // artefacts come before their workload, which those of GUEST_ONLY and NO_STORE never do
}

// Replicas counts the replicas of the candidate's component, for rules and constraints that span hosts.
type Replicas struct {
	Existing  int                                                // in the whole fleet
	Requested int                                                // in this request, the candidate included
	In        func(scope placement.Scope, h *placement.Host) int // existing ones in the host's unit of the scope

	// Siblings are the workloads of the candidate's NF instance on other hosts, this request's included, for rules that hold a
	// network function together; without such a rule there need be none. Those of the host that is judged are its residents.
	Siblings []*placement.Residency
}

// Candidate is one demand, prepared for judging on many hosts.
type Candidate struct {
	Workload placement.Workload
	Floor    placement.Isolation // the isolation asked
	Replicas Replicas

	world    *World
	domain   placement.TrustDomain
	rules    []appliedRule
	classes  []placement.RuntimeClass // that meet what is asked, weakest first, ties by name
	required placement.Isolation      // of the require-isolation rules in force
	least    placement.Isolation      // asked by the request, the component or the trust domain; no rule lifts it
}

// appliedRule is a rule together with what is already known of the candidate.
type appliedRule struct {
	*Rule
	subject bool     // the candidate matches the subject
	object  bool     // the candidate matches the object (pairwise kinds), or may be kept out by the rule (co-locate-in-vm)
	only    []string // the VNF instances that the other side of a pair must be of; nil: any
	about   []string // the VNF instances that the policy is associated with; empty: all
}

// Prepare picks the rules that concern the workload: those of the policies that apply to its VNF instance, and of the others
// those that keep it apart from the VNF instances that they apply to. Its trust domain must be in the catalogue.
func Prepare(w *World, workload placement.Workload, floor placement.Isolation, replicas Replicas) *Candidate {
	c := &Candidate{Workload: workload, Floor: floor, Replicas: replicas, world: w, domain: w.Catalogue.TrustDomains[workload.TrustDomainID]}
	c.least = max(floor, c.domain.MinIsolation)
	for _, p := range w.Set.Policies {
		var only []string
		if !p.appliesTo(workload.NF.VNFInstanceID) {
			only = p.Associations
		}
		for _, r := range p.Rules {
			if only != nil && !r.protects() {
				continue
			}
			if a := c.apply(r); a.subject || a.object {
				a.only, a.about, a.subject = only, p.Associations, a.subject && (only == nil || r.pairwise())
				c.rules = append(c.rules, a)
			}
		}
	}
	c.classes, c.required = c.acceptableClasses()
	return c
}

func (c *Candidate) apply(r *Rule) appliedRule {
	cat := c.world.Catalogue
	roles := c.Workload.Roles
	if r.Kind == CacheMode {
		// Artefacts decide on KEY_HOLDING one by one, so the rule is kept if it could match any of them.
		return appliedRule{Rule: r, subject: r.Subject.matches(cat, &c.Workload, c.cacheRoles(true)) || r.Subject.matches(cat, &c.Workload, c.cacheRoles(false))}
	}
	a := appliedRule{Rule: r, subject: r.Subject.matches(cat, &c.Workload, roles)}
	switch {
	case r.pairwise():
		a.object = r.Object.matches(cat, &c.Workload, roles)
	case r.Kind == CoLocateInVM: // whoever it is, there are CIS nodes that it may not enter
		a.object = true
	}
	return a
}

// acceptableClasses lists the runtime classes that may serve the candidate, weakest first; a runtime asked
// exactly is the only one.
func (c *Candidate) acceptableClasses() ([]placement.RuntimeClass, placement.Isolation) {
	cat := c.world.Catalogue
	required := placement.IsolationNone
	for _, r := range c.rules {
		if r.Kind == RequireIsolation && r.Enforced() {
			required = max(required, r.Params.Level)
		}
	}
	if c.Workload.Runtime != "" {
		if rc, ok := cat.RuntimeClasses[c.Workload.Runtime]; ok {
			return []placement.RuntimeClass{rc}, required
		}
		return []placement.RuntimeClass{{Name: c.Workload.Runtime}}, required
	}
	var out []placement.RuntimeClass
	for _, rc := range cat.RuntimeClasses {
		if rc.Isolation >= c.least {
			out = append(out, rc)
		}
	}
	slices.SortFunc(out, func(a, b placement.RuntimeClass) int {
		if a.Isolation != b.Isolation {
			return int(a.Isolation) - int(b.Isolation)
		}
		return compareStrings(a.Name, b.Name)
	})
	return out, required
}

// NeededIsolation is the least isolation that the rules ask of the candidate.
func (c *Candidate) NeededIsolation() placement.Isolation { return c.required }

// Rules returns the rules that concern the candidate, in the order of reasons.
func (c *Candidate) Rules() []*Rule {
	out := make([]*Rule, len(c.rules))
	for i := range c.rules {
		out[i] = c.rules[i].Rule
	}
	return out
}

// AttestationLimit returns what the rules in force ask of the attestation of a host, or with nil of that of every host: how old
// it may be (0: no rule limits it), which is asked of the TRUSTED alone, and whether it must be TRUSTED. Where a limit that
// does not hold is overridden in an emergency, until is when that ends, of several the first; zero: none is.
func (c *Candidate) AttestationLimit(h *placement.Host) (limit time.Duration, trusted bool, until time.Time) {
	for i := range c.rules {
		r := c.rules[i].Rule
		end := r.exceptedUntil(c, h, nil)
		switch {
		case r.Kind != AttestationFreshness || !r.Enforced():
		case h == nil && !r.Host.all(), h != nil && !r.Host.matches(c.world.Catalogue, h):
		case r.Params.Check == CheckState:
			trusted = true
		case h == nil && len(r.Exceptions) > 0: // not of every host
		case !end.IsZero() && c.attestation(r, &site{HostFacts: placement.HostFacts{Host: h}}) != nil: // nothing is overridden that holds
			if until.IsZero() || end.Before(until) {
				until = end
			}
		default:
			if m, ok := r.maxAttestationAge(c); ok && (limit == 0 || m < limit) {
				limit = m
			}
		}
	}
	if h != nil && h.Attestation.State != placement.AttestationTrusted {
		limit, until = 0, time.Time{}
	}
	return limit, trusted, until
}

// For returns the policies that apply to a VNF instance: those without associations, and those associated with it.
func (s *Set) For(vnfInstanceID string) []*Policy {
	var out []*Policy
	for _, p := range s.Policies {
		if p.appliesTo(vnfInstanceID) {
			out = append(out, p)
		}
	}
	return out
}

func (p *Policy) appliesTo(vnfInstanceID string) bool {
	return len(p.Associations) == 0 || slices.Contains(p.Associations, vnfInstanceID)
}

// Only returns the policies with their rules of the given kinds, for questions that ask no others.
func (s *Set) Only(kinds ...Kind) *Set {
	out := &Set{signatures: s.signatures, demotions: s.demotions}
	for _, p := range s.Policies {
		q := &Policy{Ref: p.Ref, Associations: p.Associations}
		for _, r := range p.Rules {
			if slices.Contains(kinds, r.Kind) {
				q.Rules = append(q.Rules, r)
			}
		}
		out.Policies = append(out.Policies, q)
	}
	return out
}

// pairwise tells whether the rule looks at each other resident in turn.
func (r *Rule) pairwise() bool {
	switch r.Kind {
	case SeparateDomains, SeparateNF, SeparateRole, SeparateExposure, ProdTest, SeparateAdminDomain, SeparateSlice:
		return true
	case Oversight:
		return r.Params.Check == CheckSeparate
	default:
		return false
	}
}

// protects tells whether the rule also keeps others away from those whom it matches.
func (r *Rule) protects() bool { return r.pairwise() || r.Kind == CoLocateInVM }

// excepted tells whether an exception of the rule covers the candidate (or, for a pair, the resident) on the host.
func (r *Rule) excepted(c *Candidate, h *placement.Host, against *placement.Residency) bool {
	return !r.exceptedUntil(c, h, against).IsZero()
}

// exceptedUntil is when the last of these exceptions ends; zero: none covers them. Without a host none does.
func (r *Rule) exceptedUntil(c *Candidate, h *placement.Host, against *placement.Residency) (until time.Time) {
	for i := range r.Exceptions {
		e := &r.Exceptions[i]
		if h == nil || !c.world.Now.Before(e.ExpiresAt) || e.Hosts != nil && !slices.Contains(e.Hosts, h.ID) {
			continue
		}
		covers := e.VNFInstances == nil || slices.Contains(e.VNFInstances, c.Workload.NF.VNFInstanceID) ||
			against != nil && slices.Contains(e.VNFInstances, against.Workload.NF.VNFInstanceID)
		if covers && e.ExpiresAt.After(until) {
			until = e.ExpiresAt
		}
	}
	return until
}

func compareStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
