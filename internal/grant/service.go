// Package grant is the use case of granting: ask, decide, commit, answer. It also answers the same question
// without consequences (dry run), replays recorded decisions and answers questions about caches.
//
// It owns the small interfaces of what it needs: a store that commits, and a replica of the fleet to decide on.
// It knows neither HTTP nor SQL.
package grant

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/directive"
	"ringfence/internal/fleet"
	"ringfence/internal/placement"
	"ringfence/internal/policy"
	"ringfence/internal/solver"
)

// maxAttempts is how often a grant is decided again because the facts under lock no longer fit its plan.
const maxAttempts = 4

// Store is what granting needs of the database.
type Store interface {
	// FindAnswer looks for the answer to an earlier request with the key, behind a durability barrier.
	FindAnswer(ctx context.Context, key placement.IdempotencyKey) (placement.Answer, error)
	// Commit runs the commit protocol. Unavailable means that the outcome is unknown.
	Commit(ctx context.Context, c placement.Commit, verify placement.Verify) (placement.CommitResult, error)
	// RecordRefusal stores a refusal, unless the epoch moved or the request was granted meanwhile.
	RecordRefusal(ctx context.Context, key placement.IdempotencyKey, d placement.Decision) (recorded bool, err error)
	// RecordDecision stores a decision that reserves nothing.
	RecordDecision(ctx context.Context, d placement.Decision) error
	GetGrant(ctx context.Context, id string) (placement.Grant, error)
	// VNFInstanceParams is whose a VNF instance is, and what the policy saw of it at its instantiation, for operations
	// that do not carry it again; zero when nothing was granted for it yet.
	VNFInstanceParams(ctx context.Context, vnfInstanceID string) (placement.VNFInstanceParams, error)
	GetDecision(ctx context.Context, id string) (placement.Decision, error)
}

// Fleet is the replica that decisions are made on.
type Fleet interface {
	View() *fleet.View
	// CatchUp returns once the view includes everything that was committed before the call.
	CatchUp(ctx context.Context) error
	// Now is the database's time, as well as this process knows it.
	Now() time.Time
}

// Settings are the operator's choices that decisions depend on.
type Settings struct {
	ReservationTTL    time.Duration
	AttestationMargin time.Duration
	HostMappingMaxAge time.Duration
}

// Service grants.
type Service struct {
	store    Store
	fleet    Fleet
	settings Settings
	observer Observer
	log      *slog.Logger
	underway *underway
}

// Observer is told how long the parts of a decision took and how it ended. Its methods return quickly.
type Observer interface {
	Solved(ctx context.Context, took time.Duration)
	// Committed is told whether the plan no longer fitted under lock.
	Committed(ctx context.Context, took time.Duration, stale bool)
	Decided(ctx context.Context, kind, outcome string, took time.Duration)
}

// New returns a service.
func New(store Store, f Fleet, settings Settings, observer Observer, log *slog.Logger) *Service {
	return &Service{store: store, fleet: f, settings: settings, observer: observer, log: log, underway: newUnderway()}
}

// Ask is one grant request of a client.
type Ask struct {
	ClientID   string
	BodySHA256 [sha256.Size]byte
	Request    placement.GrantRequest
}

// Result is the answer to a request: a grant, or the decision that refused it.
type Result struct {
	Granted  bool // false unless a grant was committed
	Grant    placement.Grant
	Decision placement.Decision
	Replayed bool
}

// Grant answers a request. An error is never a refusal: Unavailable means that the caller should ask again.
func (s *Service) Grant(ctx context.Context, ask Ask) (Result, error) {
	start := time.Now()
	res, err := s.grant(ctx, ask)
	if err == nil {
		s.observer.Decided(ctx, string(placement.DecisionGrant), string(outcome(res.Granted)), time.Since(start))
	}
	return res, err
}

func outcome(granted bool) placement.Outcome {
	if granted {
		return placement.OutcomeGrant
	}
	return placement.OutcomeRefuse
}

func (s *Service) grant(ctx context.Context, ask Ask) (Result, error) {
	key := placement.IdempotencyKey{ClientID: ask.ClientID, VNFLcmOpOccID: ask.Request.VNFLcmOpOccID, BodySHA256: ask.BodySHA256}
	answer, err := s.store.FindAnswer(ctx, key)
	if err != nil {
		return Result{}, err
	}
	if replays(&answer) {
		return s.replayAnswer(ctx, answer)
	}
	// The view includes all that was committed when the request came: only then it may be refused, or end something.
	current := removes(&ask.Request) || len(answer.Unconfirmed) > 0
	if current {
		if err := s.fleet.CatchUp(ctx); err != nil {
			return Result{}, err
		}
	}
	for attempt, evasions := 0, 0; attempt < maxAttempts; {
		try, err := s.decide(ctx, ask, answer.Unconfirmed, attempt+evasions)
		if err != nil {
			return Result{}, err
		}
		if try.plan != nil && evasions < maxEvasions && s.underway.meets(try.view, try.plan, time.Now()) {
			evasions++
			continue
		}
		if try.plan == nil {
			if !current {
				if err := s.fleet.CatchUp(ctx); err != nil {
					return Result{}, err
				}
				if current = true; s.fleet.View().Position != try.view.Position {
					continue
				}
			}
			recorded, err := s.store.RecordRefusal(ctx, key, try.decision)
			if err != nil || recorded {
				return Result{Decision: try.decision}, err
			}
			if answer, err = s.store.FindAnswer(ctx, key); err != nil {
				return Result{}, err
			}
			if replays(&answer) { // granted meanwhile, to the same request at another replica
				return s.replayAnswer(ctx, answer)
			}
			attempt++
		} else {
			committed, err := s.commit(ctx, key, try)
			switch {
			case err != nil:
				return Result{}, err
			case committed.Status == placement.CommitDone:
				return Result{Granted: true, Grant: committed.Grant, Decision: try.decision}, nil
			case committed.Status == placement.CommitAnswered:
				return s.answeredMeanwhile(ctx, key)
			}
			s.log.DebugContext(ctx, "decide again", "decision", try.decision.ID, "reasons", len(committed.Reasons), "attempt", attempt)
			attempt++
		}
		if err := s.fleet.CatchUp(ctx); err != nil {
			return Result{}, err
		}
		current = true
	}
	return Result{}, placement.Errorf(placement.Unavailable, "the fleet changed faster than the request could be decided; retry")
}

// replays tells whether an answer is given again.
func replays(a *placement.Answer) bool { return a.Found && a.SameBody && a.Stands }

// answeredMeanwhile reads the answer that another request with the same key was given while this one was decided.
func (s *Service) answeredMeanwhile(ctx context.Context, key placement.IdempotencyKey) (Result, error) {
	answer, err := s.store.FindAnswer(ctx, key)
	if err != nil {
		return Result{}, err
	}
	if !answer.Found || !answer.SameBody {
		return Result{}, placement.Errorf(placement.Unavailable, "another request for the same operation was answered meanwhile; retry")
	}
	return s.replayAnswer(ctx, answer)
}

func (s *Service) replayAnswer(ctx context.Context, a placement.Answer) (Result, error) {
	if a.Outcome == placement.OutcomeGrant {
		g, err := s.store.GetGrant(ctx, a.GrantID)
		return Result{Granted: err == nil, Grant: g, Replayed: true}, err
	}
	d, err := s.store.GetDecision(ctx, a.DecisionID)
	return Result{Decision: d, Replayed: true}, err
}

// attempt is one decision on one view.
type attempt struct {
	view     *fleet.View
	plan     *placement.Plan
	decision placement.Decision
	released []*placement.Residency // that the request removes or supersedes
}

func (s *Service) decide(ctx context.Context, ask Ask, superseded []string, n int) (attempt, error) {
	view := s.fleet.View()
	in, err := s.inputs(ctx, view, &ask.Request, asker{clientID: ask.ClientID})
	if err != nil {
		return attempt{}, err
	}
	in.Superseded, in.Attempt = superseded, n
	in.Seed = seed(ask, n)
	start := time.Now()
	plan, why := solver.Solve(view, &in)
	s.observer.Solved(ctx, time.Since(start))
	a := attempt{view: view, plan: plan, decision: placement.Decision{
		ID: uuid.NewString(), NFVIPoPID: placement.DecisionPoP, Kind: placement.DecisionGrant, Outcome: placement.OutcomeRefuse,
		At: in.Now, ClientID: ask.ClientID, Inputs: in, Explanation: why,
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
}

// knows tells whether a VNF instance of an owner exists for the asker. What has no owner yet may become anybody's.
func (a asker) knows(owner string) bool { return owner == "" || a.readsAll || owner == a.clientID }

// inputs collects everything that a decision on the view depends on.
func (s *Service) inputs(ctx context.Context, view *fleet.View, req *placement.GrantRequest, by asker) (placement.Inputs, error) {
	mem, err := s.store.VNFInstanceParams(ctx, req.VNFInstanceID)
	if err != nil {
		return placement.Inputs{}, err
	}
	in := placement.Inputs{
		Request: *req, Now: s.fleet.Now(), Position: view.Position, PolicyEpoch: view.Epoch,
		CompilerVersion: policy.CompilerVersion, ExplainLevel: placement.ExplainNone, MappingMaxAge: s.settings.HostMappingMaxAge,
	}
	for _, p := range view.Policies.For(req.VNFInstanceID) {
		in.Policies = append(in.Policies, p.Ref)
	}
	if !by.knows(mem.ClientID) {
		in.Demands = []placement.Demand{foreign(req)}
		return in, nil
	}
	if in.Demands, err = Demands(view.Catalogue, req, mem); err != nil {
		return placement.Inputs{}, err
	}
	in.Releases = releases(view, req)
	return in, nil
}

// seed makes the random choices of a decision repeatable, and different for another request or attempt.
func seed(ask Ask, attempt int) uint64 {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q %d ", ask.ClientID, ask.Request.VNFLcmOpOccID, attempt)
	_, _ = h.Write(ask.BodySHA256[:])
	return binary.BigEndian.Uint64(h.Sum(nil))
}

func (s *Service) commit(ctx context.Context, key placement.IdempotencyKey, a attempt) (placement.CommitResult, error) {
	in := &a.decision.Inputs
	grantID := uuid.NewString()
	for i := range a.plan.Placements {
		a.plan.Placements[i].ResidencyID = residencyID(grantID, a.plan.Placements[i].ResourceDefinitionID)
	}
	s.underway.begin(a.plan, time.Now())
	a.decision.Outcome, a.decision.Plan = placement.OutcomeGrant, a.plan
	c := placement.Commit{
		Key: key, Decision: a.decision, GrantID: grantID, Supersedes: in.Superseded, End: endRules(a.view),
		ReservationTTL: s.settings.ReservationTTL, AttestationMargin: s.settings.AttestationMargin,
		Directives: directive.Build(a.view.Catalogue, in, a.plan, a.hostOf, a.released),
		Answer:     a.answer(),
	}
	c.SiblingsOf, c.ExistingRefs = spanning(a.view, in)
	start := time.Now()
	res, err := s.store.Commit(ctx, c, solver.Verify(a.view, in, a.plan))
	if err != nil || res.Status != placement.CommitDone {
		s.underway.abandon(a.plan)
	}
	s.observer.Committed(ctx, time.Since(start), res.Status == placement.CommitStale)
	return res, err
}

// endRules say what follows from the end of what a request supersedes.
func endRules(view *fleet.View) placement.EndRules {
	return placement.EndRules{
		Residue: func(r *placement.Residency, h *placement.Host, remaining []*placement.Residency) []placement.Residue {
			return policy.ResidueOf(view.Catalogue, h, r, remaining, view.CacheOf(h.ID))
		},
		Purge: directive.PurgeAfter,
	}
}

func (a *attempt) hostOf(k placement.HostKey) directive.Host {
	slot, ok := a.view.Slot(k.HostID)
	if !ok {
		return directive.Host{Record: &placement.Host{ID: k.HostID, NFVIPoPID: k.NFVIPoPID}}
	}
	return directive.Host{Record: a.view.Host(slot), Cache: a.view.CacheOf(k.HostID)}
}

// answer is what the grant says of each placement.
func (a *attempt) answer() []placement.GrantedPlacement {
	out := make([]placement.GrantedPlacement, len(a.plan.Placements))
	for i := range a.plan.Placements {
		pl := a.plan.Placements[i]
		h := a.hostOf(placement.HostKey{NFVIPoPID: pl.NFVIPoPID, HostID: pl.HostID}).Record
		w := &a.decision.Inputs.Demands[pl.Demand].Workload
		out[i] = placement.GrantedPlacement{
			Placement: pl, VIMConnectionID: h.VIMConnectionID, VIMZoneID: h.VIMZoneID, HostPoolID: h.HostPoolID,
			TrustDomainID: w.TrustDomainID, Namespace: directive.Namespace(w.TrustDomainID, w.NF.VNFInstanceID), Resources: w.Resources,
		}
		if n := h.Node(pl.CISNodeID); n != nil {
			out[i].NodeName, out[i].ClusterID = n.NodeName, n.ClusterID
		}
	}
	return out
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
