package httpapi

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"ringfence/internal/inventory"
)

// The codes of faults that only reading a document can find; package inventory has the others.
const (
	codeUnknownAttribute = "UNKNOWN_ATTRIBUTE"
	codeWrongType        = "WRONG_TYPE"
)

// shape is a schema of the contract in the form in which a document of a million entries can be held to it, every
// fault with its place. It knows the part of OpenAPI that the inventory's schemas use; compileShape refuses more.
type shape struct {
	noun       string // what an object of this shape is
	kind       valueKind
	integer    bool // of a number
	enum       []string
	pattern    *regexp.Regexp
	example    any // of what fits the pattern
	dateTime   bool
	minLength  int
	maxLength  int // 0: any
	minimum    *float64
	maximum    *float64
	required   []string
	properties map[string]*shape
	additional *shape // of attributes without a name of their own; nil: there are none
	items      *shape
	maxMembers int // 0: any number
	minItems   int
	unique     bool
}

// compileShape prepares a schema. Name is what the contract calls it; inline schemas have none.
func compileShape(name string, schema *openapi3.Schema) (*shape, error) {
	if len(schema.AllOf) == 1 && schema.Type == nil { // how the contract describes an attribute that has a schema of its own
		return compileRef(schema.AllOf[0])
	}
	if err := withinSubset(schema); err != nil {
		return nil, fmt.Errorf("schema %s: %w", name, err)
	}
	s := &shape{
		noun: words(name), minLength: int(schema.MinLength), minItems: int(schema.MinItems), minimum: schema.Min, maximum: schema.Max,
		required: schema.Required, unique: schema.UniqueItems, dateTime: schema.Format == "date-time",
	}
	if schema.MaxLength != nil {
		s.maxLength = int(*schema.MaxLength)
	}
	for _, v := range schema.Enum {
		s.enum = append(s.enum, fmt.Sprint(v))
	}
	var err error
	if schema.Pattern != "" {
		if s.pattern, err = regexp.Compile(schema.Pattern); err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		s.example = schema.Example
	}
	switch {
	case schema.Type.Is("object"):
		return s, s.compileObject(schema)
	case schema.Type.Is("array"):
		s.kind = listValue
		s.items, err = compileRef(schema.Items)
		if err == nil && s.unique && s.items.kind != stringValue {
			err = fmt.Errorf("schema %s: only strings are checked to be unique", name)
		}
	case schema.Type.Is("string"):
		s.kind = stringValue
	case schema.Type.Is("integer"):
		s.kind, s.integer = numberValue, true
	case schema.Type.Is("boolean"):
		s.kind = boolValue
	default:
		err = fmt.Errorf("schema %s: type %v is not supported in documents", name, schema.Type)
	}
	return s, err
}

func compileRef(ref *openapi3.SchemaRef) (*shape, error) {
	return compileShape(ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:], ref.Value)
}

func (s *shape) compileObject(schema *openapi3.Schema) (err error) {
	if schema.MaxProps != nil {
		s.maxMembers = int(*schema.MaxProps)
	}
	s.kind, s.properties = objectValue, make(map[string]*shape, len(schema.Properties))
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if s.properties[name], err = compileRef(schema.Properties[name]); err != nil {
			return err
		}
	}
	switch extra := schema.AdditionalProperties; {
	case extra.Schema != nil:
		s.additional, err = compileRef(extra.Schema)
	case extra.Has == nil || *extra.Has:
		err = fmt.Errorf("schema %s: an object of a document names its attributes", s.noun)
	}
	return err
}

// withinSubset refuses what a shape does not check.
func withinSubset(s *openapi3.Schema) error {
	for what, used := range map[string]bool{
		"oneOf, anyOf, allOf or not": len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) > 0 || s.Not != nil,
		"nullable":                   s.Nullable, "multipleOf": s.MultipleOf != nil, "maxItems": s.MaxItems != nil,
		"minProperties":          s.MinProps > 0,
		"exclusive bounds":       s.ExclusiveMin.IsSet() || s.ExclusiveMax.IsSet(),
		"the format " + s.Format: !slices.Contains([]string{"", "date-time", "int64"}, s.Format),
	} {
		if used {
			return fmt.Errorf("%s is not supported in documents", what)
		}
	}
	return nil
}

// shapeCheck holds one entry of a document to its shape.
type shapeCheck struct {
	path  []string
	fault func(code, pointer string, at place, message string)
}

func (c *shapeCheck) report(code string, at place, format string, args ...any) {
	c.fault(code, jsonPointer(c.path), at, fmt.Sprintf(format, args...))
}

func (c *shapeCheck) within(name string, s *shape, v *value) {
	c.path = append(c.path, name)
	c.check(s, v)
	c.path = c.path[:len(c.path)-1]
}

func (c *shapeCheck) check(s *shape, v *value) {
	switch {
	case v.kind == refusedValue:
	case v.kind != s.kind:
		c.report(codeWrongType, v.at, "%s", wrongType(s, v))
	case s.kind == objectValue:
		c.object(s, v)
	case s.kind == listValue:
		c.list(s, v)
	case s.kind == stringValue:
		c.text(s, v)
	case s.kind == numberValue:
		c.number(s, v)
	}
}

func wrongType(s *shape, v *value) string {
	switch {
	case v.kind == nullValue:
		return "this is null; leave the attribute out instead"
	case s.kind == stringValue && (v.kind == numberValue || v.kind == boolValue):
		return fmt.Sprintf("this is %s; put it in quotes, because the attribute is a string", v.kind)
	case s.kind == boolValue:
		return fmt.Sprintf("this is %s; the attribute is true or false", v.kind)
	}
	return fmt.Sprintf("this is %s; the attribute is %s", v.kind, s.kind)
}

func (c *shapeCheck) object(s *shape, v *value) {
	repeated := v.repeats()
	for i := range v.members {
		m := &v.members[i]
		if repeated(i) {
			c.path = append(c.path, m.name)
			c.report(inventory.CodeDuplicate, m.at, saidTwice)
			c.path = c.path[:len(c.path)-1]
			continue
		}
		attribute := s.properties[m.name]
		if attribute == nil && s.additional != nil {
			if attribute = s.additional; !fitsKey(m.name) {
				c.path = append(c.path, m.name)
				c.report(inventory.CodeInvalid, m.at, wrongKey)
				c.path = c.path[:len(c.path)-1]
				continue
			}
		}
		if attribute == nil {
			c.path = append(c.path, m.name)
			c.report(codeUnknownAttribute, m.at, "%s", unknownAttribute(s, m.name))
			c.path = c.path[:len(c.path)-1]
			continue
		}
		c.within(m.name, attribute, m.value)
	}
	if s.maxMembers > 0 && len(v.members) > s.maxMembers {
		c.report(inventory.CodeInvalid, v.at, "this has %d members; at most %d are allowed", len(v.members), s.maxMembers)
	}
	for _, name := range s.required {
		if v.member(name) == nil {
			c.path = append(c.path, name)
			c.report(inventory.CodeMissing, v.at, "%s has no %s, which it needs", article(s.noun), name)
			c.path = c.path[:len(c.path)-1]
		}
	}
}

func (c *shapeCheck) list(s *shape, v *value) {
	if len(v.items) < s.minItems {
		c.report(inventory.CodeInvalid, v.at, "this has %d entries; at least %d are needed", len(v.items), s.minItems)
	}
	repeated := repeats(len(v.items), func(i int) string { return v.items[i].text })
	for i, item := range v.items {
		c.within(strconv.Itoa(i), s.items, item)
		if s.unique && repeated(i) {
			c.path = append(c.path, strconv.Itoa(i))
			c.report(inventory.CodeDuplicate, item.at, "the entry stands in the list a second time")
			c.path = c.path[:len(c.path)-1]
		}
	}
}

// repeats makes a function that tells whether the name at an index stood before.
func repeats(n int, name func(int) string) func(int) bool {
	const few = 32 // up to which comparing is cheaper than a map
	if n <= few {
		return func(i int) bool {
			for j := range i {
				if name(j) == name(i) {
					return true
				}
			}
			return false
		}
	}
	first := make(map[string]int, n)
	for i := range n {
		if _, ok := first[name(i)]; !ok {
			first[name(i)] = i
		}
	}
	return func(i int) bool { return first[name(i)] < i }
}

func (c *shapeCheck) text(s *shape, v *value) {
	switch length := len(v.text); {
	case s.enum != nil:
		if !slices.Contains(s.enum, v.text) {
			c.report(inventory.CodeInvalid, v.at, "%q is none of %s%s", printable(v.text), strings.Join(s.enum, ", "), suggestion(v.text, s.enum))
		}
	case length < s.minLength:
		c.report(inventory.CodeInvalid, v.at, "this is shorter than %d characters", s.minLength)
	case s.maxLength > 0 && length > s.maxLength && utf8.RuneCountInString(v.text) > s.maxLength:
		c.report(inventory.CodeInvalid, v.at, "this is longer than %d characters", s.maxLength)
	case s.pattern != nil && !s.pattern.MatchString(v.text):
		c.report(inventory.CodeInvalid, v.at, "%s", outOfForm(strconv.Quote(printable(v.text)), s.pattern.String(), s.example))
	case s.dateTime && !isTime(v.text):
		c.report(inventory.CodeInvalid, v.at, "%q is no time as RFC 3339 writes it, such as 2026-11-23T10:00:00Z", printable(v.text))
	case strings.IndexByte(v.text, 0) >= 0:
		c.report(inventory.CodeInvalid, v.at, holdsNUL)
	}
}

func isTime(s string) bool {
	var t time.Time
	return t.UnmarshalText([]byte(s)) == nil
}

func (c *shapeCheck) number(s *shape, v *value) {
	n, err := strconv.ParseInt(v.text, 10, 64)
	switch {
	case err != nil:
		c.report(codeWrongType, v.at, "%s is no whole number, in decimal digits only", printable(v.text))
	case s.minimum != nil && float64(n) < *s.minimum, s.maximum != nil && float64(n) > *s.maximum:
		c.report(inventory.CodeInvalid, v.at, "%d is out of bounds: %s", n, bounds(s.minimum, s.maximum))
	}
}

func unknownAttribute(s *shape, name string) string {
	names := slices.Sorted(maps.Keys(s.properties))
	if hint := suggestion(name, names); hint != "" {
		return fmt.Sprintf("%s has no attribute %q%s", article(s.noun), printable(name), hint)
	}
	return fmt.Sprintf("%s has no attribute %q; it may have %s", article(s.noun), printable(name), strings.Join(names, ", "))
}

// suggestion is what to add to a message where a known name is near an unknown one.
func suggestion(name string, known []string) string {
	const longest = 64 // what is longer is no typing error
	if len(name) > longest {
		return ""
	}
	best, least := "", 1+len(name)/2
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the bytes to insert, delete or replace to make one string of the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// words writes the name of a schema as words, TrustDomain as trust domain.
func words(name string) string {
	for schema, term := range map[string]string{"NfviPop": "NFVI-PoP", "VnfProfile": "VNF profile", "CisNode": "CIS node", "Inventory": "inventory document"} {
		if name == schema {
			return term
		}
	}
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func article(noun string) string {
	switch {
	case noun == "":
		return "this"
	case strings.ContainsRune("aeioN", rune(noun[0])):
		return "an " + noun
	}
	return "a " + noun
}
