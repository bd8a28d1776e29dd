package vnfd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is what a value of a descriptor is.
type kind uint8

const (
	nullValue kind = iota
	scalarValue
	listValue
	mapValue
)

// value is one value of a descriptor with its place. All methods take nil for what is absent.
type value struct {
	place
	kind   kind
	text   string  // of a scalar, as it is written
	fields []field // of a mapping, in the order of the document
	items  []*value
}

// field is one entry of a mapping; its place is the name's.
type field struct {
	place
	name  string
	value *value
}

// get returns the value of a field; nil when there is none.
func (v *value) get(names ...string) *value {
	for _, name := range names {
		v = v.one(name)
	}
	return v
}

func (v *value) one(name string) *value {
	if v == nil {
		return nil
	}
	for i := range v.fields {
		if v.fields[i].name == name {
			return v.fields[i].value
		}
	}
	return nil
}

// str returns the text of a scalar, empty for anything else.
func (v *value) str() string {
	if v == nil || v.kind != scalarValue {
		return ""
	}
	return v.text
}

// given tells whether there is a value other than null.
func (v *value) given() bool { return v != nil && v.kind != nullValue }

// isTrue tells whether the value is the boolean true.
func (v *value) isTrue() bool { return strings.EqualFold(v.str(), "true") }

// list returns the items of a list; a single value is a list of one.
func (v *value) list() []*value {
	switch {
	case v == nil || v.kind == nullValue:
		return nil
	case v.kind == listValue:
		return v.items
	}
	return []*value{v}
}

// strs returns the texts of a list of scalars.
func (v *value) strs() []string {
	var out []string
	for _, item := range v.list() {
		if s := item.str(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// entries returns the fields of a mapping. Of a list of mappings, which TOSCA uses for what has an order, it returns the fields
// of all of them.
func (v *value) entries() []field {
	switch {
	case v == nil:
		return nil
	case v.kind == mapValue:
		return v.fields
	}
	var out []field
	for _, item := range v.items {
		out = append(out, item.entries()...)
	}
	return out
}

// yamlReader turns YAML into values, and counts them over all documents.
type yamlReader struct {
	*report
	nodes     int
	full      bool
	rendered  bool // lines are none of a file, and are not named
	manifests bool // merge keys are allowed, and faults leave a file out instead of refusing the package
}

func (y *yamlReader) fault(code string, at place, format string, args ...any) {
	if y.manifests {
		y.warn(code, at, format, args...)
		return
	}
	y.fail(code, at, format, args...)
}

// parseAll reads the documents of a manifest, those before one that is no YAML.
func (y *yamlReader) parseAll(file string, text []byte) []*value {
	var out []*value
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			y.syntax(file, err)
			return out
		}
		if len(n.Content) > 0 {
			out = append(out, y.convert(file, n.Content[0], 0, 0))
		}
	}
}

// parse reads one document; nil when it is none.
func (y *yamlReader) parse(file string, text []byte) *value {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	if err := dec.Decode(&first); err != nil {
		if errors.Is(err, io.EOF) {
			y.fail(CodeSyntax, place{file: file}, "the document is empty")
		} else {
			y.syntax(file, err)
		}
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		y.fail(CodeSyntax, place{file: file}, "the file holds more than one document, or cannot be read to its end")
		return nil
	}
	return y.convert(file, first.Content[0], 0, 0)
}

var yamlErrorForm = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (y *yamlReader) syntax(file string, err error) {
	at, problem := place{file: file}, err.Error()
	if m := yamlErrorForm.FindStringSubmatch(problem); m != nil {
		at.line, _ = strconv.Atoi(m[1])
		problem = m[2]
	}
	if y.rendered && at.line > 0 {
		problem = fmt.Sprintf("line %d of what it renders to: %s", at.line, problem)
		at.line = 0
	}
	y.fault(CodeSyntax, at, "no YAML: %s", problem)
}

func (y *yamlReader) at(file string, n *yaml.Node) place {
	if y.rendered {
		return place{file: file}
	}
	return place{file: file, line: n.Line, column: n.Column}
}

// convert turns one node into a value; aliases is how many aliases lead to it.
func (y *yamlReader) convert(file string, n *yaml.Node, depth, aliases int) *value {
	v := &value{place: y.at(file, n)}
	y.nodes++
	switch {
	case y.nodes > maxNodes:
		if !y.full {
			y.full = true
			y.fault(CodeTooLarge, v.place, "the descriptor has more than %d values, those that aliases repeat included", maxNodes)
		}
		return v
	case depth > maxDepth || aliases > maxDepth:
		y.fault(CodeTooLarge, v.place, "nested deeper than %d levels", maxDepth)
		return v
	}
	switch n.Kind {
	case yaml.AliasNode:
		return y.convert(file, n.Alias, depth+1, aliases+1)
	case yaml.MappingNode:
		v.kind = mapValue
		y.mapping(v, n, depth, aliases)
	case yaml.SequenceNode:
		v.kind = listValue
		for _, item := range n.Content {
			v.items = append(v.items, y.convert(file, item, depth+1, aliases))
		}
	case yaml.ScalarNode:
		if v.kind, v.text = scalarValue, n.Value; n.ShortTag() == "!!null" {
			v.kind, v.text = nullValue, ""
		}
	default:
		y.fault(CodeSyntax, v.place, "a document within a document")
	}
	return v
}

func (y *yamlReader) mapping(v *value, n *yaml.Node, depth, aliases int) {
	seen := make(map[string]int, len(n.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		at := y.at(v.file, k)
		switch {
		case k.Kind != yaml.ScalarNode:
			y.fault(CodeSyntax, at, "the name of an entry is no plain text")
			continue
		case k.ShortTag() == "!!merge" && y.manifests:
			merged = append(merged, n.Content[i+1])
			continue
		case k.ShortTag() == "!!merge":
			y.fault(CodeSyntax, at, "merge keys (<<) are no part of TOSCA; write the entries out")
			continue
		case seen[k.Value] > 0:
			y.fault(CodeDuplicate, at, "%s was given already in line %d", quote(k.Value), seen[k.Value])
			continue
		}
		seen[k.Value] = k.Line
		v.fields = append(v.fields, field{at, k.Value, y.convert(v.file, n.Content[i+1], depth+1, aliases)})
	}
	for _, m := range merged {
		from := y.convert(v.file, m, depth+1, aliases)
		for _, f := range from.entries() {
			if seen[f.name] == 0 {
				seen[f.name] = m.Line
				v.fields = append(v.fields, f)
			}
		}
	}
}
