package policy

import (
	"slices"
	"strconv"
	"time"

	"ringfence/internal/placement"
)

// The kinds that look at the host alone. Each function returns nil when the rule holds, otherwise the
// parameters of its reason.

func (c *Candidate) lifecycle(s *site) []placement.Reason {
	var out []placement.Reason
	h := s.Host
	n, limit := h.Node(s.node), c.world.HostMappingMaxAge
	if n != nil && n.Form == placement.CISNodeVM && !n.HostObservedAt.IsZero() && limit != 0 && c.world.Now.Sub(n.HostObservedAt) > limit {
		out = append(out, placement.Reason{
			RuleID: placement.RuleUnknown, Check: placement.RuleUnknown,
			Params: failed("host", h.ID, "cisNode", n.ID, "object", "the host of CIS node "+n.ID, "observedAt", n.HostObservedAt.UTC().Format(time.RFC3339)),
		})
	}
	if h.Lifecycle != placement.LifecycleInService {
		out = append(out, placement.Reason{
			RuleID: placement.RuleLifecycle, Check: placement.RuleLifecycle, Params: failed("host", h.ID, "lifecycle", string(h.Lifecycle)),
		})
	}
	return out
}

// QuarantinedByAttestation is the lifecycle reason of a host that a lost attestation took out of service. Beside
// the reason of an attestation rule such a host carries no LIFECYCLE.
const QuarantinedByAttestation = "attestation"

func (c *Candidate) domainPermit(s *site) map[string]string {
	pool, ok := c.world.Catalogue.HostPools[s.Host.HostPoolID]
	if !ok {
		return failed("pool", s.Host.HostPoolID, "domain", c.domain.ID, "why", "the host has no pool")
	}
	if slices.Contains(pool.AllowedTrustDomainIDs, c.domain.ID) {
		return nil
	}
	return failed("pool", pool.ID, "domain", c.domain.ID, "permitted", joined(pool.AllowedTrustDomainIDs))
}

func (c *Candidate) runtimeOffered(s *site) map[string]string {
	if s.offered {
		return nil
	}
	asked := s.runtime.Name
	if c.Workload.Runtime == "" {
		asked = "any of at least " + max(c.least, c.requiredOn(s.Host)).String()
	}
	return failed("runtime", asked, "offered", joined(s.runtimes()))
}

func (c *Candidate) requireCapability(r *Rule, s *site) map[string]string {
	have := s.Host.Capabilities
	if r.Params.Attested {
		have &= s.Host.AttestedCapabilities
	}
	if missing := have.Missing(r.Params.AllOf); missing != 0 {
		return failed("missing", joined(missing.Names()))
	}
	if any := r.Params.AnyOf; any != 0 && have.Missing(any) == any {
		return failed("missing", "one of "+joined(any.Names()))
	}
	return nil
}

func (c *Candidate) location(r *Rule, s *site) map[string]string {
	country := c.world.Catalogue.Country(s.Host)
	allowed := r.Params.Countries
	if r.Params.OfDomain {
		allowed = c.domain.AllowedCountries
	}
	claim := s.Host.Location
	switch {
	case allowed != nil && !slices.Contains(allowed, country):
		return failed("country", country, "allowed", joined(allowed))
	case len(r.Params.Deny) > 0 && country == "" || slices.Contains(r.Params.Deny, country):
		return failed("country", country, "denied", joined(r.Params.Deny))
	case r.Params.Sites != nil && !slices.Contains(r.Params.Sites, s.Host.NFVIPoPID):
		return failed("site", s.Host.NFVIPoPID, "allowed", joined(r.Params.Sites))
	case r.Params.Source != "" && claim.Source != r.Params.Source:
		return failed("source", claim.Source, "wanted", r.Params.Source)
	case r.Params.MaxAge > 0 && !c.world.within(claim.AssertedAt, r.Params.MaxAge):
		return failed("assertedAt", stamp(claim.AssertedAt), "maxAge", r.Params.MaxAge.String())
	}
	return nil
}

func (w *World) within(at time.Time, age time.Duration) bool {
	return !at.IsZero() && w.Now.Sub(at) <= age
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

func (c *Candidate) physicalSecurity(r *Rule, s *site) map[string]string {
	h := s.Host
	required := !r.Params.OfDomain || c.domain.RequiresPhysicalSecurity
	switch {
	case required && !h.PhysicallySecure:
		return failed("why", "the site is not physically secure", "domain", c.domain.ID)
	case c.domain.SecurityCritical && h.ExposedEdge:
		return failed("why", "the host stands at an exposed edge", "domain", c.domain.ID)
	case c.domain.SecurityCritical && h.ThirdPartyHosted:
		return failed("why", "a third party hosts the server", "domain", c.domain.ID)
	}
	return nil
}

func (c *Candidate) attestation(r *Rule, s *site) map[string]string {
	a := s.Host.Attestation
	if r.Params.Check == CheckState {
		if a.State == placement.AttestationTrusted {
			return nil
		}
		return failed("state", string(stateOf(a)))
	}
	if a.State != placement.AttestationTrusted {
		return nil
	}
	if !a.ValidUntil.IsZero() && !c.world.Now.Before(a.ValidUntil) {
		return failed("attestedAt", stamp(a.AttestedAt), "validUntil", stamp(a.ValidUntil))
	}
	limit, ok := r.maxAttestationAge(c)
	if !ok || c.world.within(a.AttestedAt, limit) {
		return nil
	}
	return failed("attestedAt", stamp(a.AttestedAt), "maxAge", limit.String())
}

func stateOf(a placement.Attestation) placement.AttestationState {
	if a.State == "" {
		return placement.AttestationUnknown
	}
	return a.State
}

// maxAttestationAge is the smaller of the rule's and the domain's maximum age; not ok when neither states one.
func (r *Rule) maxAttestationAge(c *Candidate) (time.Duration, bool) {
	limit, domain := r.Params.MaxAge, c.domain.MaxAttestationAge
	if limit == 0 || domain > 0 && domain < limit {
		limit = domain
	}
	return limit, limit > 0
}

func (c *Candidate) oversight(r *Rule, s *site) map[string]string {
	pool := s.Host.HostPoolID
	if r.Params.Check == CheckSelf {
		if slices.Contains(c.Workload.AdministersHostPools, pool) {
			return failed("pool", pool, "component", c.Workload.ComponentID)
		}
		return nil
	}
	allowed := c.world.Catalogue.HostPools[pool].AllowedTrustDomainIDs
	for _, d := range allowed {
		if len(allowed) > 1 && c.world.Catalogue.TrustDomains[d].Category == placement.CategoryOversight {
			return failed("pool", pool, "domain", d, "permitted", joined(allowed))
		}
	}
	return nil
}

func (c *Candidate) forbid(r *Rule, s *site) map[string]string {
	var named []string
	if r.Kind == ForbidCutThrough {
		named = (c.Workload.CutThrough &^ r.Params.AllowCutThrough).Names()
	} else {
		named = (c.Workload.Privileged &^ r.Params.AllowPrivileged).Names()
	}
	d := s.Host.DedicatedTo
	if len(named) == 0 || d != nil && d.Identity == placement.DedicatedToNFInstance && d.ID == c.Workload.NF.Instance() {
		return nil
	}
	return failed("uses", joined(named))
}

// borderHandling holds for a workload of a border when it declares how it handles every peer, is as strong as a VM or alone on its
// host, and finds encrypted storage there.
func (c *Candidate) borderHandling(r *Rule, s *site) map[string]string {
	switch {
	case c.Workload.Roles&placement.RoleBorder == 0:
		return nil
	case c.Workload.UndeclaredPeers:
		return failed("why", "peers", "component", c.Workload.ComponentID)
	case !s.Host.Capabilities.Has(placement.CapEncStorage):
		return failed("missing", joined(placement.CapEncStorage.Names()))
	case s.eff >= placement.IsolationVM:
		return nil
	case c.alone(s, placement.DedicatedToNFInstance):
		c.dedicate(r, s, placement.DedicatedToNFInstance)
		return nil
	}
	return s.weak(failed("isolation", s.eff.String(), "needed", placement.IsolationVM.String(), "runtime", s.runtime.Name))
}

// reimaged holds when the host was installed afresh not too long ago.
func (c *Candidate) reimaged(r *Rule, s *site) map[string]string {
	var last time.Time
	for i := range s.Host.Scrubs {
		if rec := &s.Host.Scrubs[i]; rec.Level >= placement.ScrubReimage && rec.At.After(last) {
			last = rec.At
		}
	}
	if c.world.within(last, r.Params.MaxAge) {
		return nil
	}
	return failed("reimagedAt", stamp(last), "maxAge", r.Params.MaxAge.String())
}

// forbidAcceleration holds when the candidate is not started from what the rule names, and the host does none of it.
func (c *Candidate) forbidAcceleration(r *Rule, s *site) map[string]string {
	for _, d := range c.Workload.Images {
		if a := accelerationOf(c.world.Catalogue.Images[d].Kind) & r.Params.Accelerations; a != 0 {
			return failed("uses", joined(a.Names()), "artefact", d)
		}
	}
	if a := s.Host.Accelerations & r.Params.Accelerations; a != 0 {
		return failed("does", joined(a.Names()))
	}
	return nil
}

func accelerationOf(k placement.ArtefactKind) placement.Accelerations {
	switch k {
	case placement.ArtefactCheckpoint:
		return placement.AccelerationCheckpoint
	case placement.ArtefactVMTemplate:
		return placement.AccelerationVMTemplate
	default:
		return 0
	}
}

// isolated holds when the candidate is isolated from the host as the request, its component and its trust domain ask at least,
// whatever the rules say.
func (c *Candidate) isolated(s *site) []placement.Reason {
	if s.eff >= c.least || c.world.CacheOnly {
		return nil
	}
	params := s.weak(failed("host", s.Host.ID, "isolation", s.eff.String(), "needed", c.least.String(), "runtime", s.runtime.Name))
	if s.node != "" {
		params["cisNode"] = s.node
	}
	return []placement.Reason{{RuleID: placement.RuleIsolation, Check: placement.RuleIsolation, Params: params}}
}

// dedicated refuses candidates that a dedicated host is not dedicated to, be it by a grant or by other members of the request.
func (c *Candidate) dedicated(s *site) []placement.Reason {
	for _, d := range []*placement.Dedication{s.Host.DedicatedTo, s.Dedicated} {
		if d != nil && c.identity(d.Identity, &c.Workload) != d.ID {
			return []placement.Reason{{
				RuleID: placement.RuleDedicated, Check: placement.RuleDedicated,
				Params: failed("host", s.Host.ID, "identity", string(d.Identity), "dedicatedTo", d.ID),
			}}
		}
	}
	return nil
}

func (c *Candidate) identity(id placement.DedicationIdentity, w *placement.Workload) string {
	switch id {
	case placement.DedicatedToTrustDomain:
		return w.TrustDomainID
	case placement.DedicatedToTenant:
		return c.world.Catalogue.TrustDomains[w.TrustDomainID].AdminDomain
	default:
		return w.NF.Instance()
	}
}

// Needs is what one replica of the candidate uses with a runtime: its own resources and the class's overhead.
func Needs(cat *placement.Catalogue, w *placement.Workload, runtime string) placement.Resources {
	overhead := Overhead(cat, runtime)
	if len(overhead) == 0 {
		return w.Resources
	}
	return w.Resources.Plus(overhead)
}

// Overhead is what a pod of a runtime class uses beside its containers; a class that nobody knows uses nothing.
func Overhead(cat *placement.Catalogue, runtime string) placement.Resources {
	return cat.RuntimeClasses[runtime].Overhead
}

func (c *Candidate) capacity(s *site) []placement.Reason {
	needs := Needs(c.world.Catalogue, &c.Workload, s.runtime.Name)
	if len(needs) == 0 {
		return nil
	}
	free := s.Host.Capacity.Minus(s.Used)
	lacking := needs.Lacking(free)
	if len(lacking) == 0 {
		return nil
	}
	params := failed("host", s.Host.ID, "lacking", joined(lacking))
	for _, d := range lacking {
		params[d] = strconv.FormatInt(needs[d], 10) + " of " + strconv.FormatInt(max(free[d], 0), 10) + " free"
	}
	return []placement.Reason{{RuleID: placement.RuleCapacity, Check: placement.RuleCapacity, Params: params}}
}
