package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// filterable lists by which attributes the entries of a list can be filtered (SOL013 attribute filters), by
// their path as clients write it, such as attestation/state.
type filterable[T any] map[string]attribute[T]

// attribute makes the test of one filter expression on one attribute.
type attribute[T any] struct {
	operators []string
	test      func(op string, values []string) (func(*T) bool, error)
}

// filter is a filter that was understood. The zero value lets everything pass.
type filter[T any] struct {
	tests []func(*T) bool
	equal map[string]string // attributes that must have one value, for stores that can look it up
}

// matches tells whether all expressions hold for an entry.
func (f *filter[T]) matches(v *T) bool {
	for _, test := range f.tests {
		if !test(v) {
			return false
		}
	}
	return true
}

var (
	anyOperator   = []string{"eq", "neq", "in", "nin", "gt", "gte", "lt", "lte", "cont", "ncont"}
	nameOperators = []string{"eq", "neq", "in", "nin"}
	numOperators  = []string{"eq", "neq", "in", "nin", "gt", "gte", "lt", "lte"}
	timeOperators = []string{"gt", "gte", "lt", "lte"}
	flagOperators = []string{"eq", "neq"}
)

// byText filters by a string; an empty one is absent.
func byText[T any](of func(*T) string) attribute[T] {
	return byTexts(func(v *T) []string { return present(of(v)) })
}

// byTexts filters by an array of strings, one of which must match.
func byTexts[T any](of func(*T) []string) attribute[T] {
	return comparing(anyOperator, of, func(s string) (string, error) { return s, nil }, cmp.Compare[string])
}

// byName filters by an attribute of a closed vocabulary, which has no order; an empty name is absent.
func byName[T any, N ~string](of func(*T) N) attribute[T] {
	return comparing(nameOperators, func(v *T) []string { return present(string(of(v))) },
		func(s string) (string, error) { return s, nil }, cmp.Compare[string])
}

// byNumber filters by an integer.
func byNumber[T any](of func(*T) int64) attribute[T] {
	return comparing(numOperators, func(v *T) []float64 { return []float64{float64(of(v))} }, parseJSON[float64]("a number"), cmp.Compare[float64])
}

// byFlag filters by a truth value.
func byFlag[T any](of func(*T) bool) attribute[T] {
	return comparing(flagOperators, func(v *T) []bool { return []bool{of(v)} }, parseJSON[bool]("true or false"), func(a, b bool) int {
		if a == b {
			return 0
		}
		return 1
	})
}

// byTime filters by a time; the zero time is absent.
func byTime[T any](of func(*T) time.Time) attribute[T] {
	parse := func(s string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return t, fmt.Errorf("%s is no time as RFC 3339 writes it", printable(s))
		}
		return t, nil
	}
	return comparing(timeOperators, func(v *T) []time.Time {
		if t := of(v); !t.IsZero() {
			return []time.Time{t}
		}
		return nil
	}, parse, time.Time.Compare)
}

func present(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func parseJSON[V any](what string) func(string) (V, error) {
	return func(s string) (V, error) {
		var v V
		if s == "null" || json.Unmarshal([]byte(s), &v) != nil {
			return v, fmt.Errorf("%s is not %s", printable(s), what)
		}
		return v, nil
	}
}

// comparing makes tests that compare the values of an attribute with those of an expression. One value that
// passes is enough; an attribute that is absent passes nothing.
func comparing[T, V any](operators []string, of func(*T) []V, parse func(string) (V, error), compare func(a, b V) int) attribute[T] {
	return attribute[T]{operators: operators, test: func(op string, values []string) (func(*T) bool, error) {
		wanted := make([]V, len(values))
		for i, s := range values {
			var err error
			if wanted[i], err = parse(s); err != nil {
				return nil, err
			}
		}
		passes := comparison(op, wanted, values, compare)
		return func(v *T) bool { return slices.ContainsFunc(of(v), passes) }, nil
	}}
}

func comparison[V any](op string, wanted []V, texts []string, compare func(a, b V) int) func(V) bool {
	among := func(v V) bool {
		return slices.ContainsFunc(wanted, func(w V) bool { return compare(v, w) == 0 })
	}
	contains := func(v V) bool {
		s, _ := any(v).(string)
		return slices.ContainsFunc(texts, func(part string) bool { return strings.Contains(s, part) })
	}
	switch op {
	case "neq", "nin":
		return func(v V) bool { return !among(v) }
	case "gt":
		return func(v V) bool { return compare(v, wanted[0]) > 0 }
	case "gte":
		return func(v V) bool { return compare(v, wanted[0]) >= 0 }
	case "lt":
		return func(v V) bool { return compare(v, wanted[0]) < 0 }
	case "lte":
		return func(v V) bool { return compare(v, wanted[0]) <= 0 }
	case "cont":
		return contains
	case "ncont":
		return func(v V) bool { return !contains(v) }
	}
	return among // eq and in
}

// parse reads a filter. What it does not understand, and what the resource does not support, is 400.
func (attrs filterable[T]) parse(text string) (*filter[T], error) {
	f := &filter[T]{equal: map[string]string{}}
	conditions, err := sol013.ParseFilter(text)
	if err != nil {
		return nil, err
	}
	for i := range conditions {
		c := &conditions[i]
		test, err := attrs.compile(c)
		if err != nil {
			return nil, err
		}
		f.tests = append(f.tests, test)
		path := strings.Join(c.Path, "/")
		if _, taken := f.equal[path]; c.Operator == placement.OpEqual && !taken {
			f.equal[path] = c.Values[0]
		}
	}
	return f, nil
}

func (attrs filterable[T]) compile(c *placement.Condition) (func(*T) bool, error) {
	path := strings.Join(c.Path, "/")
	attr, ok := attrs[path]
	if !ok || c.OfKey {
		return nil, badFilter("the attribute %q in filter is not supported; supported are %s",
			printable(path), strings.Join(slices.Sorted(maps.Keys(attrs)), ", "))
	}
	if !slices.Contains(attr.operators, string(c.Operator)) {
		return nil, badFilter("the operator %q is not supported for the attribute %q; supported are %s",
			c.Operator, path, strings.Join(attr.operators, ", "))
	}
	test, err := attr.test(string(c.Operator), c.Values)
	if err != nil {
		return nil, badFilter("the value of %q in filter: %v", path, err)
	}
	return test, nil
}

func badFilter(format string, args ...any) error {
	return &sol013.Fault{Parameter: sol013.FilterParameter, Reason: fmt.Sprintf(format, args...)}
}
