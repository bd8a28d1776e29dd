package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"ringfence/internal/placement"
)

// The bounds of a document. They are far above what a policy needs and keep hostile input cheap.
const (
	MaxDocumentBytes = 1 << 20
	maxDocumentDepth = 24
	maxDocumentNodes = 250_000
	maxNodeEntries   = 10_000 // of one list or mapping
)

// Parse reads a policy document, YAML or JSON, and reports everything that is wrong with it, in the order of
// the document. The document is nil when the content is not well-formed; one with findings of severity ERROR
// serves for further analysis, but Compile gives no policy for it.
func Parse(content []byte) (*Document, []placement.Finding) {
	var r report
	root := read(content, &r)
	if r.has(CodeTooLarge) { // nothing else is worth saying about it
		root, r.findings = nil, slices.DeleteFunc(r.findings, func(f placement.Finding) bool { return f.Code != CodeTooLarge })
	}
	if root == nil {
		return nil, r.sorted(nil)
	}
	checkStructure(root, &r)
	doc := newDocument(root)
	doc.check(&r)
	findings := r.sorted(root)
	doc.faulty = HasErrors(findings)
	return doc, findings
}

// read turns bytes into a tree of values; nil when they are not well-formed.
func read(content []byte, r *report) *node {
	if len(content) > MaxDocumentBytes {
		r.add(CodeTooLarge, Position{}, "", "the document has %d bytes: at most %d are allowed", len(content), MaxDocumentBytes)
		return nil
	}
	if at, what := firstForbidden(content); what != "" {
		r.add(CodeSyntax, at, "", "%s: a policy is UTF-8 text without control characters", what)
		return nil
	}
	if json.Valid(content) { // YAML takes most JSON, but not characters beyond U+FFFF written as two escapes
		return readJSON(content, r)
	}
	return readYAML(content, r)
}

// firstForbidden finds the first thing that text must not contain.
func firstForbidden(content []byte) (Position, string) {
	at := Position{1, 1}
	for i := 0; i < len(content); {
		c, size := utf8.DecodeRune(content[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			return at, "found a byte that is not UTF-8"
		case c < ' ' && c != '\t' && !isBreak(c), c >= 0x7f && c < 0xa0 && !isBreak(c), c == 0xfffe, c == 0xffff:
			return at, "found the control character " + strconv.QuoteRuneToASCII(c)
		case isBreak(c) && !(c == '\r' && bytes.HasPrefix(content[i:], []byte("\r\n"))):
			at = Position{at.Line + 1, 1}
		default:
			at.Column++
		}
		i += size
	}
	return Position{}, ""
}

func readYAML(content []byte, r *report) *node {
	dec := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	err := dec.Decode(&first)
	if errors.Is(err, io.EOF) {
		r.add(CodeEmpty, Position{1, 1}, "", "the document is empty: expected a policy (apiVersion, kind, policyVersion, rules)")
		return nil
	}
	if err == nil {
		err = dec.Decode(&second)
		if err == nil {
			r.add(CodeSeveralDocuments, Position{second.Line, second.Column}, "", "found a second document: one file holds one policy")
			return nil
		}
	}
	if !errors.Is(err, io.EOF) {
		line, problem := yamlProblem(err)
		r.add(CodeSyntax, Position{line, 1}, "", "not well-formed: %s", problem)
		return nil
	}
	y := yamlReader{report: r}
	return y.node(first.Content[0], "", 0)
}

var yamlErrorForm = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yamlParserProblems are the messages of the YAML library that name the line before the one they mean.
var yamlParserProblems = []string{"key", "'-' indicator", "',' or ']'", "',' or '}'", "node content", "<document start>", "<stream-start>"}

// yamlProblem takes line and message out of an error of the YAML library.
func yamlProblem(err error) (line int, problem string) {
	m := yamlErrorForm.FindStringSubmatch(err.Error())
	if m == nil {
		return 1, err.Error()
	}
	line, problem = 1, m[2]
	if n, err := strconv.Atoi(m[1]); err == nil {
		line = n
		for _, p := range yamlParserProblems {
			if problem == "did not find expected "+p {
				line++
			}
		}
	}
	return line, problem
}

// yamlReader turns the nodes of the YAML library into ours and refuses what a policy must not use.
type yamlReader struct {
	*report
	nodes int
}

func (y *yamlReader) node(n *yaml.Node, ptr string, depth int) *node {
	out := &node{Position: Position{n.Line, n.Column}, kind: refusedNode}
	y.nodes++
	switch {
	case depth > maxDocumentDepth:
		y.add(CodeTooLarge, out.Position, ptr, "nested deeper than %d levels", maxDocumentDepth)
	case y.nodes > maxDocumentNodes:
		if y.nodes == maxDocumentNodes+1 {
			y.add(CodeTooLarge, out.Position, ptr, "the document has more than %d values", maxDocumentNodes)
		}
	case n.Kind == yaml.AliasNode:
		y.add(CodeAlias, out.Position, ptr, "found the alias %s: write the value itself", quote("*"+n.Value))
	case n.Anchor != "":
		y.add(CodeAlias, out.Position, ptr, "found the anchor %s: a policy has no anchors and aliases", quote("&"+n.Anchor))
	case n.Style&yaml.TaggedStyle != 0:
		y.add(CodeTag, out.Position, ptr, "found the tag %s: write the plain value", quote(n.Tag))
	case n.Kind == yaml.MappingNode:
		out.kind = mapNode
		y.mapping(n, out, ptr, depth)
	case n.Kind == yaml.SequenceNode:
		out.kind = listNode
		for i, item := range n.Content {
			if !y.roomFor(i, Position{item.Line, item.Column}, ptr) {
				break
			}
			out.items = append(out.items, y.node(item, pointer(ptr, strconv.Itoa(i)), depth+1))
		}
	default:
		y.scalar(n, out, ptr)
	}
	return out
}

func (y *yamlReader) mapping(n *yaml.Node, out *node, ptr string, depth int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		at := Position{k.Line, k.Column}
		if !y.roomFor(i/2, at, ptr) {
			break
		}
		if k.Kind != yaml.ScalarNode || k.Style&yaml.TaggedStyle != 0 || k.Anchor != "" || k.ShortTag() != "!!str" && k.ShortTag() != "!!merge" || strings.ContainsFunc(k.Value, isControl) {
			y.add(CodeKeyForm, at, ptr, "found a key that is not a plain string: quote it")
			continue
		}
		y.field(out, field{at, k.Value, y.node(n.Content[i+1], pointer(ptr, k.Value), depth+1)}, ptr)
	}
}

// roomFor tells whether a list or mapping may have an entry of that number, from 0, and reports the first one
// that it may not have.
func (r *report) roomFor(entry int, at Position, ptr string) bool {
	if entry == maxNodeEntries {
		r.add(CodeTooLarge, at, ptr, "found more than %d entries", maxNodeEntries)
	}
	return entry < maxNodeEntries
}

// field adds a field to a mapping, if it has none of that name.
func (r *report) field(n *node, f field, ptr string) {
	if earlier := n.add(f); earlier != nil {
		r.add(CodeDuplicateField, f.Position, pointer(ptr, f.name), "field %s was given already in line %d", quote(f.name), earlier.Line)
	}
}

func (y *yamlReader) scalar(n *yaml.Node, out *node, ptr string) {
	out.text = n.Value
	switch n.ShortTag() {
	case "!!null":
		out.kind = nullNode
	case "!!bool":
		out.kind, out.text = boolNode, strings.ToLower(n.Value)
	case "!!int", "!!float":
		y.number(out, ptr)
	default: // also what looks like a timestamp: the document's times are strings
		y.text(out, ptr)
	}
}

// text takes strings without control characters, which escapes can bring in.
func (r *report) text(n *node, ptr string) {
	n.kind = stringNode
	if i := strings.IndexFunc(n.text, isControl); i >= 0 {
		c, _ := utf8.DecodeRuneInString(n.text[i:])
		n.kind = refusedNode
		r.add(CodeValueForm, n.Position, ptr, "found the control character %s in a text", strconv.QuoteRuneToASCII(c))
	}
}

func isControl(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }

var decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$`)

// number takes plain decimals only: what 010, 1_000, 0x1F or 1e3 mean depends on who reads them.
func (r *report) number(n *node, ptr string) {
	if decimalForm.MatchString(n.text) {
		n.kind = numberNode
		return
	}
	n.kind = refusedNode
	r.add(CodeNumberForm, n.Position, ptr, "found the number %s: write a plain decimal such as 3 or 0.5, or quote it if it is a text", quote(n.text))
}
