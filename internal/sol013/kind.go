package sol013

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"ringfence/internal/placement"
)

// Kind is the kind of an attribute's values, by which its operators and the form of values in filters follow.
type Kind uint8

// The kinds of SOL013, and lengths of time, which our own APIs have beside them: as Go writes them, and ordered.
const (
	String Kind = iota
	Number
	DateTime
	Enum
	Boolean
	Duration
)

var (
	operators = []placement.Operator{
		placement.OpEqual, placement.OpNotEqual, placement.OpIn, placement.OpNotIn, placement.OpGreater, placement.OpGreaterOrEqual,
		placement.OpLess, placement.OpLessOrEqual, placement.OpContains, placement.OpContainsNone,
	}
	multiple = []placement.Operator{placement.OpIn, placement.OpNotIn, placement.OpContains, placement.OpContainsNone} // take several values
)

// Operators lists the operators of attributes of a kind.
func (k Kind) Operators() []placement.Operator {
	switch k {
	case String:
		return operators
	case Number, Duration:
		return operators[:8]
	case DateTime:
		return operators[4:8]
	case Enum:
		return operators[:4]
	case Boolean:
		return operators[:2]
	}
	return nil
}

// number is a number as JSON writes it, with an exponent that a database takes.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,63})(\.[0-9]{1,63})?([eE][+-]?[0-9]{1,3})?$`)

// ParseNumber checks that a value of a filter is a number as JSON writes it, and returns it unchanged.
func ParseNumber(value string) (string, error) {
	if !number.MatchString(value) {
		return "", fmt.Errorf("%s is not a number", shown(value))
	}
	return value, nil
}

// ParseBoolean reads a truth value of a filter.
func ParseBoolean(value string) (b bool, err error) {
	if value == "null" || json.Unmarshal([]byte(value), &b) != nil {
		return false, fmt.Errorf("%s is not true or false", shown(value))
	}
	return b, nil
}

// ParseDateTime reads a time of a filter.
func ParseDateTime(value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return t, fmt.Errorf("%s is no time as RFC 3339 writes it", shown(value))
	}
	return t, nil
}

// ParseDuration reads a length of time of a filter.
func ParseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		return d, fmt.Errorf("%s is no length of time as 24h or 90s", shown(value))
	}
	return d, nil
}
