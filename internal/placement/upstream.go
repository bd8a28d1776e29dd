package placement

import "time"

// UpstreamState is what the NFVO upstream says of a grant.
type UpstreamState string

// The states of the question to the NFVO upstream.
const (
	UpstreamAsking  UpstreamState = "ASKING"
	UpstreamAgreed  UpstreamState = "AGREED"
	UpstreamRefused UpstreamState = "REFUSED"
	UpstreamFailed  UpstreamState = "FAILED" // there was no answer, or none that could be followed
)

// UpstreamAnswer is what the NFVO upstream said of a grant.
type UpstreamAnswer struct {
	State      UpstreamState
	Detail     string // why it is REFUSED or FAILED
	Grant      []byte // of AGREED: the Grant of SOL003, as it was sent
	AskedAt    time.Time
	AnsweredAt time.Time // zero: not yet
	GivenBack  bool      // what was reserved is given back
}
