package placement

import (
	"errors"
	"fmt"
)

// Kind classifies an error; httpapi maps each kind to one status code.
type Kind uint8

// The kinds of error.
const (
	Internal           Kind = iota // a fault of ours
	Invalid                        // the caller's input cannot be processed
	NotFound                       // no such object, or not disclosed to the caller
	Conflict                       // the state of the object forbids the operation
	PreconditionFailed             // If-Match does not match
	Forbidden                      // the caller may not do this
	Unavailable                    // a dependency does not answer, or the outcome of a commit is unknown; retry
)

var kindNames = []string{"internal", "invalid", "not found", "conflict", "precondition failed", "forbidden", "unavailable"}

// String names the kind for logs.
func (k Kind) String() string { return nameAt(kindNames, int(k)) }

// Error is an error with a kind. Its message is written for the person who called: what is wrong and what to
// do. A cause, if any, goes to logs only.
type Error struct {
	Kind     Kind
	Message  string
	Findings []Finding // positions, for input with several faults
	Cause    error
}

// Error returns the message, with the cause when there is one.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error without a cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error with a cause that is logged but not shown to callers.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// NoSuch says that there is no object of a kind with an id. What is withheld from a caller is answered in the same words as
// what does not exist.
func NoSuch(what, id string) *Error {
	return Errorf(NotFound, "there is no %s %q", what, id)
}

// KindOf returns the kind of the first Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
