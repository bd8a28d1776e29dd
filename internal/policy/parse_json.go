package policy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonReader turns the tokens of a valid JSON text into nodes with positions.
type jsonReader struct {
	*report
	dec     *json.Decoder
	content []byte
	offset  int      // up to where at is known
	at      Position // of offset
	nodes   int
}

func readJSON(content []byte, r *report) *node {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	j := jsonReader{report: r, dec: dec, content: content, at: Position{1, 1}}
	return j.node("", 0)
}

// next returns the next token and where it starts.
func (j *jsonReader) next() (json.Token, Position) {
	start := int(j.dec.InputOffset())
	for start < len(j.content) && bytes.IndexByte([]byte(" \t\r\n,:"), j.content[start]) >= 0 {
		start++
	}
	tok, err := j.dec.Token()
	if err != nil {
		return nil, j.position(start) // not reached: the text is valid JSON
	}
	return tok, j.position(start)
}

// position moves forward to a later offset.
func (j *jsonReader) position(offset int) Position {
	for j.offset < offset {
		c, size := utf8.DecodeRune(j.content[j.offset:])
		switch {
		case isBreak(c) && !(c == '\r' && bytes.HasPrefix(j.content[j.offset:], []byte("\r\n"))):
			j.at = Position{j.at.Line + 1, 1}
		default:
			j.at.Column++
		}
		j.offset += size
	}
	return j.at
}

func (j *jsonReader) node(ptr string, depth int) *node {
	tok, at := j.next()
	return j.from(tok, at, ptr, depth)
}

func (j *jsonReader) from(tok json.Token, at Position, ptr string, depth int) *node {
	out := &node{Position: at, kind: refusedNode}
	j.nodes++
	if depth == maxDocumentDepth+1 {
		j.add(CodeTooLarge, at, ptr, "nested deeper than %d levels", maxDocumentDepth)
	}
	if j.nodes == maxDocumentNodes+1 {
		j.add(CodeTooLarge, at, ptr, "the document has more than %d values", maxDocumentNodes)
	}
	kind := nullNode
	switch t := tok.(type) {
	case bool:
		kind, out.text = boolNode, strconv.FormatBool(t)
	case json.Number:
		out.text = t.String()
		j.number(out, ptr)
		kind = out.kind
	case string:
		out.text = t
		j.text(out, ptr)
		kind = out.kind
	case json.Delim:
		kind = j.collection(t, out, ptr, depth)
	}
	if depth <= maxDocumentDepth && j.nodes <= maxDocumentNodes {
		out.kind = kind
	}
	return out
}

func (j *jsonReader) collection(open json.Delim, out *node, ptr string, depth int) nodeKind {
	for entry := 0; j.dec.More(); entry++ {
		if open == '[' {
			value := j.node(pointer(ptr, strconv.Itoa(entry)), depth+1)
			if j.roomFor(entry, value.Position, ptr) {
				out.items = append(out.items, value)
			}
			continue
		}
		tok, at := j.next()
		name, _ := tok.(string)
		value := j.node(pointer(ptr, name), depth+1)
		switch {
		case strings.ContainsFunc(name, isControl):
			j.add(CodeKeyForm, at, ptr, "found a key with a control character")
		case j.roomFor(entry, at, ptr):
			j.field(out, field{at, name, value}, ptr)
		}
	}
	j.next() // the closing bracket
	if open == '[' {
		return listNode
	}
	return mapNode
}
