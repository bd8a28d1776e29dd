// Package grant is the use case of granting: ask, decide, commit, answer. It also answers the same question
// without consequences (dry run), replays recorded decisions and answers questions about caches.
//
// It owns the small interfaces of what it needs: a store that commits, and a replica of the fleet to decide on.
// It knows neither HTTP nor SQL.
package grant

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/fleet"
	"ringfence/internal/placement"
)

// maxAttempts is how often a grant is decided again because the facts under lock no longer fit its plan.
const maxAttempts = 4

// Store is what granting needs of the database.
type Store interface {
	Queue

	// FindAnswer looks for the answer to an earlier request with the key, behind a durability barrier, and for what is known
	// of a VNF instance.
	FindAnswer(ctx context.Context, key placement.IdempotencyKey, vnfInstanceID string) (placement.Answer, placement.VNFInstanceParams, error)
	// Commit runs the commit protocol. Unavailable means that the outcome is unknown.
	Commit(ctx context.Context, c placement.Commit, verify placement.Verify) (placement.CommitResult, error)
	// RecordRefusal stores a refusal, unless the epoch moved or the request was answered with a grant meanwhile. For a client that is
	// observed it stores the empty grant of that id with it.
	RecordRefusal(ctx context.Context, key placement.IdempotencyKey, d placement.Decision, grantID string) (placement.RefusalRecord, error)
	// RecordDecision stores a decision that reserves nothing.
	RecordDecision(ctx context.Context, d placement.Decision) error
	// OrderCache records a decision that lets an artefact onto a host, with the directives that say so, and returns the number of
	// the CACHE directive. ErrRulesOutdated when order has none on the facts under the host's lock, or the epoch moved.
	OrderCache(ctx context.Context, d placement.Decision, hostID string, order placement.OrderCache) (seq int64, err error)
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
	Upstream          Upstream                 // nil: nobody else has to agree
	UpstreamLI        bool                     // it is told of lawful interception, too
	ResourceGroups    placement.ResourceGroups // of the trust domains, for VIM constraints that want one of them
}

// Service grants.
type Service struct {
	store    Store
	fleet    Fleet
	settings Settings
	observer Observer
	log      *slog.Logger
	underway *underway
	queued   chan struct{} // a request waits to be decided
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
	return &Service{store: store, fleet: f, settings: settings, observer: observer, log: log, underway: newUnderway(), queued: make(chan struct{}, 1)}
}

// Ask is one grant request of a client.
type Ask struct {
	ClientID   string
	BodySHA256 [sha256.Size]byte
	LI         bool // cleared for lawful interception
	Request    placement.GrantRequest
	Body       []byte // as it was sent, for the NFVO upstream
	// PlacementOnly says that who asks grants itself, so that the NFVO upstream is not asked.
	PlacementOnly bool

	grantID string // that the grant is to have; empty: a new one
}

// Result is the answer to a request: a grant, or the decision that refused it, or both for a client that is observed.
type Result struct {
	Granted  bool // false unless a grant was committed
	Observed bool // refused, and answered with a grant that grants nothing, because the client is observed
	Grant    placement.Grant
	Decision placement.Decision
	Replayed bool
	Upstream placement.UpstreamAnswer // what the NFVO upstream said; zero: it was not asked
}

func (a *Ask) key() placement.IdempotencyKey {
	return placement.IdempotencyKey{ClientID: a.ClientID, VNFLcmOpOccID: a.Request.VNFLcmOpOccID, BodySHA256: a.BodySHA256}
}

// Grant answers a request. An error is never a refusal: Unavailable means that the caller should ask again.
func (s *Service) Grant(ctx context.Context, ask Ask) (Result, error) {
	start := time.Now()
	decide := s.grant
	if s.relays(&ask) {
		decide = s.grantRelayed
	}
	res, err := decide(ctx, ask)
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
	key := ask.key()
	answer, known, err := s.store.FindAnswer(ctx, key, ask.Request.VNFInstanceID)
	if err != nil {
		return Result{}, err
	}
	// A current view includes all that was committed when the request came: only on it something may be refused, or ended.
	current := removes(&ask.Request) || len(answer.Unconfirmed) > 0
	if current && !replays(&answer) {
		if err := s.fleet.CatchUp(ctx); err != nil {
			return Result{}, err
		}
	}
	for attempt, evasions := 0, 0; attempt < maxAttempts; {
		if replays(&answer) {
			return s.replayAnswer(ctx, answer)
		}
		try, err := s.decide(ctx, ask, &known, answer.Unconfirmed, attempt+evasions)
		if err != nil {
			return Result{}, err
		}
		if try.plan != nil && evasions < maxEvasions && s.underway.meets(try.view, try.plan, time.Now()) {
			evasions++
			continue
		}
		conclude := s.commitPlan
		if try.plan == nil {
			conclude = s.refuse
		}
		if res, done, err := conclude(ctx, key, &try, current); done || err != nil {
			return res, err
		}
		if answer, known, err = s.store.FindAnswer(ctx, key, ask.Request.VNFInstanceID); err != nil { // what it supersedes may have changed as well
			return Result{}, err
		}
		if err := s.fleet.CatchUp(ctx); err != nil {
			return Result{}, err
		}
		attempt++
		current = true
	}
	return Result{}, placement.Errorf(placement.Unavailable, "the fleet changed faster than the request could be decided; retry")
}

// refuse records a refusal. It is not done when the view was not current, and has changed by being made so; when the epoch moved;
// or when the same request was granted meanwhile.
func (s *Service) refuse(ctx context.Context, key placement.IdempotencyKey, try *attempt, current bool) (res Result, done bool, err error) {
	if !current {
		if err := s.fleet.CatchUp(ctx); err != nil {
			return Result{}, false, err
		}
		if s.fleet.View().Position != try.view.Position {
			return Result{}, false, nil
		}
	}
	record, err := s.store.RecordRefusal(ctx, key, try.decision, uuid.NewString())
	if err != nil || !record.Recorded || record.Observed == nil {
		return Result{Decision: try.decision}, record.Recorded, err
	}
	return observedResult(*record.Observed), true, nil
}

// commitPlan commits a plan. It is not done when the plan no longer fits.
func (s *Service) commitPlan(ctx context.Context, key placement.IdempotencyKey, try *attempt, _ bool) (res Result, done bool, err error) {
	committed, err := s.commit(ctx, key, try)
	switch {
	case err != nil:
		return Result{}, false, err
	case committed.Status == placement.CommitDone:
		if r := &try.decision.Inputs.Request; r.Operation == placement.OpInstantiate && len(try.plan.Placements) == 0 {
			s.log.WarnContext(ctx, "granted an instantiation that lists nothing to place: nothing was judged and nothing is reserved",
				"decisionId", try.decision.ID, "grantId", committed.Grant.ID, "vnfInstanceId", r.VNFInstanceID)
		}
		return Result{Granted: true, Grant: committed.Grant, Decision: try.decision}, true, nil
	case committed.Status == placement.CommitAnswered:
		res, err = s.answeredMeanwhile(ctx, key)
		return res, true, err
	}
	s.log.DebugContext(ctx, "decide again", "decision", try.decision.ID, "reasons", len(committed.Reasons))
	return Result{}, false, nil
}

// replays tells whether an answer is given again.
func replays(a *placement.Answer) bool { return a.Found && a.SameBody && a.Stands }

// answeredMeanwhile reads the answer that another request with the same key was given while this one was decided.
func (s *Service) answeredMeanwhile(ctx context.Context, key placement.IdempotencyKey) (Result, error) {
	answer, _, err := s.store.FindAnswer(ctx, key, "")
	if err != nil {
		return Result{}, err
	}
	if !answer.Found || !answer.SameBody {
		return Result{}, placement.Errorf(placement.Unavailable, "another request for the same operation was answered meanwhile; retry")
	}
	return s.replayAnswer(ctx, answer)
}

// observedResult is the answer of an empty grant, which the store gives with the refusal behind it.
func observedResult(g placement.Grant) Result {
	return Result{Observed: true, Grant: g, Decision: *g.Refusal}
}

func (s *Service) replayAnswer(ctx context.Context, a placement.Answer) (Result, error) {
	if a.Outcome == placement.OutcomeRefuse && a.ObservedID != "" {
		g, err := s.store.GetGrant(ctx, a.ObservedID)
		if err != nil {
			return Result{}, err
		}
		res := observedResult(g)
		res.Replayed = true
		return res, nil
	}
	if a.Outcome == placement.OutcomeGrant {
		g, err := s.store.GetGrant(ctx, a.GrantID)
		return Result{Granted: err == nil, Grant: g, Replayed: true}, err
	}
	d, err := s.store.GetDecision(ctx, a.DecisionID)
	return Result{Decision: d, Replayed: true}, err
}
