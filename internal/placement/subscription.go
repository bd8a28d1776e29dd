package placement

import "time"

// NotificationType is the type of a notification about policies (SOL012).
type NotificationType string

// The notifications about policies.
const (
	NotifyPolicyChange   NotificationType = "PolicyChangeNotification"
	NotifyPolicyConflict NotificationType = "PolicyConflictNotification"
)

// PolicyOperation is what happened to a policy (SOL012 PolicyOperationType).
type PolicyOperation string

// The operations on policies.
const (
	PolicyCreated     PolicyOperation = "CREATE_POLICY"
	PolicyTransferred PolicyOperation = "TRANSFER_POLICY"
	PolicyDeleted     PolicyOperation = "DELETE_POLICY"
	PolicyModified    PolicyOperation = "MODIFY_POLICY"
)

// PolicySubscription is who wants to hear of what, and where (SOL012 PolicySubscription).
type PolicySubscription struct {
	ID                string
	ClientID          string
	CallbackURI       string
	NotificationTypes []NotificationType // nil: all
	PolicyIDs         []string           // nil: all
	ChangeTypes       []PolicyOperation  // nil: all

	// How notifications show who sends them; never answered.
	AuthTypes     []AuthType // the ways that the subscriber accepts; none: BASIC where there is a user name
	UserName      string     // BASIC
	Password      string     // BASIC
	TokenEndpoint string     // OAUTH2_CLIENT_CREDENTIALS: where tokens are asked for
	OAuthClientID string     // OAUTH2_CLIENT_CREDENTIALS
	OAuthSecret   string     // OAUTH2_CLIENT_CREDENTIALS
	Unreadable    bool       // its secrets are stored, and no key at hand opens them
}

// AuthType is a way to show a subscriber who sends notifications (SOL013 SubscriptionAuthentication).
type AuthType string

// The ways to show a subscriber who sends notifications.
const (
	AuthBasic  AuthType = "BASIC"
	AuthOAuth2 AuthType = "OAUTH2_CLIENT_CREDENTIALS"
	AuthTLS    AuthType = "TLS_CERT"
)

// PolicyEvent is something that subscribers hear of: a change of one policy, or a conflict between several.
type PolicyEvent struct {
	ID   string
	Type NotificationType
	At   time.Time

	Operation               PolicyOperation // a change: what happened
	PolicyIDs               []string        // a change: the one policy; a conflict: two or more
	Versions                []string        // a change: the version affected, if any; a conflict: the selected versions, as PolicyIDs
	PreviousSelectedVersion string          // a change that selected another version
	Modification            *PolicyModification
	Description             string // of a conflict
}

// PolicyModification is what a modification changed (SOL012 PolicyModifications).
type PolicyModification struct {
	SelectedVersion    string // empty: as before
	Activated          *bool  // nil: as before
	AddAssociations    []string
	RemoveAssociations []string
}

// Delivery is one event on its way to one subscriber.
type Delivery struct {
	Event        PolicyEvent
	Subscription PolicySubscription
	Attempts     int       // so far
	FailingSince time.Time // since when no delivery to the subscription worked; zero: the last one did
}

// DeliveryState is what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "PENDING"
	DeliveryDelivered DeliveryState = "DELIVERED"
	DeliveryDead      DeliveryState = "DEAD"
)

// DeliveryRecord is a delivery as operations staff see it.
type DeliveryRecord struct {
	ID        string // of the delivery: later events have later ids
	State     DeliveryState
	Event     PolicyEvent
	Attempts  int
	LastError string
	DueAt     time.Time // when it is tried next; zero unless it is PENDING
	SettledAt time.Time // when it was made or given up; zero while it is PENDING

	SubscriptionID string
	ClientID       string
	CallbackURI    string
	SuspendedAt    time.Time // since when nothing is delivered to the subscription; zero: it is not suspended
}

// DeliveryCounts are how many deliveries are on their way and how many were given up, and how many subscriptions are suspended.
type DeliveryCounts struct{ Pending, Dead, Suspended int64 }
