package policies

import (
	"context"

	"github.com/google/uuid"

	"ringfence/internal/placement"
)

// Subscriptions is what subscribing needs of the database.
type Subscriptions interface {
	// CreatePolicySubscription stores a subscription, or returns the one of the same client, callback and filter.
	CreatePolicySubscription(ctx context.Context, p placement.PolicySubscription) (stored placement.PolicySubscription, created bool, err error)
	ListPolicySubscriptions(ctx context.Context, clientID string, page placement.Page) ([]placement.PolicySubscription, error)
	GetPolicySubscription(ctx context.Context, clientID, id string) (placement.PolicySubscription, error)
	DeletePolicySubscription(ctx context.Context, clientID, id string) error
}

// Callbacks tests where notifications shall go.
type Callbacks interface {
	Test(ctx context.Context, p placement.PolicySubscription) error
}

// Subscribers keeps who wants to hear of policies. A client sees its own subscriptions only.
type Subscribers struct {
	store     Subscriptions
	callbacks Callbacks
}

// NewSubscribers returns the use case.
func NewSubscribers(store Subscriptions, callbacks Callbacks) *Subscribers {
	return &Subscribers{store: store, callbacks: callbacks}
}

// Subscribe tests the callback, then stores the subscription. The client may have it already; then created is false.
func (s *Subscribers) Subscribe(ctx context.Context, p placement.PolicySubscription) (stored placement.PolicySubscription, created bool, err error) {
	if err := s.callbacks.Test(ctx, p); err != nil {
		return p, false, err
	}
	p.ID = uuid.NewString()
	p.NotificationTypes, p.PolicyIDs, p.ChangeTypes = unique(p.NotificationTypes), unique(p.PolicyIDs), unique(p.ChangeTypes)
	return s.store.CreatePolicySubscription(ctx, p)
}

// List returns a page of a client's subscriptions.
func (s *Subscribers) List(ctx context.Context, clientID string, page placement.Page) ([]placement.PolicySubscription, error) {
	return s.store.ListPolicySubscriptions(ctx, clientID, page)
}

// Get returns a subscription of a client.
func (s *Subscribers) Get(ctx context.Context, clientID, id string) (placement.PolicySubscription, error) {
	return s.store.GetPolicySubscription(ctx, clientID, id)
}

// Unsubscribe ends a subscription of a client.
func (s *Subscribers) Unsubscribe(ctx context.Context, clientID, id string) error {
	return s.store.DeletePolicySubscription(ctx, clientID, id)
}
