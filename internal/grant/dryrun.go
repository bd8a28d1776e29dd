package grant

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// Question is a dry run: what would be answered to a request, and why. Nothing is reserved.
type Question struct {
	ClientID string
	ReadsAll bool // may ask about the VNF instances of all clients
	LI       bool // cleared for lawful interception
	Request  placement.GrantRequest
	Level    placement.ExplainLevel
	Limit    int      // hosts listed by a full explanation; 0: the default
	HostIDs  []string // restrict the answer to these; empty: all
	// Candidates are judged instead of the policies in force, for a look at a version before it is activated.
	Candidates []placement.ActivePolicy
}

// Decide answers a question and records the answer.
func (s *Service) Decide(ctx context.Context, q Question) (placement.Decision, error) {
	start := time.Now()
	if err := s.fleet.CatchUp(ctx); err != nil {
		return placement.Decision{}, err
	}
	view := s.fleet.View()
	for i, id := range q.HostIDs {
		if slot, known := view.Slot(id); !known || !q.LI && view.Catalogue.LIHostPools()[view.Host(slot).HostPoolID] {
			unknown := placement.NoSuch("host", id)
			return placement.Decision{}, &placement.Error{Kind: placement.Invalid, Message: "hostIds: " + unknown.Message, Findings: []placement.Finding{
				{Severity: "ERROR", Code: "UNKNOWN_REFERENCE", Pointer: fmt.Sprintf("/hostIds/%d", i), Message: unknown.Message},
			}}
		}
	}
	if len(q.Candidates) > 0 {
		set, err := policy.CompileSet(q.Candidates)
		if err != nil {
			return placement.Decision{}, err
		}
		view = view.With(set)
	}
	known, err := s.store.VNFInstanceParams(ctx, q.Request.VNFInstanceID)
	if err != nil {
		return placement.Decision{}, err
	}
	in, err := s.inputs(view, &q.Request, &known, asker{clientID: q.ClientID, readsAll: q.ReadsAll, li: q.LI})
	if err != nil {
		return placement.Decision{}, err
	}
	id := uuid.New()
	in.Seed = binary.BigEndian.Uint64(id[:8])
	in.Candidates = q.Candidates
	in.ExplainLevel, in.ExplainLimit, in.RestrictHosts = q.Level, q.Limit, q.HostIDs
	solved := time.Now()
	plan, why := solver.Solve(view, &in)
	s.observer.Solved(ctx, time.Since(solved))
	d := placement.Decision{
		ID: id.String(), NFVIPoPID: placement.DecisionPoP, Kind: placement.DecisionDryRun, Outcome: outcome(plan != nil), At: in.Now,
		ClientID: q.ClientID, Inputs: in, Plan: plan, Explanation: why,
	}
	if err := s.store.RecordDecision(ctx, d); err != nil {
		return placement.Decision{}, err
	}
	s.observer.Decided(ctx, string(d.Kind), string(d.Outcome), time.Since(start))
	return d, nil
}

// Decision returns a recorded decision.
func (s *Service) Decision(ctx context.Context, id string) (placement.Decision, error) {
	return s.store.GetDecision(ctx, id)
}

// Find returns a grant to the client that asked for it. To others it does not exist.
func (s *Service) Find(ctx context.Context, clientID, grantID string) (placement.Grant, error) {
	g, err := s.store.GetGrant(ctx, grantID)
	if err != nil {
		return placement.Grant{}, err
	}
	if g.ClientID != clientID {
		return placement.Grant{}, placement.NoSuch("grant", grantID)
	}
	return s.agreed(ctx, g)
}
