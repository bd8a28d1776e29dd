package literal

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"ringfence/internal/placement"
)

// fails judges one rule: empty when it holds, otherwise whom it is against, "" for nobody in particular.
func (t *trial) fails(p *Policy, r *Rule) (against []string) {
	if pair := t.pairwise(r); pair != nil {
		return t.failsPairs(p, r, pair)
	}
	if r.Kind == "cache-mode" {
		for _, m := range t.modes {
			if m.provided == "" && m.demandedBy == r {
				return []string{""}
			}
		}
		return nil
	}
	if r.Kind == "co-locate-in-vm" { // which keeps those out whom it is not about
		if t.together(p, r) {
			return nil
		}
		return []string{""}
	}
	if !t.concerns(p, r) || t.excepted(p, r, t.host, t.ask.Workload.NF.VNFInstanceID) || t.holds(r) {
		return nil
	}
	return []string{""}
}

// holds judges the kinds that are about the candidate and the host.
func (t *trial) holds(r *Rule) bool {
	c, h := &t.ask.Workload, t.host
	d := t.domain(c.TrustDomainID)
	pool, pooled := t.Catalogue.HostPools[h.HostPoolID]
	switch r.Kind {
	case "domain-permit":
		return pooled && has(pool.AllowedTrustDomainIDs, c.TrustDomainID)
	case "runtime-offered":
		return t.offered
	case "one-domain-per-kernel":
		return t.kernelOfOneDomain()
	case "require-isolation":
		by := r.text("orDedicatedHost", "")
		return t.eff() >= isolation(r.text("level", "")) || by != "" && t.alone(by)
	case "forbid-cut-through":
		return t.allowed(c.CutThrough.Names(), r)
	case "forbid-privileged":
		return t.allowed(c.Privileged.Names(), r)
	case "dedicate-host":
		return t.alone(r.text("identity", "NF_INSTANCE"))
	case "require-host-capability":
		return t.equipped(r)
	case "location":
		return t.located(r)
	case "physical-security":
		secure := h.PhysicallySecure || r.text("when", "domain") == "domain" && !d.RequiresPhysicalSecurity
		return secure && !(d.SecurityCritical && (h.ExposedEdge || h.ThirdPartyHosted))
	case "attestation-freshness":
		return t.attested(r)
	case "oversight":
		if r.text("check", "") == "SELF" {
			return !has(c.AdministersHostPools, h.HostPoolID)
		}
		for _, id := range pool.AllowedTrustDomainIDs {
			if len(pool.AllowedTrustDomainIDs) > 1 && t.domain(id).Category == placement.CategoryOversight {
				return false
			}
		}
		return true
	case "same-sensitivity-per-kernel":
		return t.kernelOfLikeSensitivity(r)
	case "signed-tagged-artefact":
		return t.allSigned(r)
	case "demote-isolation":
		return true // the others see what it leaves
	case "forbid-acceleration":
		return t.unaccelerated(r)
	case "border-handling":
		border := has(c.Roles.Names(), "BORDER")
		strong := t.eff() >= placement.IsolationVM || t.alone("NF_INSTANCE")
		return !border || !c.UndeclaredPeers && strong && capable(h.Capabilities, "ENC_STORAGE")
	case "max-age-since-reimage":
		return t.reimaged(r)
	case "max-blast-radius":
		return t.contained(r)
	case "scrub-before-reuse":
		return t.clean(r)
	}
	panic("no such kind: " + r.Kind)
}

// kernelOfOneDomain: nobody of another domain is in the candidate's kernel.
func (t *trial) kernelOfOneDomain() bool {
	c, h := &t.ask.Workload, t.host
	for _, o := range t.others {
		if o.Workload.TrustDomainID != c.TrustDomainID && t.sameKernel(c, t.runtime, t.at, &o.Workload, o.Workload.Runtime, where(h, o.CISNodeID)) {
			return false
		}
	}
	return true
}

// kernelOfLikeSensitivity: nobody in the candidate's kernel is too far from another.
func (t *trial) kernelOfLikeSensitivity(r *Rule) bool {
	c, h := &t.ask.Workload, t.host
	d := t.domain(c.TrustDomainID)
	lowest, highest := d.Sensitivity, d.Sensitivity
	for _, o := range t.others {
		if t.sameKernel(c, t.runtime, t.at, &o.Workload, o.Workload.Runtime, where(h, o.CISNodeID)) {
			n := t.domain(o.Workload.TrustDomainID).Sensitivity
			if n < lowest {
				lowest = n
			}
			if n > highest {
				highest = n
			}
		}
	}
	return highest-lowest <= r.number("delta")
}

// allSigned: there are artefacts, and every one is signed.
func (t *trial) allSigned(r *Rule) bool {
	c := &t.ask.Workload
	for _, digest := range c.Images {
		if !t.signed(r, t.Catalogue.Images[digest], digest) {
			return false
		}
	}
	return len(c.Images) > 0
}

// unaccelerated: neither the artefacts nor the host are of what is forbidden.
func (t *trial) unaccelerated(r *Rule) bool {
	c, h := &t.ask.Workload, t.host
	forbidden := r.words("kinds")
	for _, digest := range c.Images {
		if has(forbidden, string(t.Catalogue.Images[digest].Kind)) { // checkpoints and VM templates are called alike
			return false
		}
	}
	return !meet(forbidden, h.Accelerations.Names())
}

// reimaged: some record is young enough.
func (t *trial) reimaged(r *Rule) bool {
	h := t.host
	for _, s := range h.Scrubs {
		if s.Level == placement.ScrubReimage && t.Now.Sub(s.At) <= duration(r.text("maxAge", "")) {
			return true
		}
	}
	return false
}

// clean: nothing of others is left.
func (t *trial) clean(r *Rule) bool {
	c, h := &t.ask.Workload, t.host
	for i := range h.Residue {
		res := &h.Residue[i]
		foreign := res.TrustDomainID != c.TrustDomainID || r.text("per", "") == "NF_INSTANCE" && res.NFInstance != c.NF.Instance()
		if foreign && !t.scrubbed(r, res) {
			return false
		}
	}
	return true
}

// allowed: none of what is forbidden, or the host is dedicated to the candidate's NF.
func (t *trial) allowed(uses []string, r *Rule) bool {
	d := t.host.DedicatedTo
	if d != nil && d.Identity == placement.DedicatedToNFInstance && d.ID == t.ask.Workload.NF.Instance() {
		return true
	}
	for _, u := range uses {
		if !has(r.words("allow"), u) {
			return false
		}
	}
	return true
}

func (t *trial) equipped(r *Rule) bool {
	can := func(name string) bool {
		return capable(t.host.Capabilities, name) && (!r.truth("attested") || capable(t.host.AttestedCapabilities, name))
	}
	for _, c := range r.words("allOf") {
		if !can(c) {
			return false
		}
	}
	if len(r.words("anyOf")) == 0 {
		return true
	}
	return slices.ContainsFunc(r.words("anyOf"), can)
}

func (t *trial) located(r *Rule) bool {
	h, country := t.host, t.country(t.host)
	if r.text("countries", "") == "domain" {
		if list := t.domain(t.ask.Workload.TrustDomainID).AllowedCountries; list != nil && !has(list, country) {
			return false
		}
	} else if list := r.words("countries"); list != nil && !has(list, country) {
		return false
	}
	if list := r.words("deny"); list != nil && (country == "" || has(list, country)) {
		return false
	}
	if list := r.words("sites"); list != nil && !has(list, h.NFVIPoPID) {
		return false
	}
	if s := r.text("source", ""); s != "" && h.Location.Source != s {
		return false
	}
	if age := r.text("maxAge", ""); age != "" {
		return !h.Location.AssertedAt.IsZero() && t.Now.Sub(h.Location.AssertedAt) <= duration(age)
	}
	return true
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (t *trial) attested(r *Rule) bool {
	a := t.host.Attestation
	if r.text("check", "") == "STATE" {
		return a.State == placement.AttestationTrusted
	}
	if a.State != placement.AttestationTrusted {
		return true // STATE's business
	}
	if !a.ValidUntil.IsZero() && !t.Now.Before(a.ValidUntil) {
		return false
	}
	limit := t.domain(t.ask.Workload.TrustDomainID).MaxAttestationAge
	if s := r.text("maxAge", ""); s != "" && s != "domain" {
		if d := duration(s); limit == 0 || d < limit {
			limit = d
		}
	}
	return limit == 0 || t.Now.Sub(a.AttestedAt) <= limit
}

func (t *trial) contained(r *Rule) bool {
	c := &t.ask.Workload
	if r.text("check", "") == "REPLICA_SHARE" {
		here, all := 1, t.ask.Count
		for _, o := range t.Residents {
			if o.Kind == placement.ResidencyFabric || o.Workload.ComponentID != c.ComponentID || o.Workload.NF.Instance() != c.NF.Instance() {
				continue
			}
			all++
			if t.sameUnit(r.Scope, t.hostOf(o)) {
				here++
			}
		}
		share, _ := new(big.Rat).SetString(fmt.Sprint(r.Params["share"])) // 0.34 is thirty-four hundredths, not the nearest float
		most := new(big.Rat).Mul(share, big.NewRat(int64(all), 1))
		return new(big.Rat).SetInt64(int64(here-1)).Cmp(most) < 0 // here <= ceil(most)
	}
	seen := map[string]bool{}
	name := func(wl *placement.Workload) string {
		if r.text("check", "") == "DOMAINS" {
			return wl.TrustDomainID
		}
		return wl.NF.Instance()
	}
	seen[name(c)] = true
	for _, o := range t.others {
		seen[name(&o.Workload)] = true
	}
	return len(seen) <= r.number("max")
}

func (t *trial) hostOf(r *placement.Residency) *placement.Host {
	for _, h := range t.Hosts {
		if h.ID == r.HostID {
			return h
		}
	}
	return nil
}

// sameUnit tells whether another host is in this host's unit of a scope. Who does not say where it stands may stand anywhere.
func (t *trial) sameUnit(scope string, o *placement.Host) bool {
	var a, b string
	switch scope {
	case "", "HOST":
		return o.ID == t.host.ID
	case "RACK":
		a, b = t.host.RackID, o.RackID
	case "ZONE":
		a, b = t.host.ResourceZoneID, o.ResourceZoneID
	case "NFVI_POP":
		a, b = t.host.NFVIPoPID, o.NFVIPoPID
	default:
		panic("no such scope: " + scope)
	}
	return a == b || a == "" || b == ""
}

// scrubbed: a later record reaches the level for the pair, and a device that was handed back was reset.
func (t *trial) scrubbed(r *Rule, res *placement.Residue) bool {
	left, known := t.Catalogue.TrustDomains[res.TrustDomainID]
	c := t.domain(t.ask.Workload.TrustDomainID)
	level, attestedAfter := placement.ScrubEphemeralWipe, false
	suspect := !known || left.Category == placement.CategoryTest || left.Category == placement.CategoryThirdParty
	if suspect && res.BelowVM && c.Sensitivity >= 3 {
		level, attestedAfter = placement.ScrubReimage, true
	} else if left.Sensitivity >= 3 && res.TrustDomainID != c.ID {
		level = placement.ScrubReboot
	}
	needs, _ := r.Params["levels"].([]ScrubNeed)
	for i := range needs {
		n := &needs[i]
		if t.picks(n.Of, &placement.Workload{TrustDomainID: res.TrustDomainID}, nil) && t.picks(n.Before, &t.ask.Workload, t.ask.Workload.Roles.Names()) {
			asked, err := placement.ParseScrubLevel(n.Level)
			if err != nil {
				panic(err)
			}
			if asked > level {
				level = asked
			}
			attestedAfter = attestedAfter || n.Attested
		}
	}
	clean, reset := false, !res.Device
	for _, s := range t.host.Scrubs {
		if s.At.Before(res.Since) {
			continue
		}
		a := t.host.Attestation
		if s.Level >= level && (!attestedAfter || a.State == placement.AttestationTrusted && !a.AttestedAt.Before(s.At)) {
			clean = true
		}
		if s.DeviceReset {
			reset = true
		}
	}
	return clean && reset
}
