package sol013

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// The query parameters of attribute selectors.
const (
	allFields      = "all_fields"
	fields         = "fields"
	excludeFields  = "exclude_fields"
	excludeDefault = "exclude_default"
)

// Selectable is what can be selected of a resource: the paths of its optional complex attributes (objects and arrays), and those of
// them that lists leave out by default.
type Selectable struct {
	Optional []string // escaped, ascending
	LeftOut  []string
}

// Dropped lists the paths that an answer leaves out by the selectors of a query, ascending. Combinations without a meaning and
// names that the resource does not have are a *Fault.
func (s Selectable) Dropped(query url.Values) ([]string, error) {
	if err := combination(query); err != nil {
		return nil, err
	}
	for _, parameter := range []string{fields, excludeFields} {
		for _, value := range query[parameter] {
			if err := s.known(parameter, value); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case query.Has(allFields):
		return nil, nil
	case query.Has(excludeFields):
		return paths(query, excludeFields), nil
	case query.Has(fields) && !query.Has(excludeDefault):
		return without(s.Optional, paths(query, fields)), nil
	}
	return without(s.LeftOut, paths(query, fields)), nil
}

// known checks that a list of paths names nothing else than what can be selected.
func (s Selectable) known(parameter, value string) error {
	at := 1
	for path := range strings.SplitSeq(value, ",") {
		if !slices.Contains(s.Optional, path) {
			return &Fault{Parameter: parameter, At: at, Reason: fmt.Sprintf("%s names %s, which is no optional complex attribute here; these are %s",
				parameter, shown(path), orNone(s.Optional))}
		}
		at += len(path) + 1
	}
	return nil
}

// combination checks which selectors stand beside each other: each alone, or exclude_default with fields.
func combination(query url.Values) error {
	var given []string
	for _, parameter := range []string{allFields, excludeFields, excludeDefault, fields} {
		if query.Has(parameter) {
			given = append(given, parameter)
		}
	}
	if len(given) < 2 || slices.Equal(given, []string{excludeDefault, fields}) {
		return nil
	}
	return &Fault{Parameter: given[1], Reason: fmt.Sprintf(
		"%s do not stand together: all_fields, fields, exclude_fields and exclude_default exclude each other, but for exclude_default with fields",
		strings.Join(given, " and "))}
}

func paths(query url.Values, parameter string) []string {
	var out []string
	for _, value := range query[parameter] {
		out = append(out, strings.Split(value, ",")...)
	}
	return out
}

// without removes from the paths to be left out those that are asked for, what they hold, and what holds them.
func without(all, wanted []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(p string) bool {
		return slices.ContainsFunc(wanted, func(w string) bool {
			return p == w || strings.HasPrefix(p, w+"/") || strings.HasPrefix(w, p+"/")
		})
	})
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
