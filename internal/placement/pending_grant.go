package placement

// PendingGrant is a grant request that was taken and is decided later, for clients that poll (SOL003, answer 202).
type PendingGrant struct {
	ID      string // of the grant-to-be
	Key     IdempotencyKey
	LI      bool // the client is cleared for lawful interception
	Request GrantRequest
	Body    []byte // the request as it was sent; nil: nobody needs it

	Decided    bool
	GrantID    string // granted; the ID, unless the same request had been granted before
	DecisionID string // refused
	Fault      string // the request cannot be processed: what is wrong with it
}
