package grant

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// CachePurpose says why an artefact would be brought to a host.
type CachePurpose string

// The purposes of a cache question.
const (
	PurposePrePull CachePurpose = "PRE_PULL" // before a workload is granted
	PurposeStart   CachePurpose = "START"    // for a workload that has a standing grant
)

// CacheQuestion asks whether, and in which mode, an artefact may be brought to a host for a trust domain.
type CacheQuestion struct {
	ClientID      string
	Digest        string
	HostID        string
	TrustDomainID string
	Purpose       CachePurpose
	LI            bool // cleared for lawful interception, or asks for its own host
	Order         bool // with PRE_PULL: have the host told to fetch it, if it may
}

// CacheAnswer is the answer to a CacheQuestion.
type CacheAnswer struct {
	Decision placement.Decision
	Allowed  bool
	Mode     placement.CacheMode
	Reasons  []placement.Reason
	Seq      int64 // of the directive that orders it; 0: none
}

// DecideCache answers a question about a cache and records the answer, with the directives of an order in one transaction.
func (s *Service) DecideCache(ctx context.Context, q CacheQuestion) (ans CacheAnswer, err error) {
	start := time.Now()
	for range maxAttempts {
		if ans, err = s.decideCache(ctx, &q); err == nil || !errors.Is(err, placement.ErrRulesOutdated) {
			break
		}
	}
	if err == nil {
		s.observer.Decided(ctx, string(placement.DecisionCache), string(ans.Decision.Outcome), time.Since(start))
	}
	return ans, err
}

func (s *Service) decideCache(ctx context.Context, q *CacheQuestion) (CacheAnswer, error) {
	if err := s.fleet.CatchUp(ctx); err != nil {
		return CacheAnswer{}, err
	}
	view := s.fleet.View()
	in := placement.Inputs{
		Demands:       solver.CacheDemands(view.Catalogue, q.TrustDomainID, q.Digest),
		RestrictHosts: []string{q.HostID}, Now: s.fleet.Now(), Position: view.Position, PolicyEpoch: view.Epoch,
		ExplainLevel: placement.ExplainFull, MappingMaxAge: s.settings.HostMappingMaxAge,
	}
	for _, p := range view.Policies.For("") {
		in.Policies = append(in.Policies, p.Ref)
	}
	ans := CacheAnswer{}
	in.PrePull, in.WithoutLI = q.Purpose == PurposePrePull, !q.LI
	ans.Mode, ans.Reasons = solver.SolveCache(view, &in)
	ans.Allowed = len(ans.Reasons) == 0
	ans.Decision = placement.Decision{
		ID: uuid.NewString(), NFVIPoPID: placement.DecisionPoP, Kind: placement.DecisionCache, Outcome: outcome(ans.Allowed), At: in.Now,
		ClientID: q.ClientID, Inputs: in, Explanation: placement.Explanation{Reasons: ans.Reasons},
	}
	if !ans.Allowed || !q.Order {
		return ans, s.store.RecordDecision(ctx, ans.Decision)
	}
	var err error
	ans.Seq, err = s.store.OrderCache(ctx, ans.Decision, q.HostID, permit(view, q, &ans))
	return ans, err
}

// permit judges a question again under the host's lock, and says what the host is told: nothing, when the answer is another one.
func permit(view *fleet.View, q *CacheQuestion, ans *CacheAnswer) placement.OrderCache {
	return func(f placement.HostFacts, now time.Time) []placement.Directive {
		in := &ans.Decision.Inputs
		if mode, why := solver.SolveCacheOn(view, in, f, now); len(why) > 0 || mode != ans.Mode {
			return nil
		}
		choice := placement.CacheChoice{Digest: q.Digest, Mode: ans.Mode}
		world := policy.World{Catalogue: view.Catalogue, Set: view.Policies, Now: now, HostMappingMaxAge: in.MappingMaxAge}
		raised := world.RaisedBy(f, []placement.CacheChoice{choice})
		return directive.Permit(view.Catalogue, q.TrustDomainID, choice, directive.Host{Record: f.Host, Cache: f.Cache, Raised: raised})
	}
}
