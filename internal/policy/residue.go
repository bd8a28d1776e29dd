package policy

import (
	"slices"

	"ringfence/internal/placement"
)

// scrub holds when nothing that others left on the host is still there.
func (c *Candidate) scrub(r *Rule, s *site) map[string]string {
	for i := range s.Host.Residue {
		res := &s.Host.Residue[i]
		foreign := res.TrustDomainID != c.domain.ID || r.Params.PerNF && res.NFInstance != c.Workload.NF.Instance()
		if !foreign {
			continue
		}
		level, attest := c.scrubLevel(r, res)
		if !scrubbed(s.Host, res, level, attest) {
			params := failed("residueOf", res.TrustDomainID, "since", stamp(res.Since), "needed", level.String())
			if attest {
				params["then"] = "attested"
			}
			return params
		}
	}
	return nil
}

// sensitiveFrom is the sensitivity from which residue and candidates are treated with more care.
const sensitiveFrom = 3

// scrubLevel is the level that must have been reached between the residue and the candidate, and whether the
// host must have been attested at or after the scrub: what is asked by default, or more where the rule says so.
func (c *Candidate) scrubLevel(r *Rule, res *placement.Residue) (placement.ScrubLevel, bool) {
	level, attest := c.defaultScrubLevel(res)
	cat, left := c.world.Catalogue, placement.Workload{TrustDomainID: res.TrustDomainID}
	for i := range r.Params.Scrubs {
		if n := &r.Params.Scrubs[i]; n.Of.matches(cat, &left, 0) && n.Before.matches(cat, &c.Workload, c.Workload.Roles) {
			level, attest = max(level, n.Level), attest || n.Attested
		}
	}
	return level, attest
}

func (c *Candidate) defaultScrubLevel(res *placement.Residue) (placement.ScrubLevel, bool) {
	left, known := c.world.Catalogue.TrustDomains[res.TrustDomainID]
	lowTrust := !known || left.Category == placement.CategoryTest || left.Category == placement.CategoryThirdParty
	switch {
	case lowTrust && res.BelowVM && c.domain.Sensitivity >= sensitiveFrom:
		return placement.ScrubReimage, true
	case left.Sensitivity >= sensitiveFrom && res.TrustDomainID != c.domain.ID:
		return placement.ScrubReboot, false
	default:
		return placement.ScrubEphemeralWipe, false
	}
}

// scrubbed looks for a record after the residue that reaches the level; a device must have been reset too.
func scrubbed(h *placement.Host, res *placement.Residue, level placement.ScrubLevel, attest bool) bool {
	cleaned, reset := false, !res.Device
	for i := range h.Scrubs {
		rec := &h.Scrubs[i]
		if rec.At.Before(res.Since) {
			continue
		}
		if rec.Level >= level && (!attest || h.Attestation.State == placement.AttestationTrusted && !h.Attestation.AttestedAt.Before(rec.At)) {
			cleaned = true
		}
		reset = reset || rec.DeviceReset
	}
	return cleaned && reset
}

// ResidueOf is what a residency that ends leaves on its host: something below VM, a cut-through device, ephemeral data where
// the host cannot encrypt it, or, where it is the last of its trust domain, what lies in the cache as plaintext of that
// domain. Remaining are those who stay there.
func (l Levels) ResidueOf(h *placement.Host, r *placement.Residency, remaining []*placement.Residency, cache []placement.CacheEntry) []placement.Residue {
	if r.Kind == placement.ResidencyFabric {
		return nil
	}
	below := l.Strength(h, &r.Workload, r.CISNodeID) < placement.IsolationVM
	device := r.Workload.CutThrough != 0
	ephemeral := !h.Capabilities.Has(placement.CapEphemeralEnc)
	if !below && !device && !ephemeral && !leavesPlaintext(r.Workload.TrustDomainID, remaining, cache) {
		return nil
	}
	return []placement.Residue{{
		TrustDomainID: r.Workload.TrustDomainID, NFInstance: r.Workload.NF.Instance(), BelowVM: below, Device: device,
	}}
}

// leavesPlaintext tells whether nobody of the trust domain remains, and something lies in the cache that only it may read but
// that is not encrypted.
func leavesPlaintext(domain string, remaining []*placement.Residency, cache []placement.CacheEntry) bool {
	stays := func(r *placement.Residency) bool {
		return r.Kind != placement.ResidencyFabric && r.Workload.TrustDomainID == domain
	}
	private := func(e placement.CacheEntry) bool {
		return e.Mode == placement.CacheDomainPrivate && e.TrustDomainID == domain
	}
	return !slices.ContainsFunc(remaining, stays) && slices.ContainsFunc(cache, private)
}
