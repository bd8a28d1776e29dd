package placement

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Finding is one positioned fault of a document, or one result of an analysis.
type Finding struct {
	Severity string // ERROR or WARNING
	Code     string // stable, for machines
	RuleIDs  []string
	PolicyID string // the other policy that it is about; empty: none
	Pointer  string // JSON pointer into the document
	Line     int    // from 1; 0 when unknown
	Column   int    // from 1; 0 when unknown
	Message  string
	Rules    []RulePlace // where the rules of a contradiction stand; none for other findings
	Witness  *Witness    // a workload that a contradiction is about; nil for other findings
}

// RulePlace is where a rule stands.
type RulePlace struct {
	PolicyID string
	RuleID   string
	Line     int // from 1
	Column   int // from 1
}

// Witness is a workload that shows a finding: every one of its kind does.
type Witness struct {
	TrustDomainID string
	NFType        string // empty: any that no policy names
	ComponentID   string // empty: any that no policy names
	Roles         Roles
	Labels        map[string]string
}

// String describes the workload in a sentence.
func (w Witness) String() string {
	what := "any component"
	if w.ComponentID != "" {
		what = "component " + w.ComponentID
	}
	if w.NFType != "" {
		what += " of a network function of type " + w.NFType
	}
	what += " in " + w.TrustDomainID
	if names := w.Roles.Names(); len(names) > 0 {
		what += " with the roles " + strings.Join(names, ", ")
	}
	for _, k := range slices.Sorted(maps.Keys(w.Labels)) {
		what += " labelled " + k + ": " + strconv.Quote(w.Labels[k])
	}
	return what
}
