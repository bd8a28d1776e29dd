package policy

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Position is a place in a document. Lines and columns count from 1, columns in characters.
type Position struct {
	Line   int
	Column int
}

// nodeKind is what a value of a document is.
type nodeKind uint8

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	stringNode
	listNode
	mapNode
	refusedNode // was reported already; nothing more is said about it
)

var nodeKindNames = []string{"null", "a boolean", "a number", "a string", "a list", "a mapping", "something that is not allowed"}

func (k nodeKind) String() string { return nodeKindNames[k] }

// node is one value of a document with its position. All methods take nil for a value that is absent.
type node struct {
	Position
	kind   nodeKind
	text   string         // of scalars; a number as it was written
	fields []field        // of a mapping, in the order of the document, without duplicates
	index  map[string]int // of a mapping: where in fields a name is
	items  []*node        // of a list
}

// field is one entry of a mapping. Its position is the key's.
type field struct {
	Position
	name  string
	value *node
}

func (n *node) field(name string) *field {
	if n == nil {
		return nil
	}
	if i, ok := n.index[name]; ok {
		return &n.fields[i]
	}
	return nil
}

// add appends a field to a mapping; if the name is taken, it adds nothing and returns the field that has it.
func (n *node) add(f field) (taken *field) {
	if taken = n.field(f.name); taken != nil {
		return taken
	}
	if n.index == nil {
		n.index = map[string]int{}
	}
	n.index[f.name] = len(n.fields)
	n.fields = append(n.fields, f)
	return nil
}

// get returns the value of a field, nil when there is none.
func (n *node) get(name string) *node {
	if f := n.field(name); f != nil {
		return f.value
	}
	return nil
}

// str returns the text of a string, empty for anything else.
func (n *node) str() string {
	if n == nil || n.kind != stringNode {
		return ""
	}
	return n.text
}

// strOr returns the text of a string, or the default when the value is absent.
func (n *node) strOr(def string) string {
	if n == nil {
		return def
	}
	return n.str()
}

// isTrue tells whether the value is the boolean true.
func (n *node) isTrue() bool { return n != nil && n.kind == boolNode && n.text == "true" }

// list returns the items of a list, none for anything else.
func (n *node) list() []*node {
	if n == nil || n.kind != listNode {
		return nil
	}
	return n.items
}

// strs returns the strings of a list: nil when the value is absent, empty when it is an empty list.
func (n *node) strs() []string {
	if n == nil {
		return nil
	}
	out := make([]string, 0, len(n.items))
	for _, item := range n.list() {
		out = append(out, item.str())
	}
	return out
}

// value returns the node as the JSON value that encoding/json would give, numbers as json.Number.
func (n *node) value() any {
	switch {
	case n == nil:
		return nil
	case n.kind == boolNode:
		return n.text == "true"
	case n.kind == numberNode:
		return json.Number(n.text)
	case n.kind == stringNode:
		return n.text
	case n.kind == listNode:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.value()
		}
		return out
	case n.kind == mapNode:
		return n.object()
	}
	return nil
}

// object returns a mapping as value does, empty for anything else.
func (n *node) object() map[string]any {
	out := map[string]any{}
	if n == nil {
		return out
	}
	for _, f := range n.fields {
		out[f.name] = f.value.value()
	}
	return out
}

// child returns a field of a mapping or an item of a list by one token of a JSON pointer.
func (n *node) child(token string) *node {
	if n == nil || n.kind == mapNode {
		return n.get(token)
	}
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || i >= len(n.items) {
		return nil
	}
	return n.items[i]
}

// find follows the tokens of a JSON pointer; nil when they lead nowhere.
func (n *node) find(tokens []string) *node {
	for _, t := range tokens {
		n = n.child(t)
	}
	return n
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// pointer builds a JSON pointer (RFC 6901) from a pointer and further tokens.
func pointer(base string, tokens ...string) string {
	var b strings.Builder
	b.WriteString(base)
	for _, t := range tokens {
		b.WriteByte('/')
		_, _ = pointerEscaper.WriteString(&b, t)
	}
	return b.String()
}

// pointerTokens splits what pointer built.
func pointerTokens(p string) []string {
	if p == "" {
		return nil
	}
	tokens := strings.Split(p[1:], "/")
	for i, t := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens
}

// isBreak tells whether a character ends a line. CR LF counts as one end.
func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}
