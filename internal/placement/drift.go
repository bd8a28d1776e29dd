package placement

import "time"

// The rule ids of what is no policy rule: reality differs from what was decided.
const (
	RuleDriftUngranted = "DRIFT-UNGRANTED" // something runs that nobody decided
	RuleDriftHost      = "DRIFT-HOST"      // it was decided for another host
	RuleDriftNode      = "DRIFT-NODE"      // it runs in another CIS node, or on the host's own kernel
	RuleDriftRuntime   = "DRIFT-RUNTIME"   // it runs with another runtime class
	RuleDriftImage     = "DRIFT-IMAGE"     // it runs an image that it was not granted with
	RuleDriftMissing   = "DRIFT-MISSING"   // it should run and does not
	RuleDriftCache     = "DRIFT-CACHE"     // an artefact lies in the cache as it was not ordered to

	RuleDriftBreakGlass = "DRIFT-BREAK-GLASS" // somebody broke the glass for it in its cluster
)

// CacheOrder is the newest order about an artefact of a trust domain in the cache of a host.
type CacheOrder struct {
	Digest        string
	TrustDomainID string // empty: of nobody in particular
	Mode          CacheMode
}

// OrderCache says what a host is told so that an artefact may lie there, on the facts of the host under its lock; nothing, when it may
// not any more. It is pure.
type OrderCache func(f HostFacts, now time.Time) []Directive

// ObservedFacts are a report of a host beside what was decided for it, read under the host's lock.
type ObservedFacts struct {
	Now       time.Time // the database's
	Host      *Host
	Residents []*Residency // after what followed from the report
	Matched   []*Residency // for each entry of State.Residencies the residency that it is; nil: none on this host
	State     *ObservedState
	Elsewhere map[string]string // hosts for which reported residencies were decided instead, by their ids
	Orders    []CacheOrder
}

// JudgeDrift tells where a report differs from what was decided. It is pure.
type JudgeDrift func(ObservedFacts) []Violation
