package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	remote "ringfence/api/client"
	"ringfence/api/common"
	"ringfence/internal/placement"
)

// mostShown bounds how many faults of one document are shown; -o json shows all.
const mostShown = 50

// apiError is an answer that is no success, for a person.
type apiError struct{ problem *remote.Problem }

// Error tells a person what is wrong, with every place that the server named.
func (e *apiError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the server answers %d: %s", e.problem.Status, printable(e.problem.Detail))
	for i, p := range e.problem.InvalidParams {
		if i == mostShown {
			fmt.Fprintf(&b, "\n  ... and %d more", len(e.problem.InvalidParams)-mostShown)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", orElse(printable(p.Pointer), "the body"), printable(p.Reason))
	}
	switch {
	case e.problem.Status == http.StatusUnauthorized:
		b.WriteString("\n  RINGFENCE_TOKEN must hold a valid token")
	case e.problem.Status >= http.StatusInternalServerError && e.problem.Instance != "":
		fmt.Fprintf(&b, "\n  the server's log has it under %s", printable(e.problem.Instance))
	}
	return b.String()
}

// asAPIError is the server's own answer in an error; nil when there is none.
func asAPIError(err error) *apiError {
	e, _ := errors.AsType[*apiError](err)
	return e
}

// notFound says whether the server does not know what was asked for.
func notFound(err error) bool {
	e := asAPIError(err)
	return e != nil && e.problem.Status == http.StatusNotFound
}

// findings are the faults of a document, as the compiler here would report them.
func (e *apiError) findings() []placement.Finding {
	var out []placement.Finding
	for _, f := range e.problem.Findings {
		out = append(out, findingFromWire(f))
	}
	return out
}

func findingFromWire(f common.Finding) placement.Finding {
	return placement.Finding{
		Severity: string(f.Severity), Code: f.Code, RuleIDs: f.RuleIDs, Pointer: f.Pointer, Line: f.Line, Column: f.Column, Message: f.Message,
	}
}

func findingToWire(f placement.Finding) common.Finding {
	out := common.Finding{
		Severity: common.FindingSeverity(f.Severity), Code: f.Code, RuleIDs: f.RuleIDs, Pointer: f.Pointer, Line: f.Line, Column: f.Column, Message: f.Message,
	}
	for _, r := range f.Rules {
		out.Rules = append(out.Rules, common.RulePlace{PolicyID: r.PolicyID, RuleID: r.RuleID, Line: r.Line, Column: r.Column})
	}
	if w := f.Witness; w != nil {
		out.Witness = common.FindingWitness{
			TrustDomainID: w.TrustDomainID, NFType: w.NFType, ComponentID: w.ComponentID, Roles: w.Roles.Names(), Labels: w.Labels,
		}
	}
	return out
}

// refusalText is a refused grant for a person.
func refusalText(e *apiError) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "refused    decision %s\n\n%s\n", orElse(printable(e.problem.DecisionID), none), printable(e.problem.Detail))
	if len(e.problem.Violations) > 0 {
		t := table{header: []string{"RULE", "HOSTS", "RESOURCES", "WHY"}}
		for _, v := range e.problem.Violations {
			why := withoutRule(v.Message, v.RuleID)
			if v.NeededIsolation != "" {
				why += " (isolation " + string(v.NeededIsolation) + " or more would satisfy it)"
			}
			t.add(v.RuleID, hostCount(v.HostCount), strings.Join(v.ResourceDefinitionIDs, ", "), why)
		}
		b.WriteByte('\n')
		_ = t.write(&b)
	}
	if len(e.problem.Conflict.Members) > 0 {
		fmt.Fprintf(&b, "\nconflict   %s: %s\n", printable(strings.Join(e.problem.Conflict.Members, ", ")), printable(e.problem.Conflict.Message))
	}
	return b.String()
}

// hostCount is how many hosts a rule excludes; a fault of the request itself excludes none in particular.
func hostCount(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// withoutRule is a reason's sentence without the rule that it begins with, where a column names that.
func withoutRule(message, ruleID string) string {
	return strings.TrimPrefix(message, ruleID+": ")
}
