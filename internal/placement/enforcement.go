package placement

import (
	"slices"
	"strings"
	"time"
)

// Mode says whether what policies refuse is refused, or only recorded. The zero value is none; whoever has no mode is enforced.
type Mode string

// The modes.
const (
	ModeEnforce Mode = "ENFORCE"
	ModeObserve Mode = "OBSERVE"
)

// ModeSubject says what a mode is set for.
type ModeSubject string

// The subjects of modes.
const (
	SubjectClient        ModeSubject = "CLIENT"
	SubjectVIMConnection ModeSubject = "VIM_CONNECTION"
)

// ModeKey identifies who is observed or enforced: a client as authentication names it, or a VIM connection as hosts name it.
type ModeKey struct {
	Subject ModeSubject
	ID      string
}

// String is the identifier of the mode on the wire.
func (k ModeKey) String() string { return string(k.Subject) + ":" + k.ID }

// ParseModeKey reads what String writes. Kind of error: NotFound, since nothing else can have a mode.
func ParseModeKey(text string) (ModeKey, error) {
	subject, id, _ := strings.Cut(text, ":")
	k := ModeKey{ModeSubject(subject), id}
	if id == "" || k.Subject != SubjectClient && k.Subject != SubjectVIMConnection {
		return ModeKey{}, Errorf(NotFound, "%q names nobody who could be observed: it is CLIENT: or VIM_CONNECTION: and an id", text)
	}
	return k, nil
}

// EnforcementMode is a mode that somebody set.
type EnforcementMode struct {
	ModeKey

	Mode     Mode
	Reason   string
	ActorID  string
	Since    time.Time
	Revision int64
}

// DirectiveEnforcement says whether a host carries out what it is told.
type DirectiveEnforcement string

// The zero value of a directive is DirectiveEnforced, that of a granted placement DirectiveAdvisory: nobody is told of a
// safety that is not there.
const (
	DirectiveEnforced DirectiveEnforcement = "ENFORCED"
	DirectiveAdvisory DirectiveEnforcement = "ADVISORY"
)

// RefusalRecord tells what became of a refusal. The zero value is: nothing was recorded.
type RefusalRecord struct {
	Recorded bool
	Observed *Grant // the empty grant that an observed client is answered; nil: it is refused
}

// RefusedBy lists the rules that stood against a request, each once, in the order of the explanation.
func (e *Explanation) RefusedBy() []string {
	var rules []string
	add := func(rule string) {
		if !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	for i := range e.Reasons {
		add(e.Reasons[i].RuleID)
	}
	for i := range e.Demands {
		if e.Demands[i].HostsFeasible > 0 {
			continue
		}
		for j := range e.Demands[i].Counts {
			add(e.Demands[i].Counts[j].RuleID)
		}
	}
	if e.Conflict != nil {
		for _, member := range e.Conflict.Members {
			add(member)
		}
	}
	return rules
}

// EnforcementReport is what observing has let pass, and what enforcing would change.
type EnforcementReport struct {
	Mode       EnforcementMode
	Since      time.Time
	Refusals   []CountedRule // of decisions
	Violations []CountedRule
	Ungranted  int64 // workloads that nobody granted there
	Examples   []ObservedWorkload
	Requests   int64          // operation occurrences that would have been refused
	Directives []CountedEntry // that were only recorded, by kind
	Evictions  int64          // residencies
}

// CountedRule is how often something stood against a rule, with the newest of it.
type CountedRule struct {
	RuleID   string
	Count    int64
	Examples []string
}

// CountedEntry is how often something of a name is there.
type CountedEntry struct {
	Name  string
	Count int64
}

// ObservedWorkload is a workload as a host reports it.
type ObservedWorkload struct {
	HostID string
	Object string
}
