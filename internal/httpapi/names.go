package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// checkNames refuses a JSON text in which the name of a member means one thing to the contract and another to the
// decoder. The contract's schemas compare names exactly; encoding/json takes any case for the same name, and the last of
// two. So what the schema calls unknown, and lets pass, the decoder would take for the attribute, unchecked. A name that
// stands in an object twice is answered 400 with its place, one that differs only by case 422 with its pointer.
func checkNames(schema *openapi3.SchemaRef, text []byte) error {
	root := (&documentText{body: text}).value()
	c := nameCheck{index: lineIndex{body: text}}
	if c.twice(root); c.duplicate != nil {
		return c.duplicate
	}
	if schema != nil {
		c.spelling(composed(nil, schema), root)
	}
	if len(c.misspelt) == 0 {
		return nil
	}
	return faulty(http.StatusUnprocessableEntity, c.misspelt)
}

type nameCheck struct {
	index     lineIndex
	path      []string
	duplicate error // the first
	misspelt  []invalidParam
}

// twice looks for an object with two members of one name.
func (c *nameCheck) twice(v *value) {
	repeated := v.repeats()
	for i := 0; i < len(v.members) && c.duplicate == nil; i++ {
		if m := &v.members[i]; repeated(i) {
			line, column := c.index.position(int(m.at))
			c.duplicate = newProblem(http.StatusBadRequest, fmt.Sprintf("line %d, column %d: %q: %s", line, column, printable(m.name), saidTwice))
		} else {
			c.twice(m.value)
		}
	}
	for i := 0; i < len(v.items) && c.duplicate == nil; i++ {
		c.twice(v.items[i])
	}
}

// spelling looks for members whose names are the schema's in another case. A map's keys are data and may be any.
func (c *nameCheck) spelling(schemas []*openapi3.Schema, v *value) {
	if len(schemas) == 0 {
		return
	}
	for i := range v.members {
		m := &v.members[i]
		within, meant := attributeOf(schemas, m.name)
		c.path = append(c.path, m.name)
		if meant != "" {
			c.misspelt = append(c.misspelt, invalidParam{Pointer: jsonPointer(c.path), Reason: fmt.Sprintf("there is no such attribute; did you mean %q?", meant)})
		}
		c.spelling(within, m.value)
		c.path = c.path[:len(c.path)-1]
	}
	for i, item := range v.items {
		c.path = append(c.path, strconv.Itoa(i))
		for _, s := range schemas {
			if s.Items != nil {
				c.spelling(composed(nil, s.Items), item)
			}
		}
		c.path = c.path[:len(c.path)-1]
	}
}

// attributeOf returns the schemas of a member. For one that no schema names, meant is the attribute that the decoder
// would take it for, if any.
func attributeOf(schemas []*openapi3.Schema, name string) (within []*openapi3.Schema, meant string) {
	for _, s := range schemas {
		if p := s.Properties[name]; p != nil {
			within = composed(within, p)
		}
	}
	if within != nil {
		return within, ""
	}
	for _, s := range schemas {
		for known := range s.Properties {
			if strings.EqualFold(known, name) {
				return nil, known
			}
		}
		if s.AdditionalProperties.Schema != nil {
			within = composed(within, s.AdditionalProperties.Schema)
		}
	}
	return within, ""
}

// composed appends a schema and those that it is composed of.
func composed(to []*openapi3.Schema, ref *openapi3.SchemaRef) []*openapi3.Schema {
	s := ref.Value
	to = append(to, s)
	for _, group := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		for _, part := range group {
			to = composed(to, part)
		}
	}
	return to
}
