package placement

import (
	"context"
	"strings"
	"time"
)

// PendingState is the state of a change of the inventory that waits for a second person.
type PendingState string

// The states of a pending change. All but PENDING are final.
const (
	PendingOpen     PendingState = "PENDING"
	PendingApplied  PendingState = "APPLIED"
	PendingRejected PendingState = "REJECTED"
	PendingExpired  PendingState = "EXPIRED" // nobody decided in time
	PendingStale    PendingState = "STALE"   // what it changes was changed meanwhile
)

// PendingChange is a write to the inventory that changes what security rests on, and so waits for the approval of another
// person than the one who asked for it.
type PendingChange struct {
	ID          string
	State       PendingState
	ProposedBy  string // client
	ProposedAt  time.Time
	ExpiresAt   time.Time
	Reason      string   // why, in the words of who asked; may be empty
	Changes     []Change // what the write stores: the objects as they were sent; those without a member are deleted. Lists leave it out
	Differences []SecurityDifference
	Base        []ObjectState // of each of Changes, when the change was proposed
	Decision    PendingDecision
	Revision    int64
}

// PendingDecision is what became of a pending change; the zero value until something has.
type PendingDecision struct {
	By          string // client; empty for one that expired
	At          time.Time
	Reason      string
	BreakGlass  *BreakGlass // who asked for the change has approved it alone
	ConfirmedBy string      // who confirmed that later; empty: nobody yet, or nobody has to
}

// PendingApproval says who approves a pending change, and how it is applied.
type PendingApproval struct {
	Actor   string
	Approve func(before *PendingChange) (PendingDecision, error) // what is recorded of it; an error undoes everything
	Facts   bool                                                 // as of an import
	End     EndRules
}

// ObjectState tells whether an object is as it was.
type ObjectState struct {
	Kind     ChangeKind
	ID       string
	Revision int64  // 0: there was no such object
	Digest   string // of what its writers set; what verifiers, scrubbers and decisions set is no part of it
}

// SecurityDifference is one object that a write changes in something that security rests on.
type SecurityDifference struct {
	Kind       ChangeKind
	ID         string
	Action     DifferenceAction
	Attributes []AttributeDifference // in the order in which the contract has them; an object may have none that is set
}

// DifferenceAction says what becomes of an object.
type DifferenceAction string

// The actions.
const (
	DifferenceCreate DifferenceAction = "CREATE"
	DifferenceChange DifferenceAction = "CHANGE"
	DifferenceDelete DifferenceAction = "DELETE"
)

// AttributeDifference is one attribute, named by its path in the resource, with its values as a person reads them; empty: not stated.
type AttributeDifference struct {
	Name   string
	Before string
	After  string
}

// ChangePreview is what would become of a fleet if a pending change were applied.
type ChangePreview struct {
	PendingChangeID string
	At              time.Time
	Epoch           int64 // the policy epoch that was looked at
	Position        FeedPosition
	Impact          PolicyImpact
}

// AwaitsApproval is the error of a write that was not done, but proposed.
type AwaitsApproval struct{ Change PendingChange }

// Error says who may approve the change.
func (a *AwaitsApproval) Error() string {
	return "the change is security-relevant and waits for another client with the role APPROVER: pending change " + a.Change.ID
}

type reasonKey struct{}

// WithReason says for what reason whatever is written in a context is written.
func WithReason(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, reasonKey{}, strings.TrimSpace(reason))
}

// ReasonOf returns what WithReason said; empty: nothing.
func ReasonOf(ctx context.Context) string {
	reason, _ := ctx.Value(reasonKey{}).(string)
	return reason
}
