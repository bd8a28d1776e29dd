package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ringfence/internal/placement"
)

// The severities of findings. An ERROR refuses the document.
const (
	SeverityError   = "ERROR"
	SeverityWarning = "WARNING"
)

// The codes of findings. Machines rely on them: a code keeps its meaning, a new meaning gets a new code.
const (
	CodeSyntax            = "SYNTAX"              // not well-formed YAML or JSON
	CodeTooLarge          = "TOO_LARGE"           // more bytes, values or depth than any policy needs
	CodeEmpty             = "EMPTY"               // no document
	CodeSeveralDocuments  = "SEVERAL_DOCUMENTS"   // more than one document in one file
	CodeAlias             = "ALIAS_NOT_ALLOWED"   // a YAML anchor or alias
	CodeTag               = "TAG_NOT_ALLOWED"     // a YAML tag
	CodeKeyForm           = "KEY_FORM"            // a key that is no string
	CodeNumberForm        = "NUMBER_FORM"         // a number that is no plain decimal
	CodeDuplicateField    = "DUPLICATE_FIELD"     // a key that was given before
	CodeUnknownField      = "UNKNOWN_FIELD"       // a field that the document does not have
	CodeUnknownParam      = "UNKNOWN_PARAM"       // a parameter that the rule's kind does not have
	CodeMissingField      = "MISSING_FIELD"       // a mandatory field
	CodeMissingParam      = "MISSING_PARAM"       // a mandatory parameter of the rule's kind
	CodeType              = "WRONG_TYPE"          // a string where a list is expected, and the like
	CodeUnknownValue      = "UNKNOWN_VALUE"       // not in the vocabulary
	CodeValueForm         = "VALUE_FORM"          // not in the form that is expected
	CodeValueRange        = "VALUE_RANGE"         // too small or too large
	CodeSize              = "SIZE"                // too few or too many entries, too long a text
	CodeNotAllowed        = "NOT_ALLOWED"         // a known field that this rule cannot have
	CodeKindUnknown       = "RULE_KIND_UNKNOWN"   // no rule kind
	CodeScopeNotSupported = "SCOPE_NOT_SUPPORTED" // a known scope in which this rule is not judged
	CodeWaiverNotAllowed  = "WAIVER_NOT_ALLOWED"  // the rule's kind is never waived
	CodeWaiverTooWeak     = "WAIVER_TOO_WEAK"     // minSeparation below VM
	CodeRuleIDReserved    = "RULE_ID_RESERVED"    // an id of what is no policy rule
	CodeRuleIDDuplicate   = "RULE_ID_DUPLICATE"
	CodeRolesOverlap      = "ROLES_OVERLAP" // separate-role: a role on both sides
	CodeExceptionUnknown  = "EXCEPTION_RULE_UNKNOWN"
	CodeExceptionNever    = "EXCEPTION_NOT_ALLOWED" // for a rule whose kind is never waived
	CodeTestDuplicate     = "TEST_NAME_DUPLICATE"
	CodeTestInvalid       = "TEST_INVALID" // its world is not one
	CodeTestFailed        = "TEST_FAILED"
	CodeVersionMismatch   = "POLICY_VERSION_MISMATCH"
	CodeAssociations      = "ASSOCIATIONS_NOT_ALLOWED" // of a policy whose target is COMMON
	CodeNameUnknown       = "NAME_UNKNOWN"             // WARNING: what a rule names, the inventory does not have
	CodeRuleVacuous       = "RULE_VACUOUS"             // WARNING: it can refuse nothing
	CodeRuleShadowed      = "RULE_SHADOWED"            // WARNING: earlier rules refuse whatever it refuses
	CodeRuleRedundant     = "RULE_REDUNDANT"           // WARNING: other rules refuse whatever it refuses
	CodeContradiction     = "CONTRADICTION"            // rules that together leave a workload no place at all
	CodePolicyConflict    = "POLICY_CONFLICT"          // WARNING: rules of two policies that together leave a workload no place at all
	CodeNoHostEver        = "NO_HOST_EVER"             // WARNING: no host, whatever it were, could take a component
	CodeNoHostNow         = "NO_HOST_NOW"              // WARNING: the inventory has nothing that the rule accepts
	CodeEvicts            = "EVICTS"                   // WARNING: what runs now would be evicted
	CodeExceptionExpired  = "EXCEPTION_EXPIRED"        // WARNING
	CodeExceptionVacuous  = "EXCEPTION_VACUOUS"        // WARNING: it exempts nobody
	CodeAnalysisBounded   = "ANALYSIS_BOUNDED"         // WARNING: something was not looked at to the end, because that takes too long
	CodeTooManyFindings   = "TOO_MANY_FINDINGS"        // the rest is not listed
)

// maxFindings bounds what one document can make us say.
const maxFindings = 200

// HasErrors tells whether the findings refuse the document: whether one of them is an ERROR.
func HasErrors(findings []placement.Finding) bool {
	return slices.ContainsFunc(findings, func(f placement.Finding) bool { return f.Severity == SeverityError })
}

// report collects findings.
type report struct {
	findings []placement.Finding
}

func (r *report) add(code string, at Position, ptr, format string, args ...any) {
	r.findings = append(r.findings, placement.Finding{
		Severity: SeverityError, Code: code, Pointer: ptr, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...),
	})
}

func (r *report) warn(code string, at Position, ptr, format string, args ...any) {
	r.add(code, at, ptr, format, args...)
	r.findings[len(r.findings)-1].Severity = SeverityWarning
}

func (r *report) has(code string) bool {
	return slices.ContainsFunc(r.findings, func(f placement.Finding) bool { return f.Code == code })
}

// sorted returns the findings in the order of the document, each once, with the rules that they are about.
func (r *report) sorted(root *node) []placement.Finding {
	fs := r.findings
	slices.SortStableFunc(fs, compareFindings)
	fs = slices.CompactFunc(fs, func(a, b placement.Finding) bool { return compareFindings(a, b) == 0 })
	if n := len(fs); n > maxFindings {
		last, severity := fs[maxFindings-1], SeverityWarning
		if HasErrors(fs[maxFindings:]) {
			severity = SeverityError
		}
		fs = append(fs[:maxFindings:maxFindings], placement.Finding{
			Severity: severity, Code: CodeTooManyFindings, Pointer: last.Pointer, Line: last.Line, Column: last.Column,
			Message: fmt.Sprintf("%d more findings are not listed: mend these first", n-maxFindings),
		})
	}
	for i := range fs {
		if id := ruleAt(root, fs[i].Pointer); id != "" && fs[i].RuleIDs == nil {
			fs[i].RuleIDs = []string{id}
		}
	}
	return fs
}

// compareFindings orders findings by their place in the document.
func compareFindings(a, b placement.Finding) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Pointer, b.Pointer),
		cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
}

// ruleAt returns the id of the rule that a pointer leads into; empty when there is none.
func ruleAt(root *node, ptr string) string {
	tokens := pointerTokens(ptr)
	if len(tokens) < 2 || tokens[0] != "rules" {
		return ""
	}
	return root.find(tokens[:2]).get("id").str()
}

// quote renders a text of the document in a message: quoted, and cut when it is long.
func quote(s string) string {
	const most = 80
	if len(s) <= most {
		return strconv.Quote(s)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut] + "…")
}

// oneOf renders a vocabulary for a message, with the name that is nearest to what was found.
func oneOf(found string, known []string) string {
	hint := ""
	if near := nearest(found, known); near != "" && len(known) > 1 {
		hint = "did you mean " + near + "? "
	}
	return hint + "expected " + alternatives(known)
}

func alternatives(known []string) string {
	switch len(known) {
	case 0:
		return "none"
	case 1:
		return known[0]
	}
	return "one of " + strings.Join(known, ", ")
}

// nearest returns the known name that differs from the found one by the fewest typing errors; empty when all
// differ by too many to be meant.
func nearest(found string, known []string) string {
	if len(found) > 64 {
		return ""
	}
	best, most := "", min(3, max(1, len(found)/2))
	for _, k := range known {
		if d := distance(strings.ToLower(found), strings.ToLower(k)); d <= most && (best == "" || d < most) {
			best, most = k, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace to get from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
