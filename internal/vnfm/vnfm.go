package vnfm

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"ringfence/internal/peer"
	"ringfence/internal/placement"
)

// The pace of looking after VNFMs.
const (
	pollInterval = time.Second
	checkEvery   = time.Minute // while all is well
	firstPause   = 5 * time.Second
	longestPause = 5 * time.Minute
	leaseTime    = time.Minute
	workTime     = 45 * time.Second // within the lease
	patience     = time.Hour        // with a VNFM that does not delete a subscription
	maxAsked     = 50               // operations that are asked about each time
	soon         = 15 * time.Minute // before its end a reservation is about to expire
)

// Store is what following VNFMs needs of the database.
type Store interface {
	// AddVNFM stores a VNFM, to be looked after at once. Conflict when another one has its id, API root or client.
	AddVNFM(ctx context.Context, v placement.VNFM) (placement.VNFM, error)
	// UnsubscribeVNFM makes a VNFM UNSUBSCRIBING, to be told at once. NotFound.
	UnsubscribeVNFM(ctx context.Context, id, actor string) error
	// ClaimVNFM takes a VNFM that is due and that no other replica looks after, for a lease; false: there is none.
	ClaimVNFM(ctx context.Context, lease time.Duration) (placement.VNFM, bool, error)
	// RecordVNFM records how far the subscription is, and ends the lease. One that was deleted meanwhile stays UNSUBSCRIBING, and is due.
	RecordVNFM(ctx context.Context, v placement.VNFM, after time.Duration) error
	// ForgetVNFM deletes a VNFM that is UNSUBSCRIBING.
	ForgetVNFM(ctx context.Context, id string) error
	// ExpiringOperations are the operations of a client with reservations that expire within a time, the first to expire first.
	ExpiringOperations(ctx context.Context, clientID string, within time.Duration, n int) ([]placement.GrantedOperation, error)
}

// Operations follow what becomes of operations.
type Operations interface {
	FollowOperation(ctx context.Context, ev placement.OperationEvent, ttl time.Duration) (placement.OperationOutcome, error)
}

// Settings are the operator's choices.
type Settings struct {
	CallbackURI    string // where notifications are taken
	ReservationTTL time.Duration
}

// Service follows VNFMs.
type Service struct {
	store      Store
	operations Operations
	caller     *peer.Caller
	settings   Settings
	log        *slog.Logger
}

// New returns a service.
func New(store Store, operations Operations, caller *peer.Caller, settings Settings, log *slog.Logger) *Service {
	return &Service{store: store, operations: operations, caller: caller, settings: settings, log: log}
}

// Add registers a VNFM. Invalid when it could not be called as the operator's files are, Conflict when another one has its id, API
// root or client.
func (s *Service) Add(ctx context.Context, v placement.VNFM) (placement.VNFM, error) {
	v.APIRoot = strings.TrimRight(v.APIRoot, "/")
	if _, err := s.caller.Credentials(peerOf(&v)); err != nil {
		return placement.VNFM{}, placement.Wrap(placement.Invalid, err, "%s", err)
	}
	return s.store.AddVNFM(ctx, v)
}

// Delete has the subscription to a VNFM deleted there, and then forgets the VNFM.
func (s *Service) Delete(ctx context.Context, id, actor string) error {
	return s.store.UnsubscribeVNFM(ctx, id, actor)
}

// Run looks after VNFMs until the context ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		for s.LookAfter(ctx) {
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// LookAfter looks after one VNFM that is due and tells whether there was one.
func (s *Service) LookAfter(ctx context.Context) bool {
	v, found, err := s.store.ClaimVNFM(ctx, leaseTime)
	if err != nil || !found {
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "VNFMs could not be looked for", "error", err.Error())
		}
		return false
	}
	work, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	if v.State == placement.VNFMUnsubscribing {
		err = s.leave(work, v)
	} else {
		err = s.follow(work, v)
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "what became of a subscription was not recorded", "vnfmId", v.ID, "error", err.Error())
	}
	return err == nil && ctx.Err() == nil
}

// follow sees to it that a VNFM has the subscription, and asks it about operations.
func (s *Service) follow(ctx context.Context, v placement.VNFM) error {
	was := v.State
	err := s.subscribed(ctx, &v)
	if err == nil {
		v.State, v.Reason, v.Failures = placement.VNFMSubscribed, "", 0
	} else {
		v.State, v.Reason = placement.VNFMFailed, err.Error()
		v.Failures++
	}
	if v.State != was {
		s.log.InfoContext(ctx, "subscription to a VNFM", "vnfmId", v.ID, "state", string(v.State), "reason", v.Reason)
	}
	s.reconcile(ctx, &v)
	if ctx.Err() != nil {
		return ctx.Err() // the lease ends by itself
	}
	return s.store.RecordVNFM(ctx, v, pause(&v, err))
}

// leave has a VNFM delete the subscription. After an hour it is forgotten as it is.
func (s *Service) leave(ctx context.Context, v placement.VNFM) error {
	err := s.unsubscribe(ctx, &v)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && v.NextCheckAt.Sub(v.Since) < patience {
		v.Reason = err.Error()
		v.Failures++
		return s.store.RecordVNFM(ctx, v, pause(&v, err))
	}
	if err != nil {
		s.log.WarnContext(ctx, "a VNFM is forgotten that may still have the subscription", "vnfmId", v.ID, "error", err.Error())
	}
	return s.store.ForgetVNFM(ctx, v.ID)
}

// pause is how long to leave a VNFM alone.
func pause(v *placement.VNFM, err error) time.Duration {
	if err == nil {
		return checkEvery
	}
	p := longestPause
	if v.Failures < 7 {
		p = min(firstPause<<max(v.Failures-1, 0), longestPause)
	}
	p = p/2 + rand.N(p/2+1)
	if a, ok := err.(*unexpected); ok { //nolint:errorlint // it is never wrapped
		p = max(p, a.retryAfter)
	}
	return p
}

func peerOf(v *placement.VNFM) *peer.Peer {
	return &peer.Peer{APIRoot: v.APIRoot, Credentials: v.Credentials, ClientID: v.ClientID}
}
