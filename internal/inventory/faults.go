package inventory

import (
	"fmt"

	"ringfence/internal/placement"
)

// The codes of findings, stable for programs. The store has some of its own.
const (
	CodeInvalid          = "INVALID"           // a value that the attribute cannot have
	CodeMissing          = "MISSING"           // an attribute that must be there
	CodeDuplicate        = "DUPLICATE"         // something that may be there once only
	CodeUnknownReference = "UNKNOWN_REFERENCE" // an object that does not exist
	CodeUnknownDimension = "UNKNOWN_DIMENSION" // a capacity dimension that does not exist
	CodeCycle            = "CYCLE"             // something that contains itself
	CodeNotAllowed       = "NOT_ALLOWED"       // an attribute that others set, or a claim that nothing supports
)

// maxFaults bounds what is remembered of a document full of faults.
const maxFaults = 100_000

// faults collects what is wrong with a record or a document.
type faults struct {
	list   []placement.Finding
	count  int
	prefix string // of the pointers: where the record stands in its document
}

func (f *faults) add(code, pointer, format string, args ...any) {
	f.count++
	if len(f.list) < maxFaults {
		f.list = append(f.list, placement.Finding{
			Severity: "ERROR", Code: code, Pointer: f.prefix + pointer, Message: fmt.Sprintf(format, args...),
		})
	}
}

// refusal is the error about one record; nil when nothing is wrong.
func (f *faults) refusal() error {
	if f.count == 0 {
		return nil
	}
	message := f.list[0].Message
	if f.count > 1 {
		message = fmt.Sprintf("%s (and %d more)", message, f.count-1)
	}
	return &placement.Error{Kind: placement.Invalid, Message: message, Findings: f.list}
}
