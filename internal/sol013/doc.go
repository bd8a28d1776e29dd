// Package sol013 reads what requests say in the conventions of ETSI GS NFV-SOL 013: attribute filters, attribute selectors, the
// markers of paged lists, the Version header. It also writes markers, and says which operators an attribute of a kind has.
//
// It is pure: text in, values or a Fault out. It must not know any resource: which attributes there are, and what they
// are in the database, is told by those who have them.
package sol013

import (
	"fmt"
	"unicode"
)

// Fault is something that a request says wrong. Its text is for the person who sent it.
type Fault struct {
	Parameter string // the query parameter or header
	At        int    // the byte of its value, from 1; 0: all of it
	Reason    string
}

// Error returns the reason, and where it lies.
func (f *Fault) Error() string {
	if f.At == 0 {
		return f.Reason
	}
	return fmt.Sprintf("%s, byte %d: %s", f.Parameter, f.At, f.Reason)
}

// maxShown is how many characters of a client's text a fault repeats.
const maxShown = 80

// shown makes a client's text fit for a sentence: bounded, without control characters.
func shown(text string) string {
	out := make([]rune, 0, maxShown)
	for _, r := range text {
		if len(out) == maxShown {
			return fmt.Sprintf(`"%s..."`, string(out))
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			r = '?'
		}
		out = append(out, r)
	}
	return fmt.Sprintf(`"%s"`, string(out))
}
