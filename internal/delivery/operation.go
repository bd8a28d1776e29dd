package delivery

import (
	"context"
	"time"

	"ringfence/internal/placement"
)

// Operations is what following operations needs of the database.
type Operations interface {
	// FollowOperation lets what was granted to an operation follow what became of it. NotFound for a VNF instance that is unknown or
	// not the teller's, Conflict when the operation has another grant than the event names.
	FollowOperation(ctx context.Context, ev placement.OperationEvent, ttl time.Duration, end EndRules) (placement.OperationOutcome, error)
	// GrantedOperation tells which operation a grant was given to. NotFound when there is no such grant.
	GrantedOperation(ctx context.Context, grantID string) (placement.GrantedOperation, error)
}

// FollowOperation lets reservations follow what a VNFM or NFVO tells of the operation that they were granted to. While the operation
// runs they last for ttl from each event on.
func (s *Service) FollowOperation(ctx context.Context, ev placement.OperationEvent, ttl time.Duration) (placement.OperationOutcome, error) {
	defer s.Wake()
	var out placement.OperationOutcome
	err := s.ending(ctx, func(end EndRules) (err error) {
		out, err = s.store.FollowOperation(ctx, ev, ttl, end)
		return err
	})
	return out, err
}

// Settle confirms (COMPLETED) or gives back (ROLLED_BACK) what a grant reserved, for who may speak for the client it was given
// to; to everybody else the grant does not exist. Conflict when the operation has ended otherwise.
func (s *Service) Settle(ctx context.Context, grantID string, state placement.OperationState, actor string, mayTell func(clientID, vnfInstanceID string) bool, ttl time.Duration) error {
	g, err := s.store.GrantedOperation(ctx, grantID)
	if err != nil {
		return err
	}
	if !mayTell(g.ClientID, g.VNFInstanceID) {
		return placement.NoSuch("grant", grantID)
	}
	out, err := s.FollowOperation(ctx, placement.OperationEvent{
		VNFInstanceID: g.VNFInstanceID, VNFLcmOpOccID: g.VNFLcmOpOccID, GrantID: grantID, State: state, Actor: actor,
		MayTell: func(client string) bool { return mayTell(client, g.VNFInstanceID) },
	}, ttl)
	if err == nil && out.Late && out.Last != state {
		return placement.Errorf(placement.Conflict, "the operation of grant %q is %s already", grantID, out.Last)
	}
	return err
}
