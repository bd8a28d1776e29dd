package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// checkNames refuses a JSON text in which the name of a member means one thing to the contract and another to the
// decoder. The contract's schemas compare names exactly; encoding/json takes any case for the same name, and the last of
// two. So what the schema calls unknown, and lets pass, the decoder would take for the attribute, unchecked. A name that
// stands in an object twice is answered 400 with its place, one that differs only by case 422 with its pointer. So is what
// no schema of OpenAPI 3.0 can say: which keys a map may have, and that nothing holds U+0000.
func checkNames(schema *openapi3.SchemaRef, text []byte) error {
	root := (&documentText{body: text}).value()
	c := nameCheck{index: lineIndex{body: text}}
	if c.twice(root); c.duplicate != nil {
		return c.duplicate
	}
	if schema != nil {
		c.names(composed(nil, schema), root)
	}
	if len(c.faults) == 0 {
		return nil
	}
	return faulty(http.StatusUnprocessableEntity, c.faults)
}

type nameCheck struct {
	index     lineIndex
	path      []string
	duplicate error // the first
	faults    []invalidParam
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

// maxMisnamed is how many places an answer lists. Whoever sends more means harm, or has enough to begin with.
const maxMisnamed = 100

func (c *nameCheck) fault(reason string) {
	if len(c.faults) == maxMisnamed {
		return
	}
	c.faults = append(c.faults, invalidParam{Pointer: jsonPointer(c.path), Reason: reason})
}

// names looks for members whose names are the schema's in another case, and for what cannot be stored. A map's keys are
// data: they may be the name of an attribute in any case. Below what no schema describes, schemas is empty.
func (c *nameCheck) names(schemas []*openapi3.Schema, v *value) {
	if strings.IndexByte(v.text, 0) >= 0 {
		c.fault(holdsNUL)
	}
	for i := range v.members {
		m := &v.members[i]
		a := attributeOf(schemas, m.name)
		c.path = append(c.path, m.name)
		switch {
		case a.meant != "":
			c.fault(fmt.Sprintf("there is no such attribute; did you mean %q?", a.meant))
		case a.key && !fitsKey(m.name):
			c.fault(wrongKey)
		case strings.IndexByte(m.name, 0) >= 0:
			c.fault(holdsNUL)
		}
		c.names(a.schemas, m.value)
		c.path = c.path[:len(c.path)-1]
	}
	items := itemsOf(schemas)
	for i, item := range v.items {
		c.path = append(c.path, strconv.Itoa(i))
		c.names(items, item)
		c.path = c.path[:len(c.path)-1]
	}
}

// What is said of texts and keys that a schema cannot refuse.
const (
	holdsNUL = "this holds the character U+0000, which cannot be stored"
	wrongKey = "a key has 1 to 255 characters, and no control characters among them"
)

// fitsKey tells whether a text may be the key of a map: it is like an identifier.
func fitsKey(key string) bool {
	return key != "" && utf8.RuneCountInString(key) <= 255 && !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// memberRule is what schemas say of a member.
type memberRule struct {
	schemas []*openapi3.Schema
	meant   string // of a name that no schema has: the attribute that the decoder would take it for, if any
	key     bool   // the name is the key of a map
}

func attributeOf(schemas []*openapi3.Schema, name string) (a memberRule) {
	for _, s := range schemas {
		if p := s.Properties[name]; p != nil {
			a.schemas = composed(a.schemas, p)
		}
	}
	if a.schemas != nil {
		return a
	}
	for _, s := range schemas {
		for known := range s.Properties {
			if strings.EqualFold(known, name) {
				return memberRule{meant: known}
			}
		}
		if s.AdditionalProperties.Schema != nil {
			a.schemas, a.key = composed(a.schemas, s.AdditionalProperties.Schema), true
		}
	}
	return a
}

func itemsOf(schemas []*openapi3.Schema) (items []*openapi3.Schema) {
	for _, s := range schemas {
		if s.Items != nil {
			items = composed(items, s.Items)
		}
	}
	return items
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
