package grant

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// commit has the store commit the plan of an attempt, verified again under its locks.
func (s *Service) commit(ctx context.Context, key placement.IdempotencyKey, a *attempt) (placement.CommitResult, error) {
	in := &a.decision.Inputs
	grantID := cmp.Or(a.grantID, uuid.NewString())
	for i := range a.plan.Placements {
		a.plan.Placements[i].ResidencyID = residencyID(grantID, a.plan.Placements[i].ResourceDefinitionID)
	}
	s.underway.begin(a.plan, time.Now())
	a.decision.Outcome, a.decision.Plan = placement.OutcomeGrant, a.plan
	c := placement.Commit{
		Key: key, Decision: a.decision, GrantID: grantID, Supersedes: in.Superseded, End: endRules(a.view),
		ReservationTTL: s.settings.ReservationTTL, AttestationMargin: s.settings.AttestationMargin,
		Directives: directive.Build(a.view.Catalogue, in, a.plan, a.hostOf, a.released),
	}
	c.Answer = a.answer(c.Directives)
	c.VIMAssets = a.vimAssets(c.Answer)
	c.SiblingsOf, c.ExistingRefs = spanning(a.view, in)
	c.Standing = standingScopes(a.view.Catalogue, &in.Request)
	c.TogetherOf = solver.TogetherOf(a.view, in)
	start := time.Now()
	res, err := s.store.Commit(ctx, c, verify(a, c.Directives))
	if err != nil || res.Status != placement.CommitDone {
		s.underway.abandon(a.plan)
	}
	s.observer.Committed(ctx, time.Since(start), res.Status == placement.CommitStale)
	return res, err
}

// checkCache is the check of the reason that a host's cache changed after its directives were built. No client sees it.
const checkCache = "STALE-CACHE"

// verify judges the plan of an attempt and its directives by the facts under lock.
func verify(a *attempt, directives []placement.Directive) placement.Verify {
	judge := solver.Verify(a.view, &a.decision.Inputs, a.plan)
	return func(facts placement.CommitFacts) []placement.Reason {
		if reasons := judge(facts); len(reasons) > 0 {
			return reasons
		}
		host, outdated := directive.Outdated(directives, facts.Hosts)
		for i := 0; i < len(facts.Hosts) && !outdated; i++ {
			host = facts.Hosts[i].Host.ID
			for _, r := range a.raised(facts.Hosts[i], facts.Now) {
				outdated = outdated || directive.Ordered(directives, host, r.TrustDomainID, r.Digest) < r.Mode
			}
		}
		if outdated {
			return []placement.Reason{{RuleID: checkCache, Check: checkCache, Params: map[string]string{"object": host}}}
		}
		return nil
	}
}

// raised lists what has to lie more strictly on a host because of the plan.
func (a *attempt) raised(f placement.HostFacts, now time.Time) []policy.Raised {
	in := &a.decision.Inputs
	world := &policy.World{Catalogue: a.view.Catalogue, Set: a.view.Policies, Now: now, HostMappingMaxAge: in.MappingMaxAge}
	f.Residents = slices.DeleteFunc(slices.Clone(f.Residents), func(r *placement.Residency) bool { return slices.Contains(in.Superseded, r.ID) })
	return solver.Raised(world, in, a.plan, f)
}

// endRules say what follows from the end of what a request supersedes.
func endRules(view *fleet.View) placement.EndRules {
	return placement.EndRules{
		Residue: func(r *placement.Residency, h *placement.Host, remaining []*placement.Residency, cache []placement.CacheEntry) []placement.Residue {
			return policy.Levels{Catalogue: view.Catalogue, Set: view.Policies}.ResidueOf(h, r, remaining, cache)
		},
		Purge: directive.PurgeAfter,
	}
}

// hostOf is what directives are built from for a host of the plan.
func (a *attempt) hostOf(k placement.HostKey) directive.Host {
	if h, known := a.hosts[k]; known {
		return h
	}
	if a.hosts == nil {
		a.hosts = map[placement.HostKey]directive.Host{}
	}
	a.hosts[k] = a.lookUp(k)
	return a.hosts[k]
}

func (a *attempt) lookUp(k placement.HostKey) directive.Host {
	slot, ok := a.view.Slot(k.HostID)
	if !ok {
		return directive.Host{Record: &placement.Host{ID: k.HostID, NFVIPoPID: k.NFVIPoPID}}
	}
	return directive.Host{
		Record: a.view.Host(slot), Cache: a.view.CacheOf(k.HostID), Raised: a.raised(a.view.Facts(slot), a.decision.Inputs.Now),
	}
}

// answer is what the grant says of each placement. Of a cache it says what is ordered, which may be more than the placement
// itself asks for.
func (a *attempt) answer(directives []placement.Directive) []placement.GrantedPlacement {
	out := make([]placement.GrantedPlacement, len(a.plan.Placements))
	for i := range a.plan.Placements {
		pl := a.plan.Placements[i]
		pl.Cache = slices.Clone(pl.Cache)
		for j := range pl.Cache {
			c := &pl.Cache[j]
			c.Mode = max(c.Mode, directive.Ordered(directives, pl.HostID, a.decision.Inputs.Demands[pl.Demand].Workload.TrustDomainID, c.Digest))
		}
		h := a.hostOf(placement.HostKey{NFVIPoPID: pl.NFVIPoPID, HostID: pl.HostID}).Record
		w := &a.decision.Inputs.Demands[pl.Demand].Workload
		out[i] = placement.GrantedPlacement{
			Placement: pl, VIMConnectionID: h.VIMConnectionID, VIMZoneID: h.VIMZoneID, HostPoolID: h.HostPoolID,
			ZoneGroupIDs: a.view.Catalogue.ResourceZones[h.ResourceZoneID].ZoneGroupIDs, TrustDomainID: w.TrustDomainID, Namespace: directive.Namespace(w.TrustDomainID, w.NF.VNFInstanceID), Resources: w.Resources,
		}
		if n := h.Node(pl.CISNodeID); n != nil {
			out[i].NodeName, out[i].ClusterID = n.NodeName, n.ClusterID
		}
	}
	return out
}

// vimAssets is what the VIMs call what the VNFD mentions, in full for the operations after which the VNFM needs it: of the VNFD
// that is instantiated, or of the one that the package changes to. VIMs are those of the placements and of what is there.
func (a *attempt) vimAssets(answer []placement.GrantedPlacement) placement.VIMAssets {
	req := &a.decision.Inputs.Request
	profile, known := a.view.Catalogue.VNFProfiles[map[placement.Operation]string{
		placement.OpInstantiate: req.VNFDID, placement.OpChangeVNFPkg: req.DstVNFDID,
	}[req.Operation]]
	if !known {
		return placement.VIMAssets{}
	}
	inUse := map[string]bool{}
	for i := range answer {
		inUse[answer[i].VIMConnectionID] = true
	}
	for _, r := range a.view.ResidenciesOf(req.VNFInstanceID) {
		inUse[a.view.VIMConnection(r)] = true
	}
	return profile.VIMAssets.For(func(id string) bool { return inUse[id] })
}

// NodeSelector picks the node of a granted placement, as its PLACE directive does.
func NodeSelector(pl *placement.GrantedPlacement) map[string]string {
	h := placement.Host{ID: pl.HostID, CISNodes: []placement.CISNode{{ID: pl.CISNodeID, NodeName: pl.NodeName}}}
	return directive.NodeSelector(&h, pl.CISNodeID)
}

// Tolerations let a granted placement onto the nodes of its trust domain.
func Tolerations(pl *placement.GrantedPlacement) []placement.Toleration {
	return directive.Tolerations(pl.TrustDomainID)
}

// residencyID derives the id of a residency from its grant, so that it is known before the commit.
func residencyID(grantID, resourceDefinitionID string) string {
	sum := sha256.Sum256([]byte(grantID + "\x00" + resourceDefinitionID))
	return hex.EncodeToString(sum[:16])
}

// spanning tells what beyond the chosen hosts the verification needs: the replicas of components under a rule
// or constraint that spans hosts, and the existing resources that constraints name.
func spanning(view *fleet.View, in *placement.Inputs) (siblings []placement.ComponentKey, existing []string) {
	hard := false
	for i := range in.Request.PlacementConstraints {
		c := &in.Request.PlacementConstraints[i]
		hard = hard || !c.FallbackBestEffort
		for _, ref := range c.Resources {
			if ref.Existing {
				existing = append(existing, ref.ResourceID)
			}
		}
	}
	for i := range in.Request.VIMConstraints {
		hard = true
		for _, ref := range in.Request.VIMConstraints[i].Resources {
			if ref.Existing {
				existing = append(existing, ref.ResourceID)
			}
		}
	}
	if !hard && !solver.SpansHosts(view, in) {
		return nil, existing
	}
	seen := map[placement.ComponentKey]bool{}
	for _, k := range descriptorSiblings(view.Catalogue, &in.Request) {
		seen[k] = true
		siblings = append(siblings, k)
	}
	for i := range in.Demands {
		w := &in.Demands[i].Workload
		k := placement.ComponentKey{VNFInstanceID: w.NF.VNFInstanceID, InstanceKey: w.NF.InstanceKey, ComponentID: w.ComponentID}
		if !seen[k] {
			seen[k] = true
			siblings = append(siblings, k)
		}
	}
	return siblings, existing
}
