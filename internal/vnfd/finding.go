package vnfd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Severity says what a finding comes to.
type Severity string

// The severities. A package with an ERROR is not onboarded.
const (
	SeverityError   Severity = "ERROR"
	SeverityWarning Severity = "WARNING"
)

// The codes of findings, stable for machines.
const (
	CodeArchive           = "ARCHIVE"             // the zip archive is not one, or holds what it must not
	CodeTooLarge          = "TOO_LARGE"           // a bound is exceeded
	CodeMetadata          = "METADATA"            // TOSCA.meta or the entry definitions
	CodeManifest          = "MANIFEST"            // the manifest, or a file that it lists
	CodeHashMismatch      = "HASH_MISMATCH"       // a file is not what the manifest or the descriptor says
	CodeNotInManifest     = "NOT_IN_MANIFEST"     // a file that the manifest does not list
	CodeSignature         = "SIGNATURE"           // something is signed, and nobody verified it here
	CodeSyntax            = "SYNTAX"              // no YAML
	CodeDuplicate         = "DUPLICATE"           // a name is given twice
	CodeImport            = "IMPORT"              // an import that leads nowhere
	CodeForm              = "FORM"                // a value is not of the form that SOL001 gives it
	CodeUnknownType       = "UNKNOWN_TYPE"        // a type that is neither SOL001's nor the package's
	CodeUnknownConstruct  = "UNKNOWN_CONSTRUCT"   // a keyword or property that this reader does not know
	CodeUnresolved        = "UNRESOLVED"          // an input or function whose value only the operation knows
	CodeMissing           = "MISSING"             // what SOL001 demands is not there
	CodeUnknownReference  = "UNKNOWN_REFERENCE"   // a name that nothing has
	CodeNotHeld           = "NOT_HELD"            // a rule that placement cannot hold
	CodeNoResources       = "NO_RESOURCES"        // a component whose use of resources is not said
	CodeFlavoursDiffer    = "FLAVOURS_DIFFER"     // one component, described differently by two flavours
	CodeArtifact          = "ARTIFACT"            // an artifact that is not in the package
	CodeChart             = "CHART"               // a Helm chart, or a template of one, that cannot be rendered
	CodeNotInDescriptor   = "NOT_IN_DESCRIPTOR"   // an object or container of a manifest that the descriptor does not name
	CodeManifestDiffers   = "MANIFEST_DIFFERS"    // a manifest and the descriptor say different things of a component
	CodeSeveralTargets    = "SEVERAL_TARGETS"     // a rule that names several VDUs without a group
	CodeImageDigestNeeded = "IMAGE_DIGEST_NEEDED" // the checksum is no digest of a container image
)

// Finding is one thing that was found in a package, and where.
type Finding struct {
	Severity Severity
	Code     string
	File     string // within the package; empty for the package itself
	Line     int    // from 1; 0: unknown
	Column   int    // from 1; 0: unknown
	Message  string
}

// String renders a finding as compilers do. What comes from the package cannot steer the terminal that shows it.
func (f Finding) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(printable(f.File))
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
			if f.Column > 0 {
				fmt.Fprintf(&b, ":%d", f.Column)
			}
		}
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%s %s: %s", f.Severity, f.Code, printable(f.Message))
	return b.String()
}

// HasErrors tells whether a finding refuses the package.
func HasErrors(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == SeverityError })
}

// place is where something stands in a package.
type place struct {
	file         string
	line, column int
}

// report collects findings, up to maxFindings.
type report struct {
	findings []Finding
	seen     map[Finding]bool
	full     bool
}

func (r *report) add(severity Severity, code string, at place, format string, args ...any) {
	f := Finding{Severity: severity, Code: code, File: at.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
	switch {
	case r.seen[f]:
		return
	case len(r.findings) < maxFindings:
	case r.full:
		return
	default:
		r.full = true
		f = Finding{Severity: SeverityError, Code: CodeTooLarge, Message: fmt.Sprintf("more than %d findings; the others are not listed", maxFindings)}
	}
	if r.seen == nil {
		r.seen = map[Finding]bool{}
	}
	r.seen[f] = true
	r.findings = append(r.findings, f)
}

func (r *report) fail(code string, at place, format string, args ...any) {
	r.add(SeverityError, code, at, format, args...)
}

func (r *report) warn(code string, at place, format string, args ...any) {
	r.add(SeverityWarning, code, at, format, args...)
}

// sorted returns the findings by file and place; those of the package come first.
func (r *report) sorted() []Finding {
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.findings
}

// quote shows a string of the package, shortened.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}

// printable replaces what a terminal would obey instead of show.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, s)
}
