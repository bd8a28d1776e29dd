package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"ringfence/internal/inventory"
)

// The YAML of a large fleet does not fit into memory as a tree of nodes. So a document in the plain form, one list of
// entries per attribute in block style, is cut between entries and read in parts. What is not in that form, and what
// turns out not to be well-formed when it is cut, is read whole, which also gives errors their true place.

// yamlPart is a part of a document that is well-formed YAML by itself.
type yamlPart struct {
	text   []byte
	before int // lines before it
}

// partBytes is how large a part becomes before the next entry begins another one.
const partBytes = 64 << 10

// topLevelName matches the first line of a section; what follows the name makes it one that is not cut.
var topLevelName = regexp.MustCompile(`^([A-Za-z]+):(?:(?: +#.*| *)\r?$|( ).*$)`)

// yamlSection is an attribute of the document in plain form.
type yamlSection struct {
	name  string // of a list whose entries are cut; empty: the part is a mapping of its own
	line  int    // of the name
	parts []yamlPart
}

// cutYAML cuts a document in plain form into sections; false when it is in another form. Every line that begins at the
// first column begins a section, except comments and the entries of lists that are not indented.
func cutYAML(body []byte) ([]yamlSection, bool) {
	var sections []yamlSection
	c := yamlCutter{indent: -1}
	for line := 0; len(body) > 0; line++ {
		end := bytes.IndexByte(body, '\n') + 1
		if end == 0 {
			end = len(body)
		}
		text := body[:end]
		body = body[end:]
		switch first := text[0]; {
		case line == 0 && strings.TrimRight(string(text), " \r\n") == "---":
		case bytes.HasPrefix(text, []byte("---")), bytes.HasPrefix(text, []byte("...")), first == '%', bytes.ContainsRune(text, '\ufeff'):
			return nil, false
		case first == '#' || first == ' ' || first == '\t' || first == '\r' || first == '\n' || first == '-':
			if !c.add(text, line) {
				return nil, false
			}
		default:
			sections = c.finish(sections)
			if !c.begin(text, line) {
				return nil, false
			}
		}
	}
	return c.finish(sections), true
}

// yamlCutter collects the lines of one section.
type yamlCutter struct {
	section *yamlSection
	indent  int // of the entries of its list; -1: none has begun
}

func (c *yamlCutter) begin(text []byte, line int) bool {
	c.section, c.indent = &yamlSection{line: line + 1}, -1
	m := topLevelName.FindSubmatch(bytes.TrimRight(text, "\n"))
	switch {
	case m == nil:
		return false
	case len(m[2]) == 0:
		c.section.name = string(m[1])
	default:
		c.section.parts = []yamlPart{{text: text, before: line}}
	}
	return true
}

// add takes a line into the section.
func (c *yamlCutter) add(text []byte, line int) bool {
	content := bytes.TrimLeft(text, " ")
	indent := len(text) - len(content)
	blank := len(bytes.Trim(content, "\r\n")) == 0 || content[0] == '#'
	switch {
	case !blank && content[0] == '\t':
		return false
	case c.section == nil:
		return blank
	case c.section.name == "" || blank && c.indent < 0:
		c.extend(text, line)
		return true
	case blank:
		c.extend(text, line)
		return true
	}
	entry := content[0] == '-' && (len(content) == 1 || strings.ContainsRune(" \r\n", rune(content[1])))
	switch {
	case c.indent < 0 && !entry:
		return false // the attribute is no list in block style
	case c.indent < 0:
		c.indent = indent
		c.section.parts = []yamlPart{{text: text, before: line}}
	case indent < c.indent:
		return false
	case entry && indent == c.indent && len(c.section.parts[len(c.section.parts)-1].text) >= partBytes:
		c.section.parts = append(c.section.parts, yamlPart{text: text, before: line})
	default:
		c.extend(text, line)
	}
	return true
}

// extend adds a line to the last part. Lines follow each other in the document, so the part only grows.
func (c *yamlCutter) extend(text []byte, line int) {
	if len(c.section.parts) == 0 {
		if c.section.name == "" {
			c.section.parts = []yamlPart{{text: text, before: line}}
		}
		return // comments in front of the first entry
	}
	last := &c.section.parts[len(c.section.parts)-1]
	last.text = last.text[:len(last.text)+len(text)]
}

func (c *yamlCutter) finish(sections []yamlSection) []yamlSection {
	if c.section == nil {
		return sections
	}
	return append(sections, *c.section)
}

// parseYAML reads one document.
func parseYAML(text []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, newProblem(http.StatusBadRequest, "the document is empty")
		}
		return nil, newProblem(http.StatusBadRequest, "the document is not YAML: "+printable(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	if err := dec.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, newProblem(http.StatusBadRequest, "the body holds more than one document; send one")
	}
	return doc.Content[0], nil
}

// yamlValues turns the nodes of the YAML library into values.
type yamlValues struct {
	before int // lines before the part
	nodes  int // that stand in the document
	copies int // that aliases have added; -1: too many
	fault  func(code string, at place, message string)
}

// maxCopies is how many nodes aliases may add beyond as many as stand in the document.
const maxCopies = 10_000

func (y *yamlValues) place(n *yaml.Node) place {
	return place(n.Line+y.before)<<columnBits | place(n.Column)
}

func (y *yamlValues) refuse(v *value, format string, args ...any) *value {
	v.kind = refusedValue
	y.fault(inventory.CodeInvalid, v.at, fmt.Sprintf(format, args...))
	return v
}

func (y *yamlValues) value(n *yaml.Node) *value { return y.convert(n, 0) }

// convert turns one node into a value; aliases is how many aliases lead to it.
func (y *yamlValues) convert(n *yaml.Node, aliases int) *value {
	v := &value{at: y.place(n)}
	y.nodes++
	if aliases > 0 && !y.copied(v) {
		return v
	}
	if !y.checkTag(n, v) {
		return v
	}
	switch n.Kind {
	case yaml.AliasNode:
		const maxAliases = 16
		if aliases == maxAliases {
			return y.refuse(v, "this alias leads to itself, or to too many others")
		}
		target := y.convert(n.Alias, aliases+1)
		target.at = v.at
		return target
	case yaml.ScalarNode:
		y.scalar(n, v)
	case yaml.SequenceNode:
		v.kind = listValue
		for _, item := range n.Content {
			v.items = append(v.items, y.convert(item, aliases))
		}
	case yaml.MappingNode:
		v.kind = objectValue
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			if name.Kind != yaml.ScalarNode {
				return y.refuse(v, "the name of an attribute is a string")
			}
			v.members = append(v.members, member{name: name.Value, at: y.place(name), value: y.convert(n.Content[i+1], aliases)})
		}
	case yaml.DocumentNode:
		return y.refuse(v, "a document within a document is not supported")
	}
	return v
}

// copied counts a node that stands in the document once and for an alias once more. Too many are reported once.
func (y *yamlValues) copied(v *value) bool {
	y.nodes--
	if y.copies < 0 {
		v.kind = refusedValue
		return false
	}
	if y.copies++; y.copies > y.nodes+maxCopies {
		y.copies = -1
		y.refuse(v, "the aliases of the document expand to more than the document says; write their content out")
		return false
	}
	return true
}

// checkTag refuses tags that say something of their own.
func (y *yamlValues) checkTag(n *yaml.Node, v *value) bool {
	if n.Style&yaml.TaggedStyle == 0 || plainTag(n) {
		return true
	}
	y.refuse(v, "the tag %s is not supported; leave it out", printable(n.Tag))
	return false
}

// plainTag tells whether a tag only says what the core schema would find anyway.
func plainTag(n *yaml.Node) bool {
	switch n.ShortTag() {
	case "!!str":
		return n.Kind == yaml.ScalarNode
	case "!!map":
		return n.Kind == yaml.MappingNode
	case "!!seq":
		return n.Kind == yaml.SequenceNode
	}
	return false
}

// The plain scalars of the core schema that are no strings (YAML 1.2.2, section 10.3.2).
var (
	yamlInt   = regexp.MustCompile(`^[-+]?[0-9]+$`)
	yamlBased = regexp.MustCompile(`^0(o[0-7]+|x[0-9a-fA-F]+)$`)
	yamlFloat = regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// scalar resolves a scalar by the core schema.
func (y *yamlValues) scalar(n *yaml.Node, v *value) {
	v.kind, v.text = stringValue, n.Value
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0 {
		v.kind, v.text = plainScalar(n.Value)
	}
}

// plainScalar is what a scalar without quotes means.
func plainScalar(s string) (kind valueKind, text string) {
	switch {
	case s == "" || s == "~" || s == "null" || s == "Null" || s == "NULL":
		return nullValue, ""
	case s == "true" || s == "True" || s == "TRUE" || s == "false" || s == "False" || s == "FALSE":
		return boolValue, strings.ToLower(s)
	case yamlInt.MatchString(s):
		return numberValue, decimal(s)
	case yamlBased.MatchString(s), yamlFloat.MatchString(s):
		return numberValue, s // no attribute is a number in such a form
	}
	return stringValue, s
}

// decimal writes an integer as JSON does: without a plus and leading zeros.
func decimal(s string) string {
	sign := ""
	if s[0] == '-' || s[0] == '+' {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return sign + s
}
