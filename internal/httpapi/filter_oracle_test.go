package httpapi_test

import (
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/internal/placement"
	"ringfence/internal/sol013"
)

// The oracle of attribute filters: what SOL013 says of a filter, computed on the entries as clients see them, by the contract alone. It
// shares nothing with what turns filters into SQL.

// leaf is an attribute of a list's entries that has values: a scalar, an array of scalars, or the members of a map.
type leaf struct {
	path  string // escaped, without the key of a map
	kind  sol013.Kind
	isMap bool
}

// resolved follows how the contract describes an attribute that has a schema of its own.
func resolved(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	for len(ref.Value.AllOf) == 1 && ref.Value.Type == nil {
		ref = ref.Value.AllOf[0]
	}
	return ref
}

func kindOf(ref *openapi3.SchemaRef) sol013.Kind {
	s := ref.Value
	switch {
	case strings.HasSuffix(ref.Ref, "/Duration"):
		return sol013.Duration
	case s.Type.Is("boolean"):
		return sol013.Boolean
	case s.Type.Is("integer"), s.Type.Is("number"):
		return sol013.Number
	case s.Format == "date-time":
		return sol013.DateTime
	case len(s.Enum) > 0:
		return sol013.Enum
	}
	return sol013.String
}

// property returns the schema of an object's member, and the value that stands for an absent one.
func property(s *openapi3.Schema, name string) (ref *openapi3.SchemaRef, absent any) {
	if p := s.Properties[name]; p != nil {
		ref = resolved(p)
		return ref, either(p.Value.Default, ref.Value.Default)
	}
	for _, part := range s.AllOf {
		if ref, absent = property(part.Value, name); ref != nil {
			return ref, absent
		}
	}
	return nil, nil
}

// either returns the first that there is.
func either(a, b any) any {
	if a == nil {
		return b
	}
	return a
}

// leaves lists the attributes below a schema.
func leaves(s *openapi3.Schema, prefix string) (all []leaf) {
	for _, part := range s.AllOf {
		all = append(all, leaves(part.Value, prefix)...)
	}
	for name, p := range s.Properties {
		ref, path := resolved(p), prefix+sol013.EscapeName(name)
		if ref.Value.Type.Is("array") {
			ref = resolved(ref.Value.Items)
		}
		switch values := ref.Value.AdditionalProperties.Schema; {
		case ref.Value.Type.Is("object") && values != nil:
			all = append(all, leaf{path, kindOf(resolved(values)), true})
		case ref.Value.Type.Is("object"):
			all = append(all, leaves(ref.Value, path+"/")...)
		default:
			all = append(all, leaf{path, kindOf(ref), false})
		}
	}
	return all
}

// holds tells whether conditions hold together of an object.
func holds(entry map[string]any, s *openapi3.Schema, conditions []placement.Condition) bool {
	byName := map[string][]placement.Condition{}
	for _, c := range conditions {
		name := c.Path[0]
		c.Path = c.Path[1:]
		byName[name] = append(byName[name], c)
	}
	for name, rest := range byName {
		ref, absent := property(s, name)
		if value := either(entry[name], absent); !memberHolds(value, ref, rest) {
			return false
		}
	}
	return true
}

func memberHolds(value any, ref *openapi3.SchemaRef, conditions []placement.Condition) bool {
	s, items := ref.Value, ref
	if s.Type.Is("array") {
		items = resolved(s.Items)
	}
	list, _ := value.([]any)
	switch {
	case s.Type.Is("array") && items.Value.Type.Is("object"):
		return slices.ContainsFunc(list, func(v any) bool {
			element, _ := v.(map[string]any)
			return holds(element, items.Value, conditions)
		})
	case s.Type.Is("object") && s.AdditionalProperties.Schema == nil:
		object, _ := value.(map[string]any)
		return holds(object, s, conditions)
	}
	for _, c := range conditions {
		if !slices.ContainsFunc(candidates(value, s, &c), func(v any) bool { return passes(v, kindOf(valuesOf(items, &c)), &c) }) {
			return false
		}
	}
	return true
}

// candidates are the values of which one must pass.
func candidates(value any, s *openapi3.Schema, c *placement.Condition) (all []any) {
	object, _ := value.(map[string]any)
	list, isList := value.([]any)
	switch {
	case s.AdditionalProperties.Schema != nil && c.OfKey:
		for key := range object {
			all = append(all, key)
		}
		return all
	case s.AdditionalProperties.Schema != nil:
		return []any{object[c.Path[0]]}
	case isList:
		return list
	}
	return []any{value}
}

// valuesOf is the schema of what a condition is about.
func valuesOf(ref *openapi3.SchemaRef, c *placement.Condition) *openapi3.SchemaRef {
	values := ref.Value.AdditionalProperties.Schema
	switch {
	case values != nil && c.OfKey:
		return &openapi3.SchemaRef{Value: openapi3.NewStringSchema()}
	case values != nil:
		return resolved(values)
	}
	return ref
}

// passes tells whether one value meets a condition. What is absent, and an empty text, meets none.
func passes(value any, kind sol013.Kind, c *placement.Condition) bool {
	if value == nil || value == "" {
		return false
	}
	text, _ := value.(string)
	switch kind {
	case sol013.Boolean:
		return decides(c, func(v string) int { return strings.Compare(map[any]string{true: "true", false: "false"}[value], v) })
	case sol013.Number:
		number, _ := new(big.Rat).SetString(numeral(value))
		return decides(c, func(v string) int { other, _ := new(big.Rat).SetString(v); return number.Cmp(other) })
	case sol013.Duration:
		d, _ := time.ParseDuration(text)
		return decides(c, func(v string) int { other, _ := time.ParseDuration(v); return int(min(max(d-other, -1), 1)) })
	case sol013.DateTime:
		t, _ := time.Parse(time.RFC3339, text)
		return !t.IsZero() && decides(c, func(v string) int { other, _ := time.Parse(time.RFC3339, v); return t.Compare(other) })
	}
	switch c.Operator {
	case placement.OpContains:
		return slices.ContainsFunc(c.Values, func(v string) bool { return strings.Contains(text, v) })
	case placement.OpContainsNone:
		return !slices.ContainsFunc(c.Values, func(v string) bool { return strings.Contains(text, v) })
	}
	return decides(c, func(v string) int { return strings.Compare(text, v) })
}

func numeral(value any) string {
	text, _ := json.Marshal(value) //nolint:errchkjson // a number
	return string(text)
}

// decides tells what an operator says of how a value compares with those of a condition.
func decides(c *placement.Condition, compare func(string) int) bool {
	order := compare(c.Values[0])
	equal := slices.ContainsFunc(c.Values, func(v string) bool { return compare(v) == 0 })
	switch c.Operator {
	case placement.OpEqual, placement.OpIn:
		return equal
	case placement.OpNotEqual, placement.OpNotIn:
		return !equal
	case placement.OpGreater:
		return order > 0
	case placement.OpGreaterOrEqual:
		return order >= 0
	case placement.OpLess:
		return order < 0
	}
	return order <= 0
}
