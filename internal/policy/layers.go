package policy

import (
	"cmp"
	"slices"

	"ringfence/internal/placement"
)

// The layer rule of cache modes. A layer lies in the strictest mode of all artefacts on the host that contain it, so an artefact
// may lie there no less strictly than every other one that has content in common with it: another one of the candidate, or one
// of somebody else on the host. What others ask for is what the rules ask of them; that their artefacts may be raised in their
// turn raises nothing further. Public bases neither raise nor are raised.

// raiseShared raises the modes of a candidate's artefacts to those of the artefacts that share content with them.
func (c *Candidate) raiseShared(s *site, v *cacheVerdict) {
	own := slices.Clone(v.choices)
	var raised []placement.CacheChoice
	for i := range own {
		choice, strictest := own[i], own[i].Mode
		if choice.Digest == AnyArtefact {
			raised = append(raised, choice)
			continue
		}
		sharing := c.world.Catalogue.SharingOf(choice.Digest)
		for j := range own {
			if i != j && own[j].Mode > strictest && sharing.With(own[j].Digest) {
				strictest = own[j].Mode
			}
		}
		strictest = max(strictest, c.strictestOfOthers(s, &sharing, strictest))
		if strictest > choice.Mode {
			choice = placement.CacheChoice{Digest: choice.Digest, Required: strictest, RuleID: placement.RuleCacheDefault}
			choice.Mode = c.available(s, strictest)
		}
		if choice.Mode == placement.CacheUnset || c.world.PrePull && choice.Mode >= placement.CacheGuestOnly {
			v.refused = append(v.refused, choice)
			continue
		}
		raised = append(raised, choice)
	}
	v.choices = raised
}

// strictestOfOthers is the strictest mode above a mode that somebody on the host needs for an artefact that shares content
// with one of the candidate's; the mode itself if nobody does.
func (c *Candidate) strictestOfOthers(s *site, sharing *placement.Sharing, above placement.CacheMode) placement.CacheMode {
	for _, r := range s.Residents {
		if r.Kind == placement.ResidencyFabric {
			continue
		}
		for _, d := range r.Workload.Images {
			if above < placement.CacheNoStore && sharing.With(d) {
				above = max(above, c.world.modeOf(s.HostFacts, r, d))
			}
		}
	}
	return above
}

// modeOf is the mode that the rules ask for an artefact of a resident, or the next stricter one that the host provides.
func (w *World) modeOf(f placement.HostFacts, r *placement.Residency, digest string) placement.CacheMode {
	return Prepare(w, r.Workload, placement.IsolationNone, Replicas{}).ModeOn(f, r.CISNodeID, digest).Mode
}

// ModeOn is the mode that the rules ask for an artefact of the candidate on a host, in a CIS node of it or in none, or the next stricter
// one that the host provides, with the demanding rule. Where the host provides none it is what the rules ask for.
func (c *Candidate) ModeOn(f placement.HostFacts, cisNodeID, digest string) placement.CacheChoice {
	return c.modeAt(c.siteOn(f, cisNodeID), digest)
}

// siteOn is where the candidate is on a host, with the runtime that it has there.
func (c *Candidate) siteOn(f placement.HostFacts, cisNodeID string) *site {
	s := &site{HostFacts: f, node: cisNodeID}
	c.chooseRuntime(s)
	return s
}

func (c *Candidate) modeAt(s *site, digest string) placement.CacheChoice {
	choice := c.requiredMode(s, digest)
	choice.Mode = max(choice.Required, c.available(s, choice.Required))
	return choice
}

// Raised is an artefact of somebody on a host that has to lie there more strictly because of who comes.
type Raised struct {
	TrustDomainID string
	Digest        string
	Mode          placement.CacheMode
}

// RaisedBy lists the artefacts of the residents of a host that share content with artefacts that come to lie there in a
// stricter mode, ascending by trust domain and digest. Come are the choices of those who come, and of nobody else.
func (w *World) RaisedBy(f placement.HostFacts, come []placement.CacheChoice) []Raised {
	var out []Raised
	for _, r := range f.Residents {
		if r.Kind == placement.ResidencyFabric {
			continue
		}
		for _, d := range r.Workload.Images {
			if raised, ok := w.raisedTo(f, r, d, come); ok {
				out = append(out, raised)
			}
		}
	}
	slices.SortFunc(out, func(a, b Raised) int {
		return cmp.Or(cmp.Compare(a.TrustDomainID, b.TrustDomainID), cmp.Compare(a.Digest, b.Digest), cmp.Compare(b.Mode, a.Mode))
	})
	return slices.CompactFunc(out, func(a, b Raised) bool { return a.TrustDomainID == b.TrustDomainID && a.Digest == b.Digest })
}

// raisedTo is what comes of a resident's artefact; false when those who come ask for nothing stricter than it has.
func (w *World) raisedTo(f placement.HostFacts, r *placement.Residency, digest string, come []placement.CacheChoice) (Raised, bool) {
	strictest, sharing := placement.CacheUnset, w.Catalogue.SharingOf(digest)
	for i := range come {
		if come[i].Mode > strictest && come[i].Digest != AnyArtefact && sharing.With(come[i].Digest) {
			strictest = come[i].Mode
		}
	}
	if strictest == placement.CacheUnset {
		return Raised{}, false
	}
	o := Prepare(w, r.Workload, placement.IsolationNone, Replicas{})
	s := o.siteOn(f, r.CISNodeID)
	if strictest <= o.modeAt(s, digest).Mode {
		return Raised{}, false
	}
	// Where the host provides nothing so strict for it, it lies there against the rules, and is ordered to be as strict as those
	// who come: its node says that it cannot.
	return Raised{r.Workload.TrustDomainID, digest, max(strictest, o.available(s, strictest))}, true
}
