package placement

import (
	"crypto/sha256"
	"errors"
	"time"
)

// IdempotencyKey identifies a request of a client. SOL003 has no idempotency header: the VNF LCM operation
// occurrence is the key, and the digest of the body tells a retry from a changed request.
type IdempotencyKey struct {
	ClientID      string
	VNFLcmOpOccID string
	BodySHA256    [sha256.Size]byte
}

// Commit is everything that one grant writes, in one transaction.
type Commit struct {
	Key               IdempotencyKey
	Decision          Decision // with Plan; At, NFVIPoPID and the grant's times are set by the store
	GrantID           string
	Answer            []GrantedPlacement // what the grant says of each placement, in the order of the plan
	VIMAssets         VIMAssets          // what the grant says of the VIMs' names
	Directives        []Directive        // in the order to be issued; Seq and IssuedAt are set by the store
	Supersedes        []string           // residencies of an earlier request for the same occurrence, freed with this commit
	End               EndRules           // what follows from the end of those
	ReservationTTL    time.Duration
	AttestationMargin time.Duration
	SiblingsOf        []ComponentKey  // components whose replicas anywhere are needed by Verify
	TogetherOf        []NFKey         // NF instances whose workloads anywhere are needed by Verify, because a rule holds them together
	ExistingRefs      []string        // ids of existing resources that constraints name
	Standing          []StandingScope // of the standing constraints that the plan meets
}

// NFKey identifies an NF instance.
type NFKey struct {
	VNFInstanceID string
	InstanceKey   string // NF.InstanceKey
}

// ComponentKey identifies a component of one NF instance.
type ComponentKey struct {
	VNFInstanceID string
	InstanceKey   string // NF.InstanceKey
	ComponentID   string
}

// CommitStatus is what became of a commit.
type CommitStatus uint8

// The outcomes of a commit. The zero value is no grant.
const (
	CommitUnknown  CommitStatus = iota // never returned without an error
	CommitDone                         // durable
	CommitStale                        // the facts under lock no longer fit: decide again on a newer view
	CommitAnswered                     // another request with the same key was answered meanwhile: read its answer
)

// CommitResult tells what became of a commit. Only CommitDone carries a grant.
type CommitResult struct {
	Status  CommitStatus
	Grant   Grant
	Reasons []Reason // why it is stale
}

// Verify re-checks a plan against the facts read under lock; no reasons mean that it still holds. It is the
// solver's own rule set.
type Verify func(CommitFacts) []Reason

// Answer is the stored answer to an earlier request with the same client and operation occurrence.
type Answer struct {
	Found       bool
	SameBody    bool
	Outcome     Outcome
	GrantID     string
	DecisionID  string
	Stands      bool         // a grant: one of its residencies stands, in any state; a refusal: nothing changed since
	ObservedID  string       // a refusal: the empty grant that it was answered with, because the client was observed; empty: it was refused
	Position    FeedPosition // a refusal: the view that refused
	Unconfirmed []string     // residencies still RESERVED or UNCONFIRMED of the earlier grant
}

// ErrRulesOutdated says that the policy epoch moved since EndRules were made: nothing was written, and newer rules are needed.
var ErrRulesOutdated = errors.New("the policy epoch moved")

// EndRules say what follows from the end of a residency, inside of the transaction that ends it. Both are pure
// and either may be nil.
type EndRules struct {
	// PolicyEpoch is the one that the rules were made in; in another one nothing is ended by them. 0: any.
	PolicyEpoch int64
	// Residue is what the residency leaves on its host, given who remains there and what lies in the cache.
	Residue func(r *Residency, h *Host, remaining []*Residency, cache []CacheEntry) []Residue
	// Purge orders what must go from the host's cache, given who remains there.
	Purge func(r *Residency, remaining []*Residency) []Directive
}

// AuditRecord is one entry of the audit trail. A decision's record is written in the decision's transaction.
type AuditRecord struct {
	At         time.Time
	ActorID    string
	Action     string // such as GRANT, REFUSE, RELEASE, IMPORT, ACTIVATE
	DecisionID string
	ObjectID   string
	Detail     map[string]string
}
