package placement

import "time"

// VNFMState says how far the subscription to a VNFM is.
type VNFMState string

// The states of the subscription to a VNFM.
const (
	VNFMPending       VNFMState = "PENDING"
	VNFMSubscribed    VNFMState = "SUBSCRIBED"
	VNFMFailed        VNFMState = "FAILED"
	VNFMUnsubscribing VNFMState = "UNSUBSCRIBING"
)

// VNFM is a VNFM that this service subscribes to (SOL003, VNF lifecycle management interface).
type VNFM struct {
	ID             string
	APIRoot        string // of its /vnflcm/v2; without a slash at the end
	ClientID       string // of its requests and notifications
	Credentials    string // their name; empty: none
	State          VNFMState
	Reason         string // what went wrong the last time; empty: nothing did
	SubscriptionID string // as the VNFM calls it; empty: there was none yet
	Since          time.Time
	CheckedAt      time.Time // zero: never
	NextCheckAt    time.Time
	Failures       int // in a row
	ActorID        string
	Revision       int64
}
