package grant

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// attempt is one decision on one view.
type attempt struct {
	view     *fleet.View
	plan     *placement.Plan
	decision placement.Decision
	grantID  string                 // that the grant is to have; empty: a new one
	released []*placement.Residency // that the request removes or supersedes
	hosts    map[placement.HostKey]directive.Host
}

func (s *Service) decide(ctx context.Context, ask Ask, known *placement.VNFInstanceParams, superseded []string, n int) (attempt, error) {
	view := s.fleet.View()
	in, err := s.inputs(view, &ask.Request, known, asker{clientID: ask.ClientID, li: ask.LI})
	if err != nil {
		return attempt{}, err
	}
	in.Superseded, in.Attempt = superseded, n
	in.Releases = slices.DeleteFunc(in.Releases, func(id string) bool { return slices.Contains(superseded, id) }) // they go at once
	in.Seed = seed(ask, n)
	start := time.Now()
	plan, why := solver.Solve(view, &in)
	s.observer.Solved(ctx, time.Since(start))
	a := attempt{view: view, plan: plan, grantID: ask.grantID, decision: placement.Decision{
		ID: uuid.NewString(), NFVIPoPID: placement.DecisionPoP, Kind: placement.DecisionGrant, Outcome: placement.OutcomeRefuse,
		At: in.Now, ClientID: ask.ClientID, Inputs: in, Explanation: why, Relayed: s.relays(&ask) && !s.withheld(view, &ask, known, plan),
	}}
	for _, id := range append(append([]string{}, in.Superseded...), in.Releases...) {
		if r := view.Residency(id); r != nil {
			a.released = append(a.released, r)
		}
	}
	return a, nil
}

// asker is who wants a decision.
type asker struct {
	clientID string
	readsAll bool
	li       bool // cleared for lawful interception
}

// knows tells whether a VNF instance of an owner exists for the asker. What has no owner yet may become anybody's.
func (a asker) knows(owner string) bool { return owner == "" || a.readsAll || owner == a.clientID }

// inputs collects everything that a decision on the view depends on.
func (s *Service) inputs(view *fleet.View, req *placement.GrantRequest, known *placement.VNFInstanceParams, by asker) (in placement.Inputs, err error) {
	in = placement.Inputs{
		Request: *req, Now: s.fleet.Now(), Position: view.Position, PolicyEpoch: view.Epoch,
		CompilerVersion: policy.CompilerVersion, ExplainLevel: placement.ExplainNone, MappingMaxAge: s.settings.HostMappingMaxAge,
	}
	if slices.ContainsFunc(req.VIMConstraints, func(c placement.VIMConstraint) bool { return c.SameResourceGroup }) {
		in.ResourceGroups = s.settings.ResourceGroups
	}
	for _, p := range view.Policies.For(req.VNFInstanceID) {
		in.Policies = append(in.Policies, p.Ref)
	}
	if !by.knows(known.ClientID) {
		in.Demands = []placement.Demand{foreign(req)}
		return in, nil
	}
	catalogue := view.Catalogue
	if in.WithoutLI = !by.li; in.WithoutLI {
		catalogue = catalogue.WithoutLI()
	}
	lacking := expand(catalogue, &in.Request)
	var unplaced []placement.Reason
	b := newBuilder(catalogue, &in.Request, *known)
	in.Request.UpdateResources = slices.Clone(req.UpdateResources)
	in.Releases, unplaced = replace(view, b, releases(view, req))
	lacking = append(lacking, unplaced...)
	rules := descriptorConstraints(catalogue, &in.Request, view.ResidenciesOf(req.VNFInstanceID), in.Releases)
	standing := standingConstraints(view, &in.Request, in.Releases, in.WithoutLI)
	in.Request.PlacementConstraints = slices.Concat(req.PlacementConstraints, rules, standing)
	if in.Demands, err = b.all(); err != nil {
		return placement.Inputs{}, err
	}
	if len(lacking) > 0 {
		in.Demands = append(in.Demands, placement.Demand{Unknown: lacking})
	}
	return in, nil
}

// seed makes the random choices of a decision repeatable, and different for another request or attempt.
func seed(ask Ask, attempt int) uint64 {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q %d ", ask.ClientID, ask.Request.VNFLcmOpOccID, attempt)
	_, _ = h.Write(ask.BodySHA256[:])
	return binary.BigEndian.Uint64(h.Sum(nil))
}
