package grant

import (
	"context"
	"time"

	"github.com/google/uuid"

	"ringfence/internal/placement"
)

// Requests that are decided later: how often a process looks for those of others, and how long it may take for one.
const (
	pendingInterval = 500 * time.Millisecond
	pendingLease    = time.Minute
)

// Queue keeps requests that are decided later, over restarts and for all replicas.
type Queue interface {
	// QueueGrant keeps a request until it is decided and returns its id: that of the same request where that waits already.
	QueueGrant(ctx context.Context, p placement.PendingGrant) (id string, err error)
	// ClaimGrant takes the oldest request that nobody has claimed, for a lease; false: there is none.
	ClaimGrant(ctx context.Context, lease time.Duration) (placement.PendingGrant, bool, error)
	ConcludeGrant(ctx context.Context, p placement.PendingGrant) error
	// PendingGrant returns a request that a client has queued; NotFound also for another client's.
	PendingGrant(ctx context.Context, clientID, id string) (placement.PendingGrant, error)
}

// Take keeps a request to be decided later and returns the id of the grant-to-be. A request whose grant stands has its id at once.
func (s *Service) Take(ctx context.Context, ask Ask) (grantID string, err error) {
	key := ask.key()
	answer, _, err := s.store.FindAnswer(ctx, key, ask.Request.VNFInstanceID)
	if err != nil {
		return "", err
	}
	if replays(&answer) && answer.Outcome == placement.OutcomeGrant {
		return answer.GrantID, nil
	}
	id, err := s.store.QueueGrant(ctx, placement.PendingGrant{ID: uuid.NewString(), Key: key, LI: ask.LI, Request: ask.Request, Body: ask.Body})
	if err != nil {
		return "", err
	}
	select {
	case s.queued <- struct{}{}:
	default:
	}
	return id, nil
}

// Pending returns a request that a client has queued.
func (s *Service) Pending(ctx context.Context, clientID, id string) (placement.PendingGrant, error) {
	return s.store.PendingGrant(ctx, clientID, id)
}

// RunPending decides requests that are decided later, until the context ends. granted is called after each grant.
func (s *Service) RunPending(ctx context.Context, granted func()) error {
	tick := time.NewTicker(pendingInterval)
	defer tick.Stop()
	for {
		for s.decidePending(ctx, granted) {
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.queued:
		case <-tick.C:
		}
	}
}

// decidePending decides one request and tells whether there was one. What fails for now is left to be claimed again.
func (s *Service) decidePending(ctx context.Context, granted func()) bool {
	p, found, err := s.store.ClaimGrant(ctx, pendingLease)
	if err != nil || !found {
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "requests that are to be decided could not be looked for", "error", err.Error())
		}
		return false
	}
	ask := Ask{ClientID: p.Key.ClientID, BodySHA256: p.Key.BodySHA256, LI: p.LI, Request: p.Request, Body: p.Body, grantID: p.ID}
	if _, err := s.store.GetGrant(ctx, p.ID); err == nil && s.settings.Upstream != nil {
		ask.grantID = "" // it was granted under its id, and given back because the NFVO upstream did not agree
	}
	res, err := s.Grant(ctx, ask)
	switch {
	case placement.KindOf(err) == placement.Invalid && err != nil:
		p.Fault = err.Error()
	case err != nil:
		s.log.WarnContext(ctx, "a request was not decided yet", "grantId", p.ID, "clientId", p.Key.ClientID, "error", err.Error())
		return false
	case res.Upstream.State == placement.UpstreamRefused:
		p.Fault = res.Upstream.Detail
	case res.Granted || res.Observed:
		p.GrantID = res.Grant.ID
	default:
		p.DecisionID = res.Decision.ID
	}
	if err := s.store.ConcludeGrant(ctx, p); err != nil {
		s.log.WarnContext(ctx, "an answer was not recorded yet", "grantId", p.ID, "error", err.Error())
		return false
	}
	s.log.InfoContext(ctx, "decision", "decisionId", res.Decision.ID, "grantId", p.GrantID, "outcome", string(outcome(res.Granted)), "clientId", p.Key.ClientID, "polled", true)
	if res.Granted {
		granted()
	}
	return true
}
