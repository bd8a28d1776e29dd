package grant

import (
	"context"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/placement"
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
}

// CacheAnswer is the answer to a CacheQuestion.
type CacheAnswer struct {
	Decision placement.Decision
	Allowed  bool
	Mode     placement.CacheMode
	Reasons  []placement.Reason
}

// DecideCache answers a question about a cache and records the answer.
func (s *Service) DecideCache(ctx context.Context, q CacheQuestion) (CacheAnswer, error) {
	start := time.Now()
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
	in.PrePull = q.Purpose == PurposePrePull
	ans.Mode, ans.Reasons = solver.SolveCache(view, &in)
	ans.Allowed = len(ans.Reasons) == 0
	ans.Decision = placement.Decision{
		ID: uuid.NewString(), NFVIPoPID: placement.DecisionPoP, Kind: placement.DecisionCache, Outcome: outcome(ans.Allowed), At: in.Now,
		ClientID: q.ClientID, Inputs: in, Explanation: placement.Explanation{Reasons: ans.Reasons},
	}
	if err := s.store.RecordDecision(ctx, ans.Decision); err != nil {
		return CacheAnswer{}, err
	}
	s.observer.Decided(ctx, string(placement.DecisionCache), string(ans.Decision.Outcome), time.Since(start))
	return ans, nil
}
