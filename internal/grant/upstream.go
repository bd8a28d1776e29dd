package grant

import (
	"context"
	"slices"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// Upstream is the NFVO that has to agree to a grant before it is answered.
type Upstream interface {
	// Consult asks it about a request as it is, before anything is decided: AGREED or REFUSED. Unavailable when it does not answer.
	Consult(ctx context.Context, body []byte) (placement.UpstreamAnswer, error)
	// Agree asks it about a grant that is committed, with the request narrowed to what was decided, unless it was asked before:
	// AGREED or REFUSED. What it was told before the decision, if anything, is its answer where that fits. Without an
	// agreement all is given back. Unavailable when it does not answer, or what it says cannot be followed.
	Agree(ctx context.Context, g *placement.Grant, body []byte, before *placement.UpstreamAnswer) (placement.UpstreamAnswer, error)
	// Answer is what it said of a grant; false: it need not be asked about this one.
	Answer(ctx context.Context, grantID string) (placement.UpstreamAnswer, bool, error)
}

// relays tells whether a request goes upstream.
func (s *Service) relays(ask *Ask) bool { return s.settings.Upstream != nil && !ask.PlacementOnly }

// grantRelayed answers a request once the NFVO upstream has agreed. What a request removes cannot be given back, so about such a
// request it is asked before anything is decided as well.
func (s *Service) grantRelayed(ctx context.Context, ask Ask) (Result, error) {
	var before *placement.UpstreamAnswer
	if ask.LI {
		if err := s.fleet.CatchUp(ctx); err != nil { // to know what belongs to lawful interception
			return Result{}, err
		}
	}
	if removes(&ask.Request) {
		consult, err := s.consults(ctx, &ask)
		if err != nil {
			return Result{}, err
		}
		if consult {
			told, err := s.settings.Upstream.Consult(ctx, ask.Body)
			if err != nil || told.State != placement.UpstreamAgreed {
				return Result{Upstream: told}, err
			}
			before = &told
		}
	}
	res, err := s.grant(ctx, ask)
	if err != nil || !res.Granted && !res.Observed {
		return res, err
	}
	said, relayed, err := s.settings.Upstream.Answer(ctx, res.Grant.ID)
	if err != nil || !relayed {
		return res, err // it was granted before there was an NFVO upstream, or is not for its ears
	}
	if said.State != placement.UpstreamAgreed && s.withheld(s.fleet.View(), &ask, &placement.VNFInstanceParams{}, nil) { // what was reserved is given back in time
		return Result{}, placement.Errorf(placement.Unavailable, "the VNF became one of lawful interception before the NFVO upstream agreed: try again")
	}
	answer, err := s.settings.Upstream.Agree(ctx, &res.Grant, ask.Body, before)
	if err != nil {
		return Result{}, err
	}
	res.Upstream, res.Grant.Upstream = answer, answer.Grant
	if answer.State != placement.UpstreamAgreed {
		res.Granted, res.Observed = false, false
	}
	return res, nil
}

// withheld tells whether an NFVO upstream that is not cleared for lawful interception must not learn of a request: of its VNF, of what the
// VNF instance has, or of a host that it is placed on. Clients without clearance must not notice, so of theirs only those are withheld that
// are about a VNF instance of their own, granted while they had it.
func (s *Service) withheld(view *fleet.View, ask *Ask, known *placement.VNFInstanceParams, plan *placement.Plan) bool {
	catalogue := view.Catalogue
	if s.settings.UpstreamLI {
		return false
	}
	if !ask.LI {
		return known.ClientID == ask.ClientID && slices.ContainsFunc(view.ResidenciesOf(ask.Request.VNFInstanceID), func(r *placement.Residency) bool {
			return catalogue.LITrustDomain(r.Workload.TrustDomainID)
		})
	}
	for _, id := range vnfdsOf(&ask.Request) {
		if p, known := catalogue.VNFProfiles[id]; known && catalogue.LIProfile(&p) {
			return true
		}
	}
	pools := catalogue.LIHostPools()
	shown := func(hostID string) bool {
		slot, known := view.Slot(hostID)
		return known && pools[view.Host(slot).HostPoolID]
	}
	return slices.ContainsFunc(view.ResidenciesOf(ask.Request.VNFInstanceID), func(r *placement.Residency) bool {
		return catalogue.LITrustDomain(r.Workload.TrustDomainID) || shown(r.HostID)
	}) || plan != nil && slices.ContainsFunc(plan.Placements, func(p placement.Placement) bool { return shown(p.HostID) })
}

// vnfdsOf are the VNFDs that a request is about.
func vnfdsOf(r *placement.GrantRequest) []string {
	ids := []string{r.VNFDID, r.DstVNFDID}
	for _, list := range [][]placement.ResourceDefinition{r.AddResources, r.TempResources, r.RemoveResources, r.UpdateResources} {
		for i := range list {
			ids = append(ids, list[i].VNFDID)
		}
	}
	return ids
}

// consults tells whether the NFVO is asked before a request is decided: it may be told, and no grant that stands is the answer.
func (s *Service) consults(ctx context.Context, ask *Ask) (bool, error) {
	answer, known, err := s.store.FindAnswer(ctx, ask.key(), ask.Request.VNFInstanceID)
	if err != nil || replays(&answer) && answer.Outcome == placement.OutcomeGrant {
		return false, err
	}
	if err := s.fleet.CatchUp(ctx); err != nil { // to know what it has running
		return false, err
	}
	return !s.withheld(s.fleet.View(), ask, &known, nil), nil
}

// agreed adds to a grant what the NFVO upstream said of it. ErrNotAgreed while it has not, Forbidden when it refused, NotFound when it
// could not be asked and all was given back.
func (s *Service) agreed(ctx context.Context, g placement.Grant) (placement.Grant, error) {
	if s.settings.Upstream == nil {
		return g, nil
	}
	a, relayed, err := s.settings.Upstream.Answer(ctx, g.ID)
	switch {
	case err != nil || !relayed:
		return g, err
	case a.State == placement.UpstreamRefused:
		return g, placement.Errorf(placement.Forbidden, "%s", a.Detail)
	case a.State == placement.UpstreamFailed:
		return g, placement.NoSuch("grant", g.ID) // it was given back
	case a.State != placement.UpstreamAgreed:
		return g, ErrNotAgreed
	}
	g.Upstream = a.Grant
	return g, nil
}

// ErrNotAgreed says that the NFVO upstream has not agreed to a grant, so that nobody may read it.
var ErrNotAgreed = placement.Errorf(placement.Unavailable, "the NFVO upstream has not agreed to this grant: ask for it again with the same request")
