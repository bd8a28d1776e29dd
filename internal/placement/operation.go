package placement

import "time"

// OperationState is the state of a VNF LCM operation occurrence (SOL003 LcmOperationStateType).
type OperationState string

// The states of a VNF LCM operation occurrence.
const (
	OperationStarting    OperationState = "STARTING"
	OperationProcessing  OperationState = "PROCESSING"
	OperationCompleted   OperationState = "COMPLETED"
	OperationFailedTemp  OperationState = "FAILED_TEMP"
	OperationFailed      OperationState = "FAILED"
	OperationRollingBack OperationState = "ROLLING_BACK"
	OperationRolledBack  OperationState = "ROLLED_BACK"
)

// Final tells whether no other state follows.
func (s OperationState) Final() bool {
	return s == OperationCompleted || s == OperationFailed || s == OperationRolledBack
}

// OperationEvent tells what has become of a VNF LCM operation occurrence.
type OperationEvent struct {
	VNFInstanceID string
	VNFLcmOpOccID string
	GrantID       string // when the event is about this grant only; empty: about the one that the occurrence has
	State         OperationState
	At            time.Time         // by the clock of who tells; zero: not told
	VIMResourceID map[string]string // what the VIM calls the resources of the request, by resource definition id
	Unnamed       []AddedVNFC       // what was added without saying from which resource definition
	Actor         string
	// MayTell decides whether who tells may speak for the client that owns the VNF instance.
	MayTell func(clientID string) bool
}

// AddedVNFC is a VNF component that an operation added (SOL003 AffectedVnfc), of a VNFM that does not tell which resource definition
// of its grant request it comes from, as those of the Tacker family.
type AddedVNFC struct {
	ComponentID     string // the VDU
	VIMConnectionID string // empty: not told
	VIMResourceID   string
}

// OperationOutcome is what followed from an event.
type OperationOutcome struct {
	Granted   bool           // the occurrence has a grant
	Last      OperationState // the state that was known before; empty: none
	Late      bool           // the event came after a later one, or after the end, and changed nothing
	Confirmed int            // residencies that run now
	Ended     int            // residencies that have ended
}

// GrantedOperation says which operation a grant was given to.
type GrantedOperation struct {
	GrantID       string
	ClientID      string
	VNFInstanceID string
	VNFLcmOpOccID string
}
