package policy

import (
	"slices"

	"ringfence/internal/placement"
)

// AnyArtefact is the key of the cache mode of a component without artefacts.
const AnyArtefact = "*"

// cacheVerdict is the outcome of the cache-mode rules on one site.
type cacheVerdict struct {
	choices []placement.CacheChoice
	refused []placement.CacheChoice // no mode that the host can provide is strict enough, or the one chosen is never pre-pulled
	host    string
}

// cacheRoles are the roles by which cache-mode rules match: a PROTECTED relation counts as BORDER, and an
// artefact that contains secrets as KEY_HOLDING.
func (c *Candidate) cacheRoles(secrets bool) placement.Roles {
	roles := c.Workload.Roles
	if c.Workload.ProtectedPeer {
		roles |= placement.RoleBorder
	}
	if secrets {
		roles |= placement.RoleKeyHolding
	}
	return roles
}

// chooseCache finds, for each artefact, the mode that the rules require and the least strict one at or above
// it that the host can provide.
func (c *Candidate) chooseCache(s *site) cacheVerdict {
	v := cacheVerdict{host: s.Host.ID}
	digests := slices.Clone(c.Workload.Images)
	if len(digests) == 0 {
		digests = []string{AnyArtefact}
	}
	slices.Sort(digests)
	for _, d := range slices.Compact(digests) {
		choice := c.requiredMode(s, d)
		choice.Mode = c.available(s, choice.Required)
		if choice.Mode == placement.CacheUnset || c.world.PrePull && choice.Mode >= placement.CacheGuestOnly {
			v.refused = append(v.refused, choice)
			continue
		}
		v.choices = append(v.choices, choice)
	}
	return v
}

// requiredMode is the strictest mode that the rules ask for: ENCRYPTED where none matches (SHARED for a public
// base), at least ENCRYPTED where the site is not physically secure.
func (c *Candidate) requiredMode(s *site, digest string) placement.CacheChoice {
	img, known := c.world.Catalogue.Images[digest]
	plain := c.demanded(s, c.cacheRoles(false))
	choice := plain
	if known && img.ContainsSecrets {
		if secret := c.demanded(s, c.cacheRoles(true)); secret.Required > plain.Required {
			choice = placement.CacheChoice{Required: secret.Required, RuleID: placement.RuleCacheDefault}
		}
	}
	if choice.Required == placement.CacheUnset {
		choice = placement.CacheChoice{Required: placement.CacheEncrypted, RuleID: placement.RuleCacheDefault}
		if known && img.PublicBase && !img.ContainsSecrets {
			choice.Required = placement.CacheShared
		}
	}
	if !s.Host.PhysicallySecure && choice.Required < placement.CacheEncrypted {
		choice = placement.CacheChoice{Required: placement.CacheEncrypted, RuleID: placement.RuleCacheDefault}
	}
	choice.Digest = digest
	return choice
}

// demanded is the strictest mode of the matching rules in force, with the first rule that asks for it.
func (c *Candidate) demanded(s *site, roles placement.Roles) placement.CacheChoice {
	var choice placement.CacheChoice
	for i := range c.rules {
		r := &c.rules[i]
		if r.Kind != CacheMode || !r.Enforced() || r.Params.Mode <= choice.Required {
			continue
		}
		if r.Host.matches(c.world.Catalogue, s.Host) && r.Subject.matches(c.world.Catalogue, &c.Workload, roles) {
			choice = placement.CacheChoice{Required: r.Params.Mode, RuleID: r.ID, PolicyID: r.PolicyID}
		}
	}
	return choice
}

// available is the least strict mode at or above the required one that the host can provide, CacheUnset if
// there is none.
func (c *Candidate) available(s *site, required placement.CacheMode) placement.CacheMode {
	for m := required; m <= placement.CacheNoStore; m++ {
		if c.provides(s, m) {
			return m
		}
	}
	return placement.CacheUnset
}

func (c *Candidate) provides(s *site, m placement.CacheMode) bool {
	h := s.Host
	switch m {
	case placement.CacheShared:
		return true
	case placement.CacheDomainPrivate:
		return len(c.world.Catalogue.HostPools[h.HostPoolID].AllowedTrustDomainIDs) == 1
	case placement.CacheEncrypted:
		return h.Capabilities.Has(placement.CapCacheEnc)
	case placement.CacheGuestOnly:
		return s.runtime.Isolation == placement.IsolationConfidentialVM
	case placement.CacheNoStore:
		return h.Capabilities&(placement.CapEphemeralEnc|placement.CapRAMSnapshot) != 0
	default:
		return false
	}
}

// cacheMode judges a rule on cache modes. One that is not in force demands nothing, so the verdict does not know it: what it would
// refuse is a host without its mode and every stricter one.
func (c *Candidate) cacheMode(r *Rule, s *site, cache *cacheVerdict) map[string]string {
	if r.Enforced() {
		return cache.refusedBy(r)
	}
	if !r.Subject.matches(c.world.Catalogue, &c.Workload, c.cacheRoles(false)) || c.available(s, r.Params.Mode) != placement.CacheUnset {
		return nil
	}
	return failed("mode", r.Params.Mode.String(), "artefact", AnyArtefact)
}

// refusedBy returns the parameters of a reason when the rule demanded a mode that the host cannot provide.
func (v *cacheVerdict) refusedBy(r *Rule) map[string]string {
	for _, ch := range v.refused {
		if ch.RuleID == r.ID && ch.PolicyID == r.PolicyID {
			return refusedMode(&ch)
		}
	}
	return nil
}

// refusedMode builds the parameters of a reason against a mode.
func refusedMode(ch *placement.CacheChoice) map[string]string {
	if ch.Mode == placement.CacheUnset {
		return failed("mode", ch.Required.String(), "artefact", ch.Digest)
	}
	mode := ch.Mode
	if ch.Required >= placement.CacheGuestOnly {
		mode = ch.Required
	}
	return failed("mode", mode.String(), "artefact", ch.Digest, "why", "never pulled before its workload starts")
}

// defaultReasons are the reasons of modes that no rule demanded.
func (v *cacheVerdict) defaultReasons() []placement.Reason {
	for _, ch := range v.refused {
		if ch.RuleID == placement.RuleCacheDefault {
			params := refusedMode(&ch)
			params["host"] = v.host
			return []placement.Reason{{
				RuleID: placement.RuleCacheDefault, Check: placement.RuleCacheDefault,
				Params: params,
			}}
		}
	}
	return nil
}
